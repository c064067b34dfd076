//! Faulty results of `fetch`: rejections, values that are not promises, and values that are not responses.

use std::error::Error as _;

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::platform::browser::JsFailure;
use waterspout::{Client, Error, ErrorKind, Phase, Redirect, Response};

use super::URL;
use super::shim::Shim;

/// Sends a request with `shim` in place of `fetch`.
async fn send(shim: &str) -> Result<Response, Error> {
    let _shim = Shim::fetch(shim);
    Client::new().get(URL).await
}

fn source(error: &Error) -> &JsFailure {
    error.source().unwrap().downcast_ref().unwrap()
}

#[wasm_bindgen_test]
async fn the_reason_of_a_rejection_is_the_source_of_the_error() {
    let odd = "a value that is not an error was thrown";
    for (thrown, name, message) in [
        ("new TypeError('Failed to fetch')", "TypeError", "Failed to fetch"),
        ("'a string'", "", "a string"),
        ("undefined", "", odd),
        ("null", "", odd),
        ("7", "", odd),
        ("Symbol()", "", odd),
        ("10n", "", odd),
        ("() => {}", "<any>", odd),
        ("{ get name() { throw 1 }, get message() { throw 2 }, get cause() { throw 3 } }", "", odd),
        ("new Proxy({}, { get() { throw 1 }, has() { throw 2 }, getPrototypeOf() { throw 3 } })", "", odd),
        ("{ name: {}, message: 7 }", "", odd),
        ("Object.create(null)", "", odd),
        ("(() => { const e = new Error('cyclic'); e.cause = e; return e; })()", "Error", "cyclic"),
    ] {
        let error = send(&format!("() => Promise.reject({thrown})")).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Head), "{thrown}");
        assert!(error.report().to_string().contains(message) && error.url() == Some(URL), "{thrown}: {error}");
        assert_eq!(source(&error).message(), message, "{thrown}");
        if name != "<any>" {
            assert_eq!(source(&error).name(), name, "{thrown}");
        }
        // A value that `fetch` throws synchronously is treated in the same way.
        let error = send(&format!("() => {{ throw {thrown}; }}")).await.unwrap_err();
        assert_eq!(source(&error).message(), message, "{thrown}");
    }
}

#[wasm_bindgen_test]
async fn aborts_and_timeouts_of_the_engine_have_their_own_kinds() {
    for (thrown, kind) in [
        ("new DOMException('stop', 'AbortError')", ErrorKind::Cancelled),
        ("new DOMException('slow', 'TimeoutError')", ErrorKind::Timeout),
        ("Object.assign(new TypeError('x'), { cause: { name: 'HeadersTimeoutError' } })", ErrorKind::Timeout),
        ("new DOMException('no', 'NotAllowedError')", ErrorKind::Network),
    ] {
        let error = send(&format!("async () => {{ throw {thrown}; }}")).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Head), "{thrown}: {error}");
        let body = format!("async () => reading(async () => {{ throw {thrown}; }})");
        let error = send(&body).await.unwrap().bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Body), "{thrown}: {error}");
    }
}

#[wasm_bindgen_test]
async fn a_result_that_is_not_a_promise_is_used_as_the_response() {
    for returned in ["undefined", "null", "7", "'text'", "{}", "[]", "Symbol()", "() => {}"] {
        let error = send(&format!("() => ({returned})")).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Head), "{returned}: {error}");
    }
    assert_eq!(send("() => answer({ status: 201 })").await.unwrap().status(), 201);
    assert_eq!(
        send("() => ({ then(go) { go(answer({ status: 202 })); go(7); throw 1; } })").await.unwrap().status(),
        202
    );
    for returned in [
        "{ then() { throw new Error('bad then'); } }",
        "{ get then() { throw new Error('bad then'); } }",
        "Object.assign(Promise.resolve(1), { then() { throw new Error('bad then'); } })",
        "Object.defineProperty(Promise.resolve(1), 'constructor', { get() { throw new Error('bad then'); } })",
    ] {
        let error = send(&format!("() => ({returned})")).await.unwrap_err();
        assert!(error.report().to_string().ends_with("bad then"), "{returned}: {error}");
    }
}

