//! Random changes of bytes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes that parsers treat in a special way.
const TOKENS: [&[u8]; 25] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"=",
    b"\"",
    b"%",
    b"\xff",
    b"\x80\x80",
    b"0",
    b"-1",
    b"+5",
    b"18446744073709551616",
    b"ffffffffffffffff",
    b"fffffffffffffffff",
    b"chunked",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"\xff\xff\xff\xff",
    b"HTTP/1.1 200 OK\r\n",
];

/// Changes bytes by pseudorandom numbers, which the seed decides.
pub(crate) struct Mutator(u64);

impl Mutator {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, values: &[&'a T]) -> &'a T {
        values[self.below(values.len())]
    }

    /// Returns a copy of a seed input with up to 6 changes. A seventh of the inputs stays as it is.
    pub(crate) fn mutated(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.pick(seeds).to_vec();
        for _ in 0..self.below(7) {
            self.change(&mut bytes, seeds);
        }
        bytes
    }

    /// Returns a place for a change: half of the time behind a byte that is no letter or digit, where a field begins.
    fn place(&mut self, bytes: &[u8]) -> usize {
        let any = self.below(bytes.len() + 1);
        if self.below(2) == 0 {
            return any;
        }
        let separator = bytes[any..].iter().position(|byte| !byte.is_ascii_alphanumeric());
        separator.map_or(any, |behind| any + behind + 1)
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[&[u8]]) {
        let at = self.place(bytes);
        let end = (at + self.below(16)).min(bytes.len());
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = self.pick(seeds);
                let from = self.below(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let token = self.pick(&TOKENS);
                bytes.splice(at..end, token.iter().copied());
            }
        }
    }
}

/// Counts what a parser did with its inputs.
#[derive(Default)]
struct Verdicts {
    accepted: usize,
    refused: usize,
}

/// Gives mutated inputs to `parse`, which returns whether it accepted the input. A panic names the seed and the input.
///
/// Some inputs have to be accepted and some refused: otherwise the seed inputs reach too little of the parser.
pub(crate) fn fuzz(seeds: &[&[u8]], mut parse: impl FnMut(&[u8], &mut Mutator) -> bool) {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let first = number("WATERSPOUT_FIRST_SEED", 1);
    let count = number("WATERSPOUT_MUTATIONS", 1_000);
    let mut verdicts = Verdicts::default();
    for seed in first..first + count {
        let mut mutator = Mutator::new(seed);
        let input = mutator.mutated(seeds);
        match catch_unwind(AssertUnwindSafe(|| parse(&input, &mut mutator))) {
            Ok(true) => verdicts.accepted += 1,
            Ok(false) => verdicts.refused += 1,
            Err(panic) => {
                eprintln!("WATERSPOUT_FIRST_SEED={seed}, with the input \"{}\"", input.escape_ascii());
                resume_unwind(panic);
            }
        }
    }
    if count >= 1_000 {
        let Verdicts { accepted, refused } = verdicts;
        assert!(accepted > 20 && refused > 20, "{accepted} inputs accepted, {refused} refused");
    }
}
