//! What JavaScript throws, as an error that can leave the thread.

use std::error::Error as StdError;
use std::fmt;

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::error::{Error, ErrorKind, Phase};

/// How far a chain of causes is followed; one that leads back to itself ends here.
const DEEPEST_CAUSE: usize = 8;

/// A thrown value, most often an `Error`: its name and message, and its cause.
pub struct JsFailure {
    name: String,
    message: String,
    cause: Option<Box<JsFailure>>,
}

impl JsFailure {
    /// The value's `name`, such as `TypeError`; empty if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value's `message`, or the value itself if it is a string.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn read(value: &JsValue, depth: usize) -> Self {
        // Anything can be thrown, getters that throw included: what cannot be read is left out.
        let get = |name: &str| Reflect::get(value, &JsValue::from_str(name)).ok();
        let text = |name: &str| get(name).and_then(|value| value.as_string());
        let message = text("message").or_else(|| value.as_string());
        let cause = get("cause").filter(|cause| depth > 0 && cause.is_object());
        Self {
            name: text("name").unwrap_or_default(),
            message: message.unwrap_or_else(|| "a value that is not an error was thrown".to_owned()),
            cause: cause.map(|cause| Box::new(Self::read(&cause, depth - 1))),
        }
    }
}

impl From<JsValue> for JsFailure {
    fn from(value: JsValue) -> Self {
        Self::read(&value, DEEPEST_CAUSE)
    }
}

impl fmt::Display for JsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            f.write_str(&self.name)?;
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// The same text: nothing else is known.
impl fmt::Debug for JsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for JsFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// Why there is no response.
pub(super) fn failed(thrown: JsValue) -> Error {
    told(thrown, Phase::Head, "the fetch failed")
}

/// Why a response's body ends early.
pub(super) fn body_failed(thrown: JsValue) -> Error {
    told(thrown, Phase::Body, "the download failed")
}

/// Why nothing was sent.
pub(super) fn refused(thrown: JsValue) -> Error {
    let failure = JsFailure::from(thrown);
    Error::request(ErrorKind::InvalidRequest, "the engine refused the request").with_source(failure)
}

/// Most failures are a `TypeError` that says no more, so that a page learns nothing of other origins.
fn told(thrown: JsValue, phase: Phase, message: &'static str) -> Error {
    let failure = JsFailure::from(thrown);
    let mut causes = std::iter::successors(Some(&failure), |failure| failure.cause.as_deref());
    // Node has the reason among the causes.
    let error = if causes.any(|cause| cause.name.ends_with("TimeoutError")) {
        Error::new(ErrorKind::Timeout, phase, "the engine timed out")
    } else if failure.name == "AbortError" {
        Error::new(ErrorKind::Cancelled, phase, "the fetch was aborted by the page or its service worker")
    } else {
        Error::new(ErrorKind::Network, phase, message)
    };
    error.with_source(failure)
}
