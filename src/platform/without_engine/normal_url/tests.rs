//! Tests that URLs in normal form are read as the crate `url` reads them.

use super::*;
use crate::platform::parse_url;

/// Texts in normal form, which need no parser.
const NORMAL: [&str; 25] = [
    "http://h/",
    "https://h/",
    "http://example.com",
    "https://example.com:8443",
    "http://127.0.0.1:34567/",
    "http://0.0.0.0/",
    "http://255.255.255.255/a",
    "http://a-b.c--d.example.co.uk/",
    "http://1.example/",
    "http://1.2.3.4.example/",
    "http://h:0/",
    "http://h:1/",
    "http://h:443/",
    "https://h:80/",
    "http://h:65535/",
    "http://h/a/b/c.html",
    "http://h/.well-known/security.txt",
    "http://h//a//b/",
    "http://h/a..b/c./d../e%2e/%2f/%41/%zz/%",
    "http://h/A-Z_a~z!$&'()*+,;=:@",
    "http://h/?",
    "http://h/?a=b&c[]=d%20e&f=/?:@!$()*+,;",
    "http://h/#",
    "http://h/a?b=../c#d?e=/./f'g[0]",
    "http://h/?#",
];

/// Texts that the parser changes or refuses, or that few programs use.
const OTHER: [&str; 60] = [
    "",
    "http",
    "http:",
    "http://",
    "https://",
    "http:///",
    "http:/h/",
    "http:h/",
    "http:\\\\h/",
    "HTTP://h/",
    "hTtps://h/",
    "ftp://h/",
    "ws://h/",
    "//h/",
    "/a",
    " http://h/",
    "http://h/ ",
    "http://h/\n",
    "ht\ttp://h/",
    "http://H/",
    "http://h_/",
    "http://h%41/",
    "http://\u{e9}.example/",
    "http://xn--nxasmq6b/",
    "http://a.xn--b.c/",
    "http://xn--/",
    "http://.h/",
    "http://h./",
    "http://a..b/",
    "http://./",
    "http://127.1/",
    "http://127.0.0.01/",
    "http://127.0.0.256/",
    "http://127.0.0.1./",
    "http://1.2.3.4.5/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://a.0xg/",
    "http://2130706433/",
    "http://h.1/",
    "http://[::1]/",
    "http://u@h/",
    "http://u:p@h/",
    "http://@h/",
    "http://h:/",
    "http://h:80/",
    "https://h:443/",
    "http://h:080/",
    "http://h:00/",
    "http://h:65536/",
    "http://h:99999999999999999999/",
    "http://h:8a/",
    "http://h?a",
    "http://h#a",
    "http://h\\a",
    "http://h/a/./b/../c/.%2E/%2e%2e/%2E",
    "http://h/..a/.%2e",
    "http://h/a b\"<>`{}|^",
    "http://h/?a'b\"<>",
    "http://h/a\u{e9}?\u{e9}#\u{e9}",
];

/// Returns the text of the crate `url`, if it reads a URL of these schemes.
fn parse(input: &str) -> Option<String> {
    url::Url::parse(input).ok().filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from)
}

/// Fails unless this file and the crate `url` read the same parts. Returns whether `input` is in normal form.
fn compare(input: &str) -> bool {
    let Some(url) = parse_normal_url(input) else { return false };
    let expected = url::Url::parse(input).unwrap_or_else(|error| panic!("{input:?}: {error}"));
    assert_eq!(url.as_str(), expected.as_str(), "{input:?}");
    assert_eq!((url.scheme().as_str(), Some(url.host())), (expected.scheme(), expected.host_str()), "{input:?}");
    assert_eq!(Some(url.port()), expected.port_or_known_default(), "{input:?}");
    assert_eq!((url.path(), url.query()), (expected.path(), expected.query()), "{input:?}");
    assert_eq!(url.fragment(), expected.fragment(), "{input:?}");
    assert_eq!(url.target(), &expected[url::Position::BeforePath..url::Position::AfterQuery], "{input:?}");
    // A scheme in capitals leads through the parser, which must find the same parts.
    let parsed = Url::parse(&expected.as_str().replacen("http", "HTTP", 1)).unwrap();
    assert_eq!(parsed, url, "{input:?}");
    true
}

#[test]
fn text_in_normal_form_needs_no_parser() {
    for input in NORMAL {
        assert!(compare(input), "{input:?}");
    }
}

#[test]
fn every_other_text_goes_to_the_parser() {
    for input in OTHER {
        assert!(parse_normal_url(input).is_none(), "{input:?}");
        assert_eq!(Url::parse(input).ok().map(|url| url.to_string()), parse(input), "{input:?}");
    }
}

#[test]
fn each_byte_is_left_or_given_to_the_parser_at_each_place() {
    let mut count = 0;
    for byte in 0..=255_u8 {
        let it = char::from(byte);
        for input in [
            format!("{it}http://h/"),
            format!("http{it}://h/"),
            format!("http:/{it}h/"),
            format!("http://{it}h/"),
            format!("http://h{it}h/"),
            format!("http://h{it}"),
            format!("http://h{it}/"),
            format!("http://h.{it}/"),
            format!("http://1.2.3.{it}/"),
            format!("http://h:8{it}/"),
            format!("http://h:{it}8/"),
            format!("http://h/{it}"),
            format!("http://h/a{it}b"),
            format!("http://h/.{it}/b"),
            format!("http://h/%2e{it}/b"),
            format!("http://h/%2{it}/b"),
            format!("http://h/a?{it}"),
            format!("http://h/a?b{it}c"),
            format!("http://h/a#{it}"),
            format!("http://h/a#b{it}c"),
        ] {
            count += u32::from(compare(&input));
            assert_eq!(Url::parse(&input).ok().map(|url| url.to_string()), parse(&input), "{input:?}");
        }
    }
    assert!(count > 700, "only {count} texts were in normal form");
}

