//! The text of an error and of its causes.

use std::error::Error as StdError;
use std::fmt;

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
        let mut text = one_line(self.0);
        let mut next = self.0.source();
        while let Some(cause) = next {
            let line = one_line(&cause);
            // The message is compared alone too, because the URL comes after it.
            if line != self.0.message() && !has_part(&text, &line) {
                text.push_str(": ");
                text.push_str(&line);
            }
            next = cause.source();
        }
        f.write_str(&text)
    }
}

/// Returns the text of an error on a single line: the text of an engine or another library may have several.
// Not `dyn Error`: that links the debug output of an error, 7 KB of a browser program.
fn one_line(error: &dyn fmt::Display) -> String {
    let mut line = String::new();
    // By a function and not by a character: the search for a character links 1 KB raw into a browser program.
    for part in error.to_string().split(is_line_break) {
        let part = part.trim_ascii();
        if !(line.is_empty() || part.is_empty()) {
            line.push(' ');
        }
        line.push_str(part);
    }
    line
}

fn is_line_break(character: char) -> bool {
    character == '\n'
}

/// Returns whether `text` ends with the words of `part`, or has them before a colon. An empty part is in every text.
fn has_part(text: &str, part: &str) -> bool {
    let mut rest = text;
    loop {
        match rest.strip_prefix(part) {
            Some("") => return true,
            Some(after) if part.is_empty() || after.starts_with(": ") => return true,
            _ => {}
        }
        let Some(space) = rest.bytes().position(|byte| byte == b' ') else { return false };
        rest = rest.get(space + 1..).unwrap_or_default();
    }
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
