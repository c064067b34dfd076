//! Browsers that deviate from the standards. The scenarios check for exactly these deviations, so that they fail when a
//! browser changes its behaviour. `pkg-js/test/differs.mjs` has the same table for the npm package, with further
//! engines.

/// The engine that runs the scenarios, as far as the scenarios tell engines apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Firefox,
    /// WebKit on libsoup, as in Debian.
    WebKit,
    /// Another browser, Node, or none.
    Other,
}

use Engine::{Firefox, WebKit};

/// Faulty bodies that an engine accepts: the engine, the experiment, the number of bytes it returns, and the reason.
const ACCEPTED: &[(Engine, &str, usize, &str)] = &[
    (Firefox, "bad-chunk", 9, "the engine accepts a sign before the size of a chunk"),
    (Firefox, "huge-head", 0, "the engine has a larger limit for the head"),
    (WebKit, "bad-chunk", 9, "the engine accepts a sign before the size of a chunk"),
    (WebKit, "truncated-chunked", 9, "the engine accepts the end of the connection as the end of a chunked body"),
    (WebKit, "two-lengths", 5, "the engine uses the last length"),
    (WebKit, "encoded/wrong", 100_000, "the engine returns a body that it cannot decode unchanged"),
];

/// Returns the number of bytes that this engine returns for a faulty body, or `None` if it reports an error.
pub fn accepted(experiment: &str) -> Option<usize> {
    let found = ACCEPTED.iter().find(|(engine, name, ..)| (*engine, *name) == (current_engine(), experiment));
    found.map(|(.., length, _reason)| *length)
}

/// Returns whether the engine converts header values from and to UTF-8, instead of passing their bytes unchanged.
pub fn headers_are_utf8() -> bool {
    current_engine() == WebKit
}

/// Returns whether `fetch` accepts a stream as the body of a request.
pub fn streams_uploads() -> bool {
    current_engine() == Engine::Other
}

#[cfg(target_family = "wasm")]
fn current_engine() -> Engine {
    let member = |of: &wasm_bindgen::JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).unwrap_or_default();
    let agent = member(&member(&js_sys::global(), "navigator"), "userAgent").as_string().unwrap_or_default();
    // The user agent of Chromium contains "AppleWebKit" too.
    match agent {
        agent if agent.contains("Firefox/") => Firefox,
        agent if agent.contains("AppleWebKit/") && !agent.contains("Chrome/") => WebKit,
        _ => Engine::Other,
    }
}

#[cfg(not(target_family = "wasm"))]
fn current_engine() -> Engine {
    Engine::Other
}