/// A generator of numbers that look random (xorshift), the same in each run.
struct MutationNumbers(u64);

impl MutationNumbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Pieces of URLs that have a meaning for the parser at some place.
const PIECES: [&str; 48] = [
    "/", "//", ".", "..", "/.", "/..", "/./", "%2e", "%2E", ".%2e", "%", "%4", "%00", "%zz", "?", "#", ":", "@", "\\",
    "\t", "\n", " ", "'", "\"", "<", "`", "{", "|", "^", "[", "]", "_", "~", "-", "xn--", "0", "00", "0x", "1", "255",
    "256", ":80", ":443", ":8080", "A", "z", "\u{e9}", "\u{ff0e}",
];

#[test]
fn mutated_urls_are_read_as_by_the_parser() {
    let mut numbers = MutationNumbers(0x2545_f491_4f6c_dd1d);
    let mut count = 0;
    for _ in 0..60_000 {
        let mut input = if numbers.below(4) == 0 { numbers.pick(&OTHER) } else { numbers.pick(&NORMAL) }.to_owned();
        for _ in 0..=numbers.below(3) {
            let boundaries: Vec<_> = (0..=input.len()).filter(|at| input.is_char_boundary(*at)).collect();
            // After the scheme more often than within it, where most changes make a text that is no URL.
            let first = if numbers.below(8) == 0 { 0 } else { 7.min(boundaries.len() - 1) };
            let from = first + numbers.below(boundaries.len() - first);
            let to = (from + numbers.below(3)).min(boundaries.len() - 1);
            let piece = if numbers.below(4) == 0 { "" } else { numbers.pick(&PIECES) };
            input.replace_range(boundaries[from]..boundaries[to], piece);
        }
        count += u32::from(compare(&input));
        assert_eq!(Url::parse(&input).ok().map(|url| url.to_string()), parse(&input), "{input:?}");
    }
    assert!(count > 10_000, "only {count} texts were in normal form");
}

/// Pages whose links are joined.
const PAGES: [&str; 7] = [
    "http://h/",
    "https://h:8443/a/b",
    "http://example.com/a/b/?q=/x/y#/f/g",
    "http://h//a//",
    "http://u:p@h/a/b",
    "http://[::1]/a/b",
    "http://h/a:b/c",
];

/// Links whose result is in normal form, if the page is.
const NORMAL_LINKS: [&str; 16] = [
    "/",
    "/x",
    "/x/y.html?a=b/c:d#e/f:g",
    "/a:b",
    "/.well-known/x",
    "x",
    "x.html",
    "0",
    "x/",
    "x/y:z",
    "x?a:b",
    "x#a:b",
    "x//y",
    "http://other.example/x",
    "https://other.example",
    "Z-9_~!$&'()*+,;=@",
];

/// Links that the parser resolves.
const OTHER_LINKS: [&str; 34] = [
    "",
    "#",
    "#x",
    "?",
    "?x",
    ".",
    "..",
    "./x",
    "../x",
    "../../x",
    "//other.example/x",
    "///x",
    "/\\x",
    "\\x",
    "/..",
    "/./x",
    "x/..",
    "x/./y",
    "/%2e/x",
    " x",
    "x ",
    "x\ty",
    "\nx",
    "x y",
    "/x\"y",
    "-x",
    "_x",
    "~x",
    "mailto:a@h",
    "x:y",
    "javascript:0",
    "http:x",
    "http:/x",
    "x\u{e9}",
];

/// Fails unless a link leads where the parser says. Returns whether the parser was not needed.
fn compare_joined(page: &str, link: &str) -> bool {
    let Some(joined) = join_normal_url(&Url::parse(page).unwrap(), link) else { return false };
    assert_eq!(Some(joined.as_str()), parse_url(link, Some(page)).ok().as_deref(), "{page:?} {link:?}");
    assert!(compare(joined.as_str()));
    true
}

#[test]
fn links_lead_where_the_parser_says() {
    for page in PAGES {
        let is_normal = parse_normal_url(page).is_some();
        for link in NORMAL_LINKS {
            assert_eq!(compare_joined(page, link), is_normal || link.starts_with("http"), "{page:?} {link:?}");
        }
        for link in OTHER_LINKS {
            assert!(!compare_joined(page, link), "{page:?} {link:?}");
        }
    }
}

#[test]
fn mutated_links_lead_where_the_parser_says() {
    let mut numbers = MutationNumbers(0x9e37_79b9_7f4a_7c15);
    let mut count = 0;
    for _ in 0..30_000 {
        let page = numbers.pick(&PAGES);
        let link = if numbers.below(4) == 0 { numbers.pick(&OTHER_LINKS) } else { numbers.pick(&NORMAL_LINKS) };
        let mut link = link.to_owned();
        for _ in 0..numbers.below(3) {
            let boundaries: Vec<_> = (0..=link.len()).filter(|at| link.is_char_boundary(*at)).collect();
            let at = boundaries[numbers.below(boundaries.len())];
            link.insert_str(at, numbers.pick(&PIECES));
        }
        count += u32::from(compare_joined(page, &link));
    }
    assert!(count > 5_000, "only {count} links needed no parser");
}
