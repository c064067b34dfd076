//! Globals replaced for the length of a test; the tests of a process run one after the other.

use js_sys::{Function, eval};
use wasm_bindgen::{JsCast, JsValue};

/// What the shims write down, and what they are made of.
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

/// A replaced global; it is put back when dropped.
pub struct Shim(Function);

impl Shim {
    /// Puts the value of `code` in the place of the global `name`.
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

    pub fn fetch(code: &str) -> Self {
        Self::of("fetch", code)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// A number that a script gives.
pub fn number(code: &str) -> f64 {
    eval(code).unwrap().as_f64().unwrap()
}

/// A text that a script gives.
pub fn text(code: &str) -> String {
    eval(code).unwrap().as_string().unwrap()
}
