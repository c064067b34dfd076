//! What a caller sees of a response, in a form that can be compared.

use waterspout::http::{HeaderMap, StatusCode, Version};
use waterspout::testing::ManualTimer;
use waterspout::{Agent, Client, Error, ErrorKind, Phase, RequestBuilder, Response};

use crate::polling::run_until_stalled;

/// The headers or trailers in their order.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// A response, up to the end of its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// `None` if there was an error before the end of the head.
    pub(crate) head: Option<Head>,
    /// The bytes before the end or the error.
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) error: Option<(ErrorKind, Phase)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Fields,
}

impl Outcome {
    /// Sends a request and reads its response. Returns `None` if it waits for more bytes.
    pub(crate) fn of(request: RequestBuilder<Client>) -> Option<Self> {
        run_until_stalled(Self::read(request))
    }

    /// Sends a request and reads its response.
    pub(crate) async fn read(request: RequestBuilder<Client>) -> Self {
        let mut outcome = Self { head: None, body: Vec::new(), trailers: None, error: None };
        match request.send().await {
            Ok(response) => read_body(response, &mut outcome).await,
            Err(error) => outcome.error = Some(shown(&error)),
        }
        outcome
    }
}

/// Makes a client of an agent, with a clock that stands still.
pub(crate) fn client(agent: Agent, timer: ManualTimer) -> Client {
    Client::builder().backend(agent).timer(timer).build().expect("the options are valid")
}

async fn read_body(mut response: Response, outcome: &mut Outcome) {
    outcome.head = Some(Head {
        status: response.status(),
        version: response.version(),
        reason: response.reason().map(str::to_owned),
        headers: fields(response.headers()),
    });
    // Making the debug output must not panic.
    let _ = format!("{response:?}");
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                assert!(!piece.is_empty(), "a piece of the body is empty");
                outcome.body.extend_from_slice(&piece);
            }
            Ok(None) => break,
            Err(error) => {
                outcome.error = Some(shown(&error));
                break;
            }
        }
    }
    outcome.trailers = response.trailers().map(fields);
}

/// Returns the kind and the phase of an error. Making its texts must not panic.
fn shown(error: &Error) -> (ErrorKind, Phase) {
    let _ = format!("{error} {error:?} {}", error.report());
    (error.kind(), error.phase())
}

fn fields(map: &HeaderMap) -> Fields {
    for value in map.values() {
        let is_forbidden = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        assert!(!value.as_bytes().iter().any(is_forbidden), "a value has a line break or a zero byte");
    }
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
