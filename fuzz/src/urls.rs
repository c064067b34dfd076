//! URLs, beside the crate `url`: texts in normal form have a parser of their own in the client.

use waterspout::{ErrorKind, Scheme, Url};

/// What stands before a text, so that its bytes get into the host, the path, the query and the fragment.
const STARTS: [&str; 5] = ["", "http://", "https://h/", "http://h/p?", "http://h/p?q#"];

/// Parses the text before the last line feed of `input` as a URL, and joins the text behind it to the URL.
///
/// Checks that the results equal the results of the crate `url`, and that a result parses to itself.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (base, reference) = text.rsplit_once('\n').unwrap_or((&text, ""));
    for start in STARTS {
        for text in [base, reference].map(|text| format!("{start}{text}")) {
            compare(Url::parse(&text), url::Url::parse(&text), &text);
        }
    }
    let (Ok(ours), Ok(theirs)) = (Url::parse(base), url::Url::parse(base)) else { return };
    compare(ours.join(reference), join(&theirs, reference), reference);
    // A text that was joined takes the fast path more often.
    if let Ok(joined) = ours.join(reference) {
        compare(
            joined.join("../x?y#z"),
            url::Url::parse(joined.as_str()).and_then(|it| it.join("../x?y#z")),
            "../x?y#z",
        );
    }
}

fn compare(ours: waterspout::Result<Url>, theirs: Result<url::Url, url::ParseError>, input: &str) {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours.as_str(), theirs.as_str(), "{input:?}");
            let scheme = if theirs.scheme() == "https" { Scheme::Https } else { Scheme::Http };
            assert_eq!(ours.scheme(), scheme);
            assert_eq!(Some(ours.host()), theirs.host_str());
            assert_eq!(Some(ours.port()), theirs.port_or_known_default());
            assert_eq!(
                (ours.path(), ours.query(), ours.fragment()),
                (theirs.path(), theirs.query(), theirs.fragment())
            );
            assert_eq!(ours.has_credentials(), !theirs.username().is_empty() || theirs.password().is_some());
            assert_eq!(Url::parse(ours.as_str()).expect("a normal form is valid"), ours);
            // Nothing of a URL can end the request line or a header.
            assert!(ours.target().bytes().chain(ours.authority().bytes()).all(|byte| byte.is_ascii_graphic()));
        }
        (Err(ours), Ok(theirs)) => {
            assert_eq!(ours.kind(), ErrorKind::UnsupportedScheme, "{input:?}");
            assert!(!["http", "https"].contains(&theirs.scheme()), "{input:?}");
        }
        (Err(ours), Err(_)) => assert_eq!(ours.kind(), ErrorKind::InvalidUrl, "{input:?}"),
        (Ok(ours), Err(error)) => panic!("{input:?} became {ours}, and the crate `url` says: {error}"),
    }
}

/// Joins as the URL standard does. The crate reads more than two slashes before a host in another way.
pub(crate) fn join(base: &url::Url, reference: &str) -> Result<url::Url, url::ParseError> {
    let trimmed = reference.trim_start_matches(|character| character <= ' ');
    let slashes = trimmed.chars().filter(|it| !['\t', '\n', '\r'].contains(it));
    match slashes.take_while(|it| ['/', '\\'].contains(it)).count() {
        0..=2 => base.join(reference),
        _ => url::Url::parse(&format!("{}:{trimmed}", base.scheme())),
    }
}