#[wasm_bindgen_test]
async fn a_result_that_is_not_a_response_is_an_error() {
    for members in [
        "status: '200'",
        "status: NaN",
        "status: -1",
        "status: 1e9",
        "status: 0",
        "get status() { throw 1 }",
        "get url() { throw 1 }",
        "get headers() { throw 1 }",
        "get body() { throw 1 }",
        "get redirected() { throw 1 }",
        "get statusText() { throw 1 }",
        "headers: undefined",
        "headers: null",
        "headers: { [Symbol.iterator]() { throw 1 } }",
        "headers: { [Symbol.iterator]: () => ({ next() { throw 1 } }) }",
        "headers: { [Symbol.iterator]: () => ({ next: () => ({ get done() { throw 1 } }) }) }",
        "headers: { [Symbol.iterator]: () => ({ next: () => 7 }) }",
        "headers: [undefined]",
        "headers: ['ab']",
        "headers: [[]]",
        "headers: [[{ get 0() { throw 1 } }, 'b']]",
        "headers: [{ get 0() { throw 1 } }]",
        "headers: [['a b', 'c']]",
        "headers: [['', 'c']]",
        "headers: [['a', 'b\\nc']]",
        "headers: [['a', '\\u0000']]",
        "headers: [['a', 'caf\\u0119']]",
        "headers: [['a', '\\ud800']]",
        "headers: Array.from({ length: 40000 }, (_, i) => [`x-${i}`, ''])",
    ] {
        let error = send(&format!("async () => {{ return makes({{ {members} }}); }}").replace("makes", GETTERS)).await;
        let error = error.unwrap_err();
        let kinds = [ErrorKind::Network, ErrorKind::Protocol, ErrorKind::LimitExceeded];
        assert!(kinds.contains(&error.kind()) && error.phase() == Phase::Head, "{members}: {error}");
    }
}

/// Works like `answer`, and keeps members that are getters.
const GETTERS: &str = "((members) => Object.defineProperties(answer({}), Object.getOwnPropertyDescriptors(members)))";

#[wasm_bindgen_test]
async fn unusual_members_of_a_response_are_accepted() {
    let response =
        send("async () => answer({ url: '', headers: [['X-A', 'caf\\u00e9'], ['x-a', '']] })").await.unwrap();
    assert_eq!(response.url().as_str(), URL);
    let values: Vec<_> = response.headers().get_all("x-a").iter().map(|value| value.as_bytes()).collect();
    assert_eq!(values, [b"caf\xe9" as &[u8], b""]);
    for url in ["7", "'blob:x'", "'not a url'", "undefined"] {
        let response =
            send(&format!("async () => answer({{ url: {url}, redirected: 'yes', statusText: 7 }})")).await.unwrap();
        assert!(response.url().as_str() == URL && response.redirected() && response.reason() == Some("OK"), "{url}");
    }
    let response = send("async () => answer({ url: 'http://me:secret@example.test/x' })").await.unwrap();
    assert_eq!(response.url().as_str(), "http://example.test/x");
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

#[wasm_bindgen_test]
async fn headers_of_an_encoded_body_are_removed_with_the_coding() {
    for (coding, kept) in
        [("gzip", false), ("GZip, br", false), ("identity", true), ("", true), ("gzip, secret", true), ("secret", true)]
    {
        let headers = format!("headers: [['content-encoding', '{coding}'], ['content-length', '9']]");
        let response = send(&format!("async () => answer({{ {headers} }})")).await.unwrap();
        let found = ["content-encoding", "content-length"].map(|name| response.headers().contains_key(name));
        assert_eq!(found, [kept; 2], "{coding}");
        let response = send(&format!("async () => answer({{ status: 304, {headers} }})")).await.unwrap();
        assert_eq!(response.headers().len(), 2, "{coding}");
    }
}

#[wasm_bindgen_test]
async fn responses_without_a_status_are_distinct_errors() {
    for (kind, expected, says) in [
        ("opaque", ErrorKind::Unsupported, "opaque"),
        ("opaqueredirect", ErrorKind::Unsupported, "redirects"),
        ("error", ErrorKind::Network, "no status"),
    ] {
        let shim = format!("async (request) => {{ watch(request); return answer({{ status: 0, type: '{kind}' }}); }}");
        let _shim = Shim::fetch(&shim);
        let error = Client::new().get(URL).redirect(Redirect::Manual).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (expected, Phase::Head), "{kind}");
        assert!(error.to_string().contains(says), "{kind}: {error}");
    }
}

#[wasm_bindgen_test]
async fn credentials_that_the_engine_cannot_encode_are_an_error() {
    let _fetch = Shim::fetch("async () => answer({})");
    for lost in ["undefined", "() => { throw 1; }"] {
        let _shim = Shim::of("btoa", lost);
        let error = Client::new().get("http://user:secret@example.test/").await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Request), "{lost}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(Client::new().get("http://user:secret@example.test/").await.is_ok());
}
