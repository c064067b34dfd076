//! Bodies whose bytes follow from a seed, so that both sides know each byte of a body.

use crate::random::mix;

/// The size of the pieces in which bodies are sent.
pub const PIECE: u64 = 16 * 1024;

/// Returns the bytes of the body `seed` from `start`, at most `length`.
pub fn bytes(seed: u64, start: u64, length: u64) -> Vec<u8> {
    let first = start / 8;
    let skipped = (start % 8) as usize;
    let blocks = (skipped as u64 + length).div_ceil(8);
    let mut bytes = Vec::with_capacity(blocks as usize * 8);
    for block in first..first + blocks {
        bytes.extend_from_slice(&mix(seed ^ mix(block)).to_le_bytes());
    }
    bytes.drain(..skipped);
    bytes.truncate(length as usize);
    bytes
}

/// Compares a body that arrives in pieces with the expected bytes.
pub struct Checker {
    seed: u64,
    length: u64,
    position: u64,
}

impl Checker {
    pub fn new(seed: u64, length: u64) -> Self {
        Self { seed, length, position: 0 }
    }

    /// Checks a piece.
    pub fn piece(&mut self, piece: &[u8]) -> Result<(), String> {
        let expected = bytes(self.seed, self.position, piece.len() as u64);
        if let Some(offset) = piece.iter().zip(&expected).position(|(got, expected)| got != expected) {
            return Err(format!(
                "byte {} of the body of {} bytes is wrong",
                self.position + offset as u64,
                self.length
            ));
        }
        self.position += piece.len() as u64;
        match self.position > self.length {
            true => Err(format!("the body has more than {} bytes", self.length)),
            false => Ok(()),
        }
    }

    /// Checks that the body is complete.
    pub fn end(&self) -> Result<(), String> {
        match self.position == self.length {
            true => Ok(()),
            false => Err(format!("the body ended after {} of {} bytes without an error", self.position, self.length)),
        }
    }
}

/// Adds bytes to a checksum (FNV-1a). A checksum begins with [`Sum::default`].
pub struct Sum(u64);

impl Default for Sum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Sum {
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a body of 100 bytes that arrives in two pieces.
    fn check(body: &[u8]) -> Result<(), String> {
        let mut checker = Checker::new(5, 100);
        let (first, rest) = body.split_at(13);
        checker.piece(first)?;
        checker.piece(rest)?;
        checker.end()
    }

    #[test]
    fn pieces_of_a_body_are_equal_to_the_whole() {
        let whole = bytes(5, 0, 100);
        for start in 0..100 {
            assert_eq!(bytes(5, start, 100 - start), whole[start as usize..]);
        }
    }

    #[test]
    fn wrong_short_and_long_bodies_are_found() {
        assert_eq!(check(&bytes(5, 0, 100)), Ok(()));
        let mut wrong = bytes(5, 0, 100);
        wrong[57] ^= 1;
        assert_eq!(check(&wrong), Err("byte 57 of the body of 100 bytes is wrong".to_owned()));
        assert_eq!(check(&bytes(5, 0, 99)), Err("the body ended after 99 of 100 bytes without an error".to_owned()));
        assert_eq!(check(&bytes(5, 0, 101)), Err("the body has more than 100 bytes".to_owned()));
    }
}
