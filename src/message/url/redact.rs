//! URLs as messages and logs show them: without the parts that may be secret.

use super::{Url, first, last, slice};

/// The text in place of a part that may be secret.
const HIDDEN: &str = "***";

/// The maximum number of characters of an excerpt.
const MAX_EXCERPT: usize = 200;

/// Returns whether text after or before this byte of a URL may be secret: the userinfo, the query and the fragment.
pub(super) fn is_secret_mark(byte: u8) -> bool {
    matches!(byte, b'@' | b'?' | b'#')
}

impl Url {
    /// Returns a URL without userinfo, or a relative URL, with `***` in place of the values of its query and of its
    /// fragment.
    ///
    /// The name of a pair stays if the pair has a value. Any other part of a query may be a secret as a whole, with the `=`
    /// signs at the end of a text in base64.
    pub(crate) fn redact(url: &str) -> String {
        let (url, fragment) = cut(url, b'#');
        let (path, mut query) = cut(url, b'?');
        let mut shown = path.to_owned();
        // The rest of the query begins with a `?` or `&`.
        while !query.is_empty() {
            shown.push_str(slice(query, 0..1));
            let (pair, rest) = cut(slice(query, 1..query.len()), b'&');
            let (name, value) = cut(pair, b'=');
            if value.bytes().any(|byte| byte != b'=') {
                shown.push_str(name);
                shown.push('=');
            }
            if !pair.is_empty() {
                shown.push_str(HIDDEN);
            }
            query = rest;
        }
        shown.push_str(slice(fragment, 0..1));
        if fragment.len() > 1 {
            shown.push_str(HIDDEN);
        }
        shown
    }
}

/// Splits `text` before the first `mark`. Without the mark, the second part is empty.
fn cut(text: &str, mark: u8) -> (&str, &str) {
    let at = first(text, mark).unwrap_or(text.len());
    (slice(text, 0..at), slice(text, at..text.len()))
}

/// Returns the part of an invalid URL that a message may quote: a single line of at most 200 characters, without a
/// password, values of a query, and fragment.
///
/// In an invalid URL the userinfo cannot be located, so an ellipsis replaces all text before the last `@`. U+FFFD
/// replaces each control character.
pub(crate) fn safe_excerpt(input: &str) -> String {
    let (hidden, shown) = match last(input, b'@') {
        None => ("", input),
        Some(at) => {
            // The `@` may be within a query. The text after it is then a part of a value.
            let is_in_query = slice(input, 0..at).bytes().any(is_mark_of_query);
            ("\u{2026}", if is_in_query { "" } else { slice(input, at..input.len()) })
        }
    };
    let mut excerpt = hidden.to_owned();
    for character in Url::redact(shown).chars().take(MAX_EXCERPT - hidden.chars().count()) {
        excerpt.push(if character.is_control() { char::REPLACEMENT_CHARACTER } else { character });
    }
    excerpt
}

fn is_mark_of_query(byte: u8) -> bool {
    matches!(byte, b'?' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_query_and_the_fragment_are_hidden() {
        for (url, shown) in [
            ("http://h/p", "http://h/p"),
            ("http://h/p?token=secret&page=2", "http://h/p?token=***&page=***"),
            ("http://h/p?secret", "http://h/p?***"),
            ("http://h/p?secret#", "http://h/p?***#"),
            ("http://h/p?", "http://h/p?"),
            ("http://h/p?a=1&secret&b=", "http://h/p?a=***&***&***"),
            ("http://h/p?a=1&&b=2&", "http://h/p?a=***&&b=***&"),
            ("http://h/p?a=b=secret", "http://h/p?a=***"),
            ("http://h/p?=secret", "http://h/p?=***"),
            // Texts in base64.
            ("http://h/p?c2VjcmV0cw=", "http://h/p?***"),
            ("http://h/p?c2VjcmV0cw==", "http://h/p?***"),
            ("http://h/p?a=1&c2VjcmV0cw==", "http://h/p?a=***&***"),
            ("http://h/p?token%3Dsecret", "http://h/p?***"),
            ("http://h/p?u=http://user:secret@h/?x=secret", "http://h/p?u=***"),
            ("http://h/p#secret", "http://h/p#***"),
            ("http://h/p#access_token=secret&x=1", "http://h/p#***"),
            ("http://h/p#?a=secret", "http://h/p#***"),
            ("http://user:secret@h:81/p?a=1#secret", "http://h:81/p?a=***#***"),
            ("http://[::1]/@me?\u{e9}=secret", "http://[::1]/@me?%C3%A9=***"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(url.redacted(), shown);
            assert_eq!(format!("{url:?}"), format!("Url({shown})"));
        }
    }

    #[test]
    fn excerpt_of_an_invalid_url_shows_no_secret() {
        for (input, shown) in [
            ("http://h[/p?token=secret", "http://h[/p?token=***"),
            ("http://h[/p?secret", "http://h[/p?***"),
            ("http://h[/p#secret", "http://h[/p#***"),
            ("//[?a=secret#secret", "//[?a=***#***"),
            ("?a=secret", "?a=***"),
            ("http://user:secret@h[/p?a=secret", "\u{2026}@h[/p?a=***"),
            ("http://h[/p?email=a@secret&b=secret", "\u{2026}"),
            ("http://user:secret?x@h[", "\u{2026}"),
            ("http://h[/#a@secret", "\u{2026}"),
            ("not a url", "not a url"),
        ] {
            assert_eq!(safe_excerpt(input), shown, "{input}");
            let text = Url::parse("http://h/")
                .unwrap()
                .join(input)
                .map_or_else(|e| format!("{e} {e:?}"), |u| format!("{u:?}"));
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
