//! Replaces globals during a test. The tests of a process run in sequence, so they do not disturb each other.

use js_sys::{Function, eval};
use wasm_bindgen::{JsCast, JsValue};

/// The counters that the shims write to, and the functions that the shims call.
const PRELUDE: &str = r#"
    globalThis.seen = { aborts: 0, pulls: 0, cancels: 0, delays: [], members: [] };
    globalThis.later ??= globalThis.setTimeout;
    globalThis.watch = (request) => request.signal.addEventListener("abort", () => { seen.aborts += 1; });
    globalThis.counting = (pieces) => new ReadableStream({
        pull(controller) {
            seen.pulls += 1;
            if (seen.pulls > pieces) controller.close();
            else controller.enqueue(new Uint8Array([seen.pulls]));
        },
        cancel() { seen.cancels += 1; },
    }, { highWaterMark: 0 });
    globalThis.answer = (members) => ({
        status: 200, type: "basic", url: "http://example.test/", redirected: false, statusText: "", headers: [], body: null,
        ...members,
    });
    globalThis.reading = (read) => answer({ body: { getReader: () => ({ read, cancel: async () => { seen.cancels += 1; } }) } });
"#;

/// A replaced global. Dropping it restores the original value.
pub struct Shim(Function);

impl Shim {
    /// Replaces the global `name` by the value of `code`.
    pub fn of(name: &str, code: &str) -> Self {
        eval(PRELUDE).unwrap();
        let code = format!(
            "(() => {{
                const before = globalThis.{name};
                globalThis.{name} = {code};
                return () => {{ globalThis.{name} = before; }};
            }})()"
        );
        Self(eval(&code).unwrap().unchecked_into())
    }

    /// Replaces `fetch` by the function `code`.
    pub fn fetch(code: &str) -> Self {
        Self::of("fetch", code)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Returns the number to which `code` evaluates.
pub fn number(code: &str) -> f64 {
    eval(code).unwrap().as_f64().unwrap()
}

/// Returns the string to which `code` evaluates.
pub fn text(code: &str) -> String {
    eval(code).unwrap().as_string().unwrap()
}
