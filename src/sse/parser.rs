//! Parsing of `text/event-stream`, without a connection or a clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{DEFAULT_MAX_EVENT_SIZE, ServerEvent};
use crate::error::{Error, ErrorKind, Phase, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Parses events from chunks of bytes. The result does not depend on how the bytes are split, and each byte is read
/// once.
///
/// It follows the HTML standard, section 9.2.6: lines end in CR, LF or both; a byte order mark at the beginning is
/// skipped; bytes that are not UTF-8 become U+FFFD; an event that the end of the bytes cuts short is dropped.
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
    max_event_size: usize,
    /// The beginning of the line that has not ended. Of a comment only the colon.
    line: Vec<u8>,
    /// The bytes of the event's previous lines, without comments.
    size_before_line: usize,
    is_first_line: bool,
    /// Whether the last line ended in CR, so that an LF at the beginning of the next chunk belongs to it.
    after_cr: bool,
    event: String,
    data: String,
    /// The id that becomes `last_id` when the event ends.
    next_id: Arc<str>,
    last_id: Arc<str>,
    retry: Option<Duration>,
}

impl Parser {
    /// Returns a parser at the beginning of a stream.
    pub fn new() -> Self {
        Self::after("")
    }

    /// Returns a parser at the beginning of a stream that continues after the event with this id.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::sse::Parser;
    ///
    /// let mut parser = Parser::after("7");
    /// let event = parser.next(&mut &b"data: hello\n\n"[..])?.unwrap();
    /// assert_eq!(&*event.id, "7");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn after(last_id: &str) -> Self {
        let id: Arc<str> = last_id.into();
        Self {
            max_event_size: DEFAULT_MAX_EVENT_SIZE,
            line: Vec::new(),
            size_before_line: 0,
            is_first_line: true,
            after_cr: false,
            event: String::new(),
            data: String::new(),
            next_id: id.clone(),
            last_id: id,
            retry: None,
        }
    }

    /// Sets the maximum size of an event: the bytes of its lines as received, without line ends and comments. Default:
    /// 1 MiB.
    #[must_use]
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Returns the last id that the server has sent, up to the last complete event. The event may be without data.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::sse::Parser;
    ///
    /// let mut parser = Parser::new();
    /// parser.next(&mut &b"id: 7\n\nid: 8\n"[..])?;
    /// assert_eq!(parser.last_event_id(), "7", "the event with id 8 has not ended");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// Returns the delay before the next connection that the server has requested, if it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::sse::Parser;
    ///
    /// let mut parser = Parser::new();
    /// parser.next(&mut &b"retry: 1500\n"[..])?;
    /// assert_eq!(parser.retry(), Some(Duration::from_millis(1500)));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Begins a new stream. An incomplete event is dropped; the last id and the requested delay are kept.
    pub fn restart(&mut self) {
        let (max_event_size, retry, id) = (self.max_event_size, self.retry, self.last_id.clone());
        *self = Self { max_event_size, retry, next_id: id.clone(), last_id: id, ..Self::new() };
    }

    /// Reads the next event and advances `input` behind it. Returns `None` if the event needs more bytes.
    ///
    /// # Errors
    /// [`LimitExceeded`](ErrorKind::LimitExceeded) if an event is larger than
    /// [`max_event_size`](Self::max_event_size). The rest of the stream cannot be parsed after that.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<ServerEvent>> {
        loop {
            // CR LF is a single line end, even if the chunk ended between the two.
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
            // A comment may be long and is ignored, so only its colon is kept.
            self.line.clear();
            self.line.push(b':');
            return Ok(());
        }
        let size = self.size_before_line.saturating_add(self.line.len()).saturating_add(part.len());
        if size > self.max_event_size {
            let limit = self.max_event_size;
            let message = format!("an event is larger than the limit of {limit} bytes; raise `max_event_size`");
            return Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Processes the line. An empty line ends the event.
    fn end_line(&mut self) -> Option<ServerEvent> {
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
                self.size_before_line = self.size_before_line.saturating_add(line.len());
            }
            self.process_field(line);
            None
        };
        // The buffer is kept, so that not every line allocates.
        bytes.clear();
        self.line = bytes;
        event
    }

    fn process_field(&mut self, line: &[u8]) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                self.data.push('\n');
            }
            // An id with a zero byte is ignored, as the HTML standard says.
            b"id" if !value.contains(&0) => self.next_id = String::from_utf8_lossy(value).into(),
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            // A comment, which has an empty name, or an unknown field.
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<ServerEvent> {
        self.last_id = self.next_id.clone();
        self.size_before_line = 0;
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // Each line of data has added a line feed. Without a line of data there is no event.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(ServerEvent { event, data, id: self.last_id.clone() })
    }
}

/// Parses the value of `retry`: ASCII digits and nothing else.
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
