//! Searches for control characters, eight bytes at a time.

/// A number whose eight bytes are 1.
const ONES: u64 = u64::MAX / 255;

/// Finds the first byte that is less than `limit`, or a DEL (0x7F). `limit` is at most 0x80.
pub(super) fn find_below(data: &[u8], limit: u8) -> Option<usize> {
    let mut rest = data;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let found = flags(u64::from_le_bytes(*chunk), limit);
        if found != 0 {
            return Some(data.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = after;
    }
    // The last eight bytes: the bytes that were searched before are not found again.
    if let Some(chunk) = data.last_chunk() {
        let found = flags(u64::from_le_bytes(*chunk), limit);
        return (found != 0).then(|| data.len() - chunk.len() + found.trailing_zeros() as usize / 8);
    }
    let at = rest.iter().position(|byte| *byte < limit || *byte == 0x7f)?;
    Some(data.len() - rest.len() + at)
}

/// Returns a number that is not zero if a byte of `bytes` is less than `limit` or a DEL. The lowest bit that is set is in
/// the first such byte. Bits above it may be set in error, because a subtraction borrows from the next byte.
fn flags(bytes: u64, limit: u8) -> u64 {
    let is_below = bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes;
    let deletes = bytes ^ (ONES * 0x7f);
    let is_delete = deletes.wrapping_sub(ONES) & !deletes;
    (is_below | is_delete) & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_byte_is_found_at_each_place() {
        for limit in [b' ', b'!'] {
            let is_found = |byte: &u8| *byte < limit || *byte == 0x7f;
            for length in 0..40 {
                for byte in (0..=255).filter(is_found) {
                    for fill in [b'!', b'~', 0x80, 0xff] {
                        let mut data = vec![fill; 40];
                        assert_eq!(find_below(&data, limit), None);
                        data[length..].fill(byte);
                        assert_eq!(find_below(&data, limit), Some(length), "{byte} after {length} times {fill}");
                        data[length + 1..].fill(b'~');
                        assert_eq!(find_below(&data, limit), Some(length), "{byte} after {length} times {fill}");
                    }
                }
            }
        }
    }
}
