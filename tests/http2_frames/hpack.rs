//! Decodes the heads of requests (RFC 7541), to see which fields a client sends, in which order and in which form.

/// A field, and how it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether no table may store the field (RFC 7541, section 7.1.3).
    pub(crate) is_never_indexed: bool,
}

/// The table of a connection, the newest entry first. No entry is removed: the requests of these tests fill less than
/// its 4,096 bytes.
#[derive(Default)]
pub(crate) struct Decoder {
    table: Vec<(String, String)>,
}

impl Decoder {
    /// Decodes a head.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Vec<Field> {
        let mut fields = Vec::new();
        while let Some(first) = block.first().copied() {
            let (prefix, is_indexed, is_never_indexed) = match first {
                0x80.. => (7, true, false),
                0x40.. => (6, false, false),
                // The size of the table, which is not changed below its first size here.
                0x20.. => {
                    integer(&mut block, 5);
                    continue;
                }
                0x10.. => (4, false, true),
                _ => (4, false, false),
            };
            let index = integer(&mut block, prefix);
            let (name, value) = match (is_indexed, index) {
                (true, _) => self.entry(index),
                (false, 0) => (text(&mut block), text(&mut block)),
                (false, _) => (self.entry(index).0, text(&mut block)),
            };
            if prefix == 6 {
                self.table.insert(0, (name.clone(), value.clone()));
            }
            fields.push(Field { name, value, is_never_indexed });
        }
        fields
    }

    fn entry(&self, index: usize) -> (String, String) {
        if let Some(line) = STATIC_TABLE.lines().nth(index - 1) {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            return (name.to_owned(), value.to_owned());
        }
        self.table[index - 1 - STATIC_TABLE.lines().count()].clone()
    }
}

/// Reads an integer (RFC 7541, section 5.1).
fn integer(block: &mut &[u8], prefix: u32) -> usize {
    let max = (1 << prefix) - 1;
    let mut value = usize::from(byte(block)) & max;
    let mut shift = 0;
    while value >= max {
        let next = usize::from(byte(block));
        value += (next & 127) << shift;
        shift += 7;
        if next < 128 {
            break;
        }
    }
    value
}

/// Reads a text (RFC 7541, section 5.2).
fn text(block: &mut &[u8]) -> String {
    let is_huffman = block[0] & 0x80 != 0;
    let length = integer(block, 7);
    let (bytes, rest) = block.split_at(length);
    *block = rest;
    String::from_utf8(if is_huffman { huffman(bytes) } else { bytes.to_vec() }).unwrap()
}

fn byte(block: &mut &[u8]) -> u8 {
    let (first, rest) = block.split_first().unwrap();
    *block = rest;
    *first
}

/// Decodes a text. The code is canonical: codes of the same length ascend with their symbols.
fn huffman(bytes: &[u8]) -> Vec<u8> {
    let mut symbols: Vec<u8> = (0..=255).collect();
    symbols.sort_by_key(|symbol| HUFFMAN_LENGTHS[usize::from(*symbol)]);
    let mut decoded = Vec::new();
    let (mut code, mut length) = (0_u64, 0);
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        code = code << 1 | u64::from(bit);
        length += 1;
        // The first code of this length, and its symbol.
        let (mut first, mut at, mut previous) = (0_u64, 0, 0);
        while at < symbols.len() && u32::from(HUFFMAN_LENGTHS[usize::from(symbols[at])]) <= length {
            let next = u32::from(HUFFMAN_LENGTHS[usize::from(symbols[at])]);
            first <<= next - previous;
            if next == length && first == code {
                decoded.push(symbols[at]);
                (code, length) = (0, 0);
                break;
            }
            (first, previous, at) = (first + 1, next, at + 1);
        }
    }
    decoded
}

/// The lengths of the codes of all bytes (RFC 7541, appendix B).
#[rustfmt::skip]
const HUFFMAN_LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6,
    7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13,
    19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11,
    14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23,
    23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
    21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26,
    24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The static table (RFC 7541, appendix A).
const STATIC_TABLE: &str = "\
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate";

#[test]
fn examples_of_the_specification_are_decoded() {
    // RFC 7541, appendix C.4.
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let mut decoder = Decoder::default();
    let mut decode = |text: &str| -> Vec<String> {
        decoder.decode(&bytes(text)).iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
    };
    let first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    assert_eq!(decode("828684418cf1e3c2e5f23a6ba0ab90f4ff"), first);
    assert_eq!(decode("828684be5886a8eb10649cbf"), [&first[..], &["cache-control: no-cache"]].concat());
    let third = [":method: GET", ":scheme: https", ":path: /index.html", first[3], "custom-key: custom-value"];
    assert_eq!(decode("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"), third);
}
