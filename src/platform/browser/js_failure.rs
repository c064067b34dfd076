//! Values that JavaScript throws, as errors that are `Send`.

use std::error::Error as StdError;
use std::fmt;

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use crate::error::{Error, ErrorKind, Phase};

/// How many causes are read. A chain of causes may lead back to itself.
const MAX_CAUSES: usize = 8;

/// A value that JavaScript threw, usually an `Error`: its name, its message and its cause.
pub struct JsFailure {
    name: String,
    message: String,
    cause: Option<Box<JsFailure>>,
}

impl JsFailure {
    /// Returns the value's `name`, such as `TypeError`; empty if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value's `message`, or the value itself if it is a string.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn read(value: &JsValue, depth: usize) -> Self {
        // Any value can be thrown, also an object with getters that throw. Members that cannot be read are left out.
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
        Self::read(&value, MAX_CAUSES)
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

/// The same text as [`Display`](fmt::Display): nothing else is known.
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

/// Returns the error of a fetch without a response.
pub(super) fn failed(thrown: JsValue) -> Error {
    classify(thrown, Phase::Head, "the fetch failed")
}

/// Returns the error of a response's body.
pub(super) fn body_failed(thrown: JsValue) -> Error {
    classify(thrown, Phase::Body, "the download failed")
}

/// Returns the error of a request that was not sent.
pub(super) fn refused(thrown: JsValue) -> Error {
    let failure = JsFailure::from(thrown);
    Error::request(ErrorKind::InvalidRequest, "the engine refused the request").with_source(failure)
}

/// Returns an error of the kind that the name of the thrown value tells. Most failures are a `TypeError` without
/// details, so that a page learns nothing about other origins.
fn classify(thrown: JsValue, phase: Phase, message: &'static str) -> Error {
    let failure = JsFailure::from(thrown);
    let mut causes = std::iter::successors(Some(&failure), |failure| failure.cause.as_deref());
    // Node puts the reason into a cause.
    let error = if causes.any(|cause| cause.name.ends_with("TimeoutError")) {
        Error::new(ErrorKind::Timeout, phase, "the engine timed out")
    } else if failure.name == "AbortError" {
        Error::new(ErrorKind::Cancelled, phase, "the fetch was aborted by the page or its service worker")
    } else {
        Error::new(ErrorKind::Network, phase, message)
    };
    error.with_source(failure)
}
