//! Cookies of any bytes, kept as text.
//!
//! A server may send bytes that are not UTF-8, and expects the same bytes back. The jar keeps text, because the
//! grammar, the rules and JSON are about text. Each byte that is not UTF-8 becomes a character of its own, at the end
//! of the last private use plane. The bytes of a real character from there are kept in the same way, so no two headers
//! have the same text.

/// The character before the characters that stand for bytes. The bytes are 0x80 to 0xFF.
const BASE: u32 = 0x10_FF00;

/// Returns the text of a header's bytes.
pub(super) fn decode(header: &[u8]) -> String {
    let mut text = String::with_capacity(header.len());
    for chunk in header.utf8_chunks() {
        for character in chunk.valid().chars() {
            if byte_of(character).is_some() {
                text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(character_of));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(character_of));
    }
    text
}

/// Returns the bytes of a text that [`decode`] has returned.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut header = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => header.push(byte),
            None => header.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    header
}

/// Returns how many bytes a text stands for.
pub(super) fn length(text: &str) -> usize {
    text.chars().map(|character| byte_of(character).map_or(character.len_utf8(), |_| 1)).sum()
}

/// Returns the text as a caller may see it: U+FFFD replaces each byte that is not UTF-8.
pub(super) fn shown(text: &str) -> String {
    text.replace(|character| byte_of(character).is_some(), "\u{fffd}")
}

/// Returns the byte that a character stands for, if it stands for a byte.
fn byte_of(character: char) -> Option<u8> {
    u8::try_from(u32::from(character).checked_sub(BASE)?).ok().filter(|byte| !byte.is_ascii())
}

fn character_of(byte: u8) -> char {
    char::from_u32(BASE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_restored_from_its_text() {
        let headers: [&[u8]; 10] = [
            b"",
            b"a=b; Path=/",
            "caf\u{e9}=\u{1F36A}\u{fffd}".as_bytes(),
            b"caf\xE9=\xFF\x80",
            b"\xC3",
            b"\xC3\xC3\xA9",
            // A real character from the range, its first bytes, and an encoding that is too long.
            "\u{10FF80}\u{10FFFF}\u{10FF7F}".as_bytes(),
            b"\xF4\x8F\xBE",
            b"\xC0\x80",
            b"\xED\xA0\x80",
        ];
        for header in headers {
            let text = decode(header);
            assert_eq!((encode(&text), length(&text)), (header.to_vec(), header.len()), "{}", header.escape_ascii());
            assert_eq!(decode(&encode(&text)), text);
        }
        for byte in 0..=255 {
            assert_eq!(encode(&decode(&[b'a', byte, b'z'])), [b'a', byte, b'z']);
        }
    }

    #[test]
    fn replacement_is_shown_for_a_byte_that_is_not_utf_8() {
        assert_eq!(shown(&decode(b"a\xE9\xC3\xA9")), "a\u{fffd}\u{e9}");
    }
}
