//! The options with which the client creates the engine's `Request`.

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::platform::browser::{Cache, Credentials, FetchInit, FetchPriority, Mode, ReferrerPolicy};
use waterspout::{Client, ErrorKind, Extension, Phase};

use super::URL;
use super::shim::{Shim, text};

/// A `Request` class that records the options it is created with.
const RECORDING: &str = "((Before) => class extends Before {
    constructor(url, init) { super(url, init); seen.members.push(Object.keys(init).sort()); globalThis.made = this; }
})(globalThis.Request)";

const ANSWERING: &str = "async () => new Response('ok')";

#[wasm_bindgen_test]
async fn options_that_are_not_set_are_not_passed() {
    let _fetch = Shim::fetch(ANSWERING);
    let _request = Shim::of("Request", RECORDING);
    let client = Client::new();
    client.get(URL).await.unwrap();
    assert_eq!(text("seen.members.pop().join()"), "headers,method,signal");
    client.post(URL).body("b").extension(FetchInit::new()).await.unwrap();
    assert_eq!(text("seen.members.pop().join()"), "body,headers,method,signal");
    client.get(URL).extension(FetchInit::new().cache(Cache::NoStore)).await.unwrap();
    assert_eq!(text("seen.members.pop().join()"), "cache,headers,method,signal");
}

#[wasm_bindgen_test]
async fn options_that_are_set_are_on_the_engines_request() {
    let _fetch = Shim::fetch(ANSWERING);
    let _request = Shim::of("Request", RECORDING);
    let init = FetchInit::new()
        .mode(Mode::SameOrigin)
        .credentials(Credentials::Include)
        .cache(Cache::ForceCache)
        .referrer("")
        .referrer_policy(ReferrerPolicy::StrictOriginWhenCrossOrigin)
        .integrity("sha256-x")
        .keepalive(true)
        .priority(FetchPriority::Low);
    Client::builder().extension(init).build().unwrap().get(URL).await.unwrap();
    let expected = "same-origin include force-cache  strict-origin-when-cross-origin sha256-x true";
    let found =
        "[made.mode, made.credentials, made.cache, made.referrer, made.referrerPolicy, made.integrity, made.keepalive]";
    assert_eq!(text(&format!("{found}.join(' ')")), expected);
    assert!(text("seen.members.pop().join()").contains("priority"));
}

#[wasm_bindgen_test]
async fn the_options_of_a_request_replace_the_options_of_the_client() {
    let _fetch = Shim::fetch(ANSWERING);
    let _request = Shim::of("Request", RECORDING);
    let client = Client::builder().extension(FetchInit::new().cache(Cache::Reload).keepalive(true)).build().unwrap();
    client.get(URL).extension(FetchInit::new().cache(Cache::NoCache)).await.unwrap();
    assert_eq!(text("`${made.cache} ${made.keepalive}`"), "no-cache false");
    client.get(URL).await.unwrap();
    assert_eq!(text("`${made.cache} ${made.keepalive}`"), "reload true");
}

#[wasm_bindgen_test]
async fn an_option_that_the_engine_does_not_support_is_an_error() {
    let _fetch = Shim::fetch(ANSWERING);
    let client = Client::new();
    // The engine ignores the option.
    let forgetful = RECORDING.replace("constructor", "get cache() { return undefined; } constructor");
    let shim = Shim::of("Request", &forgetful);
    let error = client.get(URL).extension(FetchInit::new().cache(Cache::Reload)).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Request));
    assert!(error.to_string().contains("`cache`"), "{error}");
    client.get(URL).extension(FetchInit::new().mode(Mode::Cors)).await.unwrap();
    drop(shim);
    // The engine refuses the option.
    let error = client.get(URL).extension(FetchInit::new().cache(Cache::OnlyIfCached)).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{error}");
}

#[wasm_bindgen_test]
async fn an_extension_for_another_backend_is_refused() {
    struct Other;
    impl Extension for Other {
        const NAME: &'static str = "other";
        const BACKEND: &'static str = "agent";
    }
    let error = Client::new().get(URL).extension(Other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`other` is for the backend `agent`"), "{error}");
}
