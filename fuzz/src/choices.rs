//! Pseudorandom choices that follow from the input, such as where its bytes are split.
//!
//! The choices are a function of the bytes alone, so an input is exactly what a server sends, and a finding reproduces.

/// The offset basis and the prime of the hash FNV-1a.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0000_0100_0000_01b3);

/// A generator of numbers.
pub(crate) struct Choices(u64);

impl Choices {
    /// Returns the choices of an input.
    pub(crate) fn of(input: &[u8]) -> Self {
        let (basis, prime) = FNV;
        Self(input.iter().fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(prime)))
    }

    /// Returns a number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Returns an item of a list that is not empty.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Splits `bytes` into pieces. No piece is empty.
    pub(crate) fn split(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let longest = self.pick(&[1, 2, 5, 20, 100, 1_000]);
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let length = 1 + self.below(longest.min(bytes.len()));
            pieces.push(bytes[..length].to_vec());
            bytes = &bytes[length..];
        }
        pieces
    }
}

/// Returns `bytes` as a single piece.
pub(crate) fn whole(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.is_empty() { Vec::new() } else { vec![bytes.to_vec()] }
}

/// Returns each byte as a piece.
pub(crate) fn single_bytes(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().map(|byte| vec![*byte]).collect()
}
