//! What came of a request, as the arguments of a JavaScript callback.

use js_sys::Function;
use wasm_bindgen::JsValue;

use super::clock::EngineClock;
use crate::client::send::Hold;
use crate::error::Error;

/// Why a request failed: something of ours, or something thrown.
pub(super) enum Failure {
    Ours(Error),
    Thrown(JsValue),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// Calls `done(response, thrown, phase, limit)`: a response and nothing else, what was thrown, or the phase and name
/// of the limit that passed.
///
/// The slot is free from here on: the body of a response that stays the platform's own cannot be watched.
pub(super) fn settle(done: &Function, outcome: Result<(JsValue, Hold<EngineClock>), Failure>) {
    let nothing = JsValue::UNDEFINED;
    let called = match outcome {
        Ok((response, hold)) => {
            drop(hold);
            done.call1(&nothing, &response)
        }
        Err(Failure::Thrown(thrown)) => done.call2(&nothing, &nothing, &thrown),
        Err(Failure::Ours(error)) => {
            let phase = JsValue::from_str(error.phase().name());
            let limit = JsValue::from_str(error.limit().map_or("", |limit| limit.name));
            done.call4(&nothing, &nothing, &nothing, &phase, &limit)
        }
    };
    // The callback is the package's own and does not throw.
    let _ = called;
}
