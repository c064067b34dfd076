//! Relative URLs of requests: the base is that of the page or of the worker, and a faulty base harms no absolute URL.

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::{Client, ErrorKind, Request, Response, Url};

use super::shim::Shim;

const PAGE: &str = "({ baseURI: 'http://page.test/a/b?q#f' })";

/// Returns the URL of a request to `url`, or the kind of the error.
fn requested(url: &str) -> Result<String, ErrorKind> {
    let owned = url.to_owned();
    let kinds = [Request::get(url), Request::get(&owned), Request::get(owned.clone())]
        .map(|request| request.build().map(|request| request.url().to_string()).map_err(|error| error.kind()));
    let built = Client::new().post(url).build().map(|request| request.url().to_string()).map_err(|error| error.kind());
    assert!(kinds.iter().all(|kind| *kind == built), "{kinds:?} {built:?}");
    built
}

#[wasm_bindgen_test]
fn relative_url_resolves_against_the_base_of_the_page() {
    let _document = Shim::of("document", PAGE);
    let _location = Shim::of("location", "({ href: 'http://location.test/' })");
    for (url, expected) in [
        ("c", "http://page.test/a/c"),
        ("/c", "http://page.test/c"),
        ("../c/", "http://page.test/c/"),
        ("?x", "http://page.test/a/b?x"),
        ("#y", "http://page.test/a/b?q#y"),
        ("", "http://page.test/a/b?q"),
        ("//other.test/z", "http://other.test/z"),
        ("not a url", "http://page.test/a/not%20a%20url"),
        ("http:c", "http://page.test/a/c"),
        ("https:c", "https://c/"),
        ("http://absolute.test", "http://absolute.test/"),
    ] {
        assert_eq!(requested(url).as_deref(), Ok(expected), "{url:?}");
    }
    assert_eq!(requested("http://[::1"), Err(ErrorKind::InvalidUrl));
    assert_eq!(requested("//[::1"), Err(ErrorKind::InvalidUrl));
    assert_eq!(requested("ftp://a/"), Err(ErrorKind::UnsupportedScheme));
}

#[wasm_bindgen_test]
fn relative_url_resolves_against_the_location_of_a_worker() {
    for document in ["undefined", "null", "7", "({})", "({ baseURI: 7 })", "({ get baseURI() { throw 1 } })"] {
        let _document = Shim::of("document", document);
        let _location = Shim::of("location", "({ href: 'https://worker.test/lib/worker.js' })");
        assert_eq!(requested("api").as_deref(), Ok("https://worker.test/lib/api"), "{document}");
    }
}

#[wasm_bindgen_test]
fn base_that_is_no_url_harms_no_absolute_url() {
    for base in [
        "undefined",
        "null",
        "7",
        "'http://text.test/'",
        "({})",
        "({ href: 7, baseURI: {} })",
        "({ href: 'garbage', baseURI: 'garbage' })",
        "({ href: '', baseURI: '' })",
        "({ href: 'about:blank', baseURI: 'about:blank' })",
        "({ href: 'blob:http://a/b', baseURI: 'data:text/html,x' })",
        "new Proxy({}, { get() { throw 1 }, has() { throw 2 }, getPrototypeOf() { throw 3 } })",
    ] {
        let _document = Shim::of("document", base);
        let _location = Shim::of("location", base);
        assert_eq!(requested("http://absolute.test").as_deref(), Ok("http://absolute.test/"), "{base}");
        for relative in ["/c", "c", "?x", "", "//a/"] {
            assert_eq!(requested(relative), Err(ErrorKind::InvalidUrl), "{base} {relative:?}");
        }
    }
}

#[wasm_bindgen_test]
fn page_of_another_scheme_is_no_base() {
    for base in ["file:///home/page.html", "chrome-extension://abc/page.html"] {
        let _document = Shim::of("document", &format!("({{ baseURI: '{base}' }})"));
        assert_eq!(requested("/c"), Err(ErrorKind::UnsupportedScheme), "{base}");
        assert_eq!(requested("http://absolute.test").as_deref(), Ok("http://absolute.test/"), "{base}");
    }
}

#[wasm_bindgen_test]
async fn url_that_is_no_address_of_a_request_stays_absolute() {
    let _document = Shim::of("document", PAGE);
    assert_eq!(Url::parse("/c").unwrap_err().kind(), ErrorKind::InvalidUrl);
    // The response's URL is a value of the engine, which a page may have replaced.
    let _fetch = Shim::fetch("async () => answer({ url: '/elsewhere' })");
    let response: Response = Client::new().get("/c").await.unwrap();
    assert_eq!(response.url().as_str(), "http://page.test/c");
}

#[wasm_bindgen_test]
fn error_of_a_relative_url_without_a_page_says_why() {
    let error = Request::get("/api").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    let report = error.report().to_string();
    assert!(report.contains("\"/api\"") && report.contains("relative"), "{report}");
    let error = Request::get("http://[::1").build().unwrap_err();
    assert!(!error.report().to_string().contains("relative"), "{error}");
}
