//! What browsers do otherwise than the standards say. The scenarios ask for exactly that, so that a browser that changes its ways is
//! noticed; the table of the npm package, in `pkg-js/test/differs.mjs`, has the same for its list, and other engines.

/// The program that this runs in, as far as the scenarios ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Firefox,
    /// On libsoup, as in Debian.
    WebKit,
    /// Another browser, Node, or none.
    Other,
}

use Engine::{Firefox, WebKit};

/// Bodies that should be errors: where, of which experiment, how many bytes are handed on, and why.
const ACCEPTED: &[(Engine, &str, usize, &str)] = &[
    (Firefox, "bad-chunk", 9, "a chunk's size may have a sign"),
    (Firefox, "huge-head", 0, "its limit for a head is larger"),
    (WebKit, "bad-chunk", 9, "a chunk's size may have a sign"),
    (WebKit, "truncated-chunked", 9, "the connection's end is that of a chunked body too"),
    (WebKit, "two-lengths", 5, "the last length counts"),
    (WebKit, "encoded/wrong", 100_000, "what cannot be decoded is left as it is"),
];

/// How many bytes this engine hands on where others find an error.
pub fn accepted(experiment: &str) -> Option<usize> {
    let found = ACCEPTED.iter().find(|(engine, name, ..)| (*engine, *name) == (this_one(), experiment));
    found.map(|(.., length, _reason)| *length)
}

/// Whether header values are UTF-8, in both directions, and not the bytes that they are.
pub fn headers_are_utf8() -> bool {
    this_one() == WebKit
}

/// Whether `fetch` takes a stream as a body.
pub fn streams_uploads() -> bool {
    this_one() == Engine::Other
}

#[cfg(target_family = "wasm")]
fn this_one() -> Engine {
    let member = |of: &wasm_bindgen::JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).unwrap_or_default();
    let agent = member(&member(&js_sys::global(), "navigator"), "userAgent").as_string().unwrap_or_default();
    // Chromium names AppleWebKit as well.
    match agent {
        agent if agent.contains("Firefox/") => Firefox,
        agent if agent.contains("AppleWebKit/") && !agent.contains("Chrome/") => WebKit,
        _ => Engine::Other,
    }
}

#[cfg(not(target_family = "wasm"))]
fn this_one() -> Engine {
    Engine::Other
}
