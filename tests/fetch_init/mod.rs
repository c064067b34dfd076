//! The options of `fetch` that only browsers have.
#![allow(clippy::unwrap_used)]

use futures::stream;
use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::platform::browser::{
    Cache, Credentials, FetchInit, FetchPriority, Mode, ReferrerPolicy, can_stream_uploads,
};
use waterspout::{Body, Bytes, Client, ErrorKind, Phase, Redirect};

use super::scenarios::engines::streams_uploads;
use super::{LAB, Lab};

fn url(experiment: &str) -> String {
    Lab::new(LAB, "browser", "fetch").url(experiment)
}

#[wasm_bindgen_test]
async fn browser_accepts_every_fetch_option() {
    let init = FetchInit::new()
        .mode(Mode::Cors)
        .credentials(Credentials::Omit)
        .cache(Cache::Reload)
        .referrer("about:client")
        .referrer_policy(ReferrerPolicy::NoReferrer)
        .integrity("sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
        .keepalive(true)
        .priority(FetchPriority::High);
    let response = Client::new().get(url("hello")).extension(init).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[wasm_bindgen_test]
async fn body_that_fails_the_integrity_check_is_a_network_error() {
    let init = FetchInit::new().integrity("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let error = Client::new().get(url("hello")).extension(init).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[wasm_bindgen_test]
async fn referrer_policy_decides_whether_the_referrer_is_sent() {
    let client = Client::new();
    for (policy, sent) in [(ReferrerPolicy::UnsafeUrl, true), (ReferrerPolicy::NoReferrer, false)] {
        let init = FetchInit::new().referrer_policy(policy);
        let head = client.get(url("head")).extension(init).await.unwrap().text().await.unwrap();
        assert_eq!(head.contains("\nreferer: http"), sent, "{head}");
    }
}

#[wasm_bindgen_test]
async fn options_of_the_builder_hold_for_all_requests_unless_a_request_replaces_them() {
    let init = |policy| FetchInit::new().referrer_policy(policy);
    let client = Client::builder().fetch_init(init(ReferrerPolicy::UnsafeUrl)).build().unwrap();
    let get = || client.get(url("head"));
    for (request, sent) in [
        (get(), true),
        (get(), true),
        (get().fetch_init(init(ReferrerPolicy::NoReferrer)), false),
        (get().fetch_init(FetchInit::new().cache(Cache::NoStore).referrer_policy(ReferrerPolicy::UnsafeUrl)), true),
    ] {
        let head = request.await.unwrap().text().await.unwrap();
        assert_eq!(head.contains("\nreferer: http"), sent, "{head}");
    }
}

#[wasm_bindgen_test]
async fn opaque_response_is_an_unsupported_error() {
    let init = FetchInit::new().mode(Mode::NoCors);
    let error = Client::new().get(url("hello")).extension(init.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Head), "{error}");
    assert!(error.to_string().contains("opaque"), "{error}");
    // In this mode `fetch` would silently drop headers that are not CORS-safelisted.
    let error = Client::new().get(url("hello")).header("x-a", "b").extension(init).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Request), "{error}");
    let error = Client::new().get(url("redirect/1")).redirect(Redirect::Manual).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("redirects"), "{error}");
}

#[wasm_bindgen_test]
async fn same_origin_mode_refuses_another_origin() {
    let init = FetchInit::new().mode(Mode::SameOrigin);
    let error = Client::new().get(url("hello")).extension(init).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[wasm_bindgen_test]
async fn a_streamed_upload_over_http_1_is_a_network_error_or_gathered() {
    assert_eq!(can_stream_uploads(), streams_uploads());
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"hello"))]);
    let request = Client::new().post(url("upload")).body(Body::stream(pieces));
    match request.extension(FetchInit::new().stream_upload(true)).await {
        Err(error) => {
            assert!(can_stream_uploads(), "{error}");
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Head), "{error}");
        }
        Ok(response) => assert_eq!((can_stream_uploads(), response.text().await.unwrap()), (false, "5 532".to_owned())),
    }
}
