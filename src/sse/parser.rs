//! The format `text/event-stream`, without a connection or a clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{DEFAULT_MAX_EVENT_SIZE, Event};
use crate::error::{Error, ErrorKind, Phase, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads events from bytes that come in pieces, however they are split; each byte is looked at once.
///
/// It follows the HTML standard, section 9.2.6: lines end in CR, LF or both; one byte order mark is skipped; what is not
/// UTF-8 becomes U+FFFD; an event that the end of the bytes cuts short is none.
///
/// # Examples
///
/// ```
/// use waterspout::sse::Parser;
///
/// let mut parser = Parser::new();
/// let mut input: &[u8] = b"id: 7\ndata: hello\n\ndata: wor";
/// let event = parser.next(&mut input)?.unwrap();
/// assert_eq!((&*event.event, &*event.data, &*event.id), ("message", "hello", "7"));
/// assert_eq!(parser.next(&mut input)?, None);
/// assert_eq!(parser.next(&mut &b"ld\n\n"[..])?.unwrap().data, "world");
/// # Ok::<(), waterspout::Error>(())
/// ```
pub struct Parser {
    max: usize,
    /// What is here of the line that has not ended; of a comment, the colon.
    line: Vec<u8>,
    /// How many bytes the event's lines before it had.
    before: usize,
    is_first_line: bool,
    after_cr: bool,
    event: String,
    data: String,
    /// What will be the last event's id once this event ends.
    id: Arc<str>,
    last_id: Arc<str>,
    retry: Option<Duration>,
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Self {
        Self::after("")
    }

    /// A parser at the beginning of a stream that goes on after the event of this id.
    pub fn after(last_id: &str) -> Self {
        let id: Arc<str> = last_id.into();
        Self {
            max: DEFAULT_MAX_EVENT_SIZE,
            line: Vec::new(),
            before: 0,
            is_first_line: true,
            after_cr: false,
            event: String::new(),
            data: String::new(),
            id: id.clone(),
            last_id: id,
            retry: None,
        }
    }

    /// Sets the largest event: how many bytes there may be in the lines of one, as they come and without their ends, but for
    /// comments. Default: 1 MiB.
    #[must_use]
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// The id that the server gave last, up to the last event that was whole, be it without data.
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// How long the server wants to be left alone before the next connection, if it has said so.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Begins a new stream: what was cut short is forgotten, the last id and the server's wish are kept.
    pub fn restart(&mut self) {
        *self = Self { max: self.max, retry: self.retry, id: self.last_id.clone(), ..Self::after("") };
        self.last_id = self.id.clone();
    }

    /// Reads from `input`, moving its beginning, up to the end of an event; `None` if it needs more.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if an event is larger than
    /// [`max_event_size`](Self::max_event_size). The rest of the stream then makes no sense any more.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>> {
        loop {
            if self.after_cr && !input.is_empty() {
                *input = input.strip_prefix(b"\n").unwrap_or(input);
                self.after_cr = false;
            }
            let end = input.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, rest) = input.split_at_checked(end.unwrap_or(input.len())).unwrap_or((input, &[]));
            self.extend_line(part)?;
            let Some((end, rest)) = rest.split_first() else {
                *input = rest;
                return Ok(None);
            };
            *input = rest;
            self.after_cr = *end == b'\r';
            if let Some(event) = self.end_line() {
                return Ok(Some(event));
            }
        }
    }

    fn extend_line(&mut self, part: &[u8]) -> Result<()> {
        if self.line.first().or(part.first()) == Some(&b':') {
            // A comment: that it is one is all there is to know.
            self.line.clear();
            self.line.push(b':');
            return Ok(());
        }
        let size = self.before.saturating_add(self.line.len()).saturating_add(part.len());
        if size > self.max {
            let message = format!("an event is larger than the limit of {} bytes; raise `max_event_size`", self.max);
            return Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Takes the line in; an empty one ends the event.
    fn end_line(&mut self) -> Option<Event> {
        let mut bytes = std::mem::take(&mut self.line);
        let line = if std::mem::take(&mut self.is_first_line) {
            bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes)
        } else {
            &bytes
        };
        let event = if line.is_empty() {
            self.end_event()
        } else {
            if line.first() != Some(&b':') {
                self.before = self.before.saturating_add(line.len());
            }
            self.take_field(line);
            None
        };
        bytes.clear();
        self.line = bytes;
        event
    }

    fn take_field(&mut self, line: &[u8]) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                self.data.push('\n');
            }
            b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into(),
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            // A comment, whose name is empty, or a field that nobody knows.
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<Event> {
        self.last_id = self.id.clone();
        self.before = 0;
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // Each line of data has ended in a line feed; without any there is no event.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Event { event, data, id: self.last_id.clone() })
    }
}

/// The value of `retry`: ASCII digits and nothing else.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |byte: &u8| u64::from(byte - b'0');
    let number = value.iter().map(digit).fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(digit));
    Some(Duration::from_millis(number))
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser")
            .field("last_event_id", &self.last_id)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
