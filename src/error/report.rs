//! The text of an error and of its causes.

use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use super::Error;

impl Error {
    /// Returns a value that displays the error and all its causes on a single line, separated by colons.
    ///
    /// Each text occurs once: a cause is left out if the text before it ends with the same words, as the text of many
    /// errors does, or has them as a part of its own. Programs with an error reporter that walks
    /// [`source`](StdError::source), such as `anyhow`, need only the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase};
    ///
    /// let cause = std::io::Error::other("disk on fire");
    /// let error = Error::new(ErrorKind::RequestBody, Phase::Head, "the file could not be read").with_source(cause);
    /// assert_eq!(error.to_string(), "the file could not be read");
    /// assert_eq!(error.report().to_string(), "the file could not be read: disk on fire");
    /// ```
    pub fn report(&self) -> impl fmt::Display + '_ {
        Report(self)
    }
}

/// Displays an error and its causes.
struct Report<'a>(&'a Error);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        push_line(&mut text, self.0);
        let mut previous: &(dyn StdError + 'static) = self.0;
        while let Some(cause) = previous.source() {
            let mut line = String::new();
            push_line(&mut line, cause);
            // The message alone: the URL of an error comes after it.
            let message = previous.downcast_ref().map(Error::message);
            if message != Some(&line) && !has_part(&text, &line) {
                text.push_str(": ");
                text.push_str(&line);
            }
            previous = cause;
        }
        f.write_str(&text)
    }
}

/// Adds the text of an error as a single line: the text of an engine or another library may have several.
fn push_line(out: &mut String, error: &dyn StdError) {
    let mut text = String::new();
    // Writing to a `String` cannot fail, and an error that refuses to be displayed has no text.
    let _ = write!(text, "{error}");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(line);
    }
}

/// Returns whether `text` ends with the words of `part`, or has `part` between two colons. An empty part is in every
/// text.
fn has_part(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    if part.is_empty() {
        return true;
    }
    text.windows(part.len()).enumerate().any(|(start, found)| {
        let before = &text[..start];
        let after = &text[start + part.len()..];
        let begins_word = before.is_empty() || before.ends_with(b" ");
        let begins_part = before.is_empty() || before.ends_with(b": ");
        found == part && ((begins_word && after.is_empty()) || (begins_part && after.starts_with(b": ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_text_is_whole_words() {
        for (text, part, expected) in [
            ("a: b: c", "c", true),
            ("a: b: c", "b: c", true),
            ("a: b: c", "b", true),
            ("a: b: c", "a: b: c", true),
            ("cannot open the file", "the file", true),
            ("connection reset", "set", false),
            ("closed by the peer", "closed", false),
            ("a: closed by the peer: c", "closed", false),
            ("http://h/closed", "closed", false),
            ("short", "longer than the text", false),
            ("a", "", true),
        ] {
            assert_eq!(has_part(text, part), expected, "{part:?} in {text:?}");
        }
    }
}
