//! Server-sent events, beside a naive reading of the HTML standard, section 9.2.6.

use waterspout::sse::{Parser, ServerEvent};

use crate::choices::{Choices, single_bytes, whole};

/// The limit of an event, small so that inputs reach it.
const MAX_EVENT: usize = 100;

/// Parses `input` as a stream of events.
///
/// Checks that the split of the bytes changes nothing, and that the events are the events of the naive reading.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let pieces = choices.split(input);
    for max_size in [usize::MAX, MAX_EVENT] {
        let expected = parse(max_size, &whole(input));
        assert_eq!(parse(max_size, &single_bytes(input)), expected);
        assert_eq!(parse(max_size, &pieces), expected);
        if max_size == usize::MAX {
            let (events, last_id) = naive(input);
            assert_eq!((expected.events, expected.last_id, expected.has_failed), (events, last_id, false));
        } else {
            assert!(expected.events.iter().all(|event| event.data.len() <= 3 * MAX_EVENT));
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    events: Vec<ServerEvent>,
    last_id: String,
    retry: Option<std::time::Duration>,
    /// Whether an event was larger than the limit.
    has_failed: bool,
}

fn parse(max_size: usize, pieces: &[Vec<u8>]) -> Parsed {
    let mut parser = Parser::new().max_event_size(max_size);
    let mut events = Vec::new();
    let mut has_failed = false;
    'pieces: for piece in pieces {
        let mut rest = &piece[..];
        loop {
            match parser.next(&mut rest) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => {
                    has_failed = true;
                    break 'pieces;
                }
            }
        }
        assert!(rest.is_empty(), "the parser leaves bytes");
    }
    Parsed { events, last_id: parser.last_event_id().to_owned(), retry: parser.retry(), has_failed }
}

/// Returns the events and the last id, as the standard says: decode, normalize the line ends, interpret each line.
fn naive(input: &[u8]) -> (Vec<ServerEvent>, String) {
    let text = String::from_utf8_lossy(input);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    // The last line has not ended.
    lines.pop();
    let (mut events, mut last_id) = (Vec::new(), String::new());
    let (mut data, mut kind, mut id) = (String::new(), String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            last_id.clone_from(&id);
            let (kind, data) = (std::mem::take(&mut kind), std::mem::take(&mut data));
            if let Some(data) = data.strip_suffix('\n') {
                let event = if kind.is_empty() { "message".to_owned() } else { kind };
                events.push(ServerEvent { event, data: data.to_owned(), id: id.as_str().into() });
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut kind),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            _ => {}
        }
    }
    (events, last_id)
}
