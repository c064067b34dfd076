//! Redirects: which are followed, and what happens to the method and the body.

use waterspout::{Client, ErrorKind, Redirect};

use super::{FETCH, Lab};

pub async fn a_redirect_is_followed(lab: Lab) {
    for status in [301, 302, 303, 307, 308] {
        let response = Client::new().get(lab.url(&format!("redirect/1?status={status}"))).await.unwrap();
        assert_eq!((response.status().as_u16(), response.redirected()), (200, true));
        assert_eq!(response.url().as_str(), lab.url("hello"));
        assert_eq!(response.text().await.unwrap(), "hello");
    }
}

pub async fn a_chain_of_redirects_is_followed(lab: Lab) {
    let response = Client::new().get(lab.url("redirect/20")).await.unwrap();
    assert_eq!(response.url().as_str(), lab.url("hello"));
}

pub async fn endless_redirects_are_an_error(lab: Lab) {
    let error = Client::new().get(lab.url("redirect/21")).await.unwrap_err();
    assert_eq!(error.kind(), if FETCH { ErrorKind::Network } else { ErrorKind::Redirect }, "{error}");
}

pub async fn a_post_becomes_a_get_after_302_and_303(lab: Lab) {
    for status in [302, 303] {
        let url = lab.url(&format!("redirect/1?status={status}&to=/lab/echo"));
        let response = Client::new().post(url).body("payload").await.unwrap();
        assert_eq!(response.headers()["x-method"], "GET");
        assert_eq!(response.text().await.unwrap(), "");
    }
}

pub async fn method_and_body_survive_307_and_308(lab: Lab) {
    for status in [307, 308] {
        let url = lab.url(&format!("redirect/2?status={status}&to=/lab/echo"));
        let response = Client::new().put(url).body("payload").await.unwrap();
        assert_eq!(response.headers()["x-method"], "PUT");
        assert_eq!(response.text().await.unwrap(), "payload");
    }
}

pub async fn a_redirect_can_be_made_an_error(lab: Lab) {
    let client = Client::builder().redirect(Redirect::Error).build().unwrap();
    let error = client.get(lab.url("redirect/1")).await.unwrap_err();
    assert_eq!(error.kind(), if FETCH { ErrorKind::Network } else { ErrorKind::Redirect }, "{error}");
    assert_eq!(client.get(lab.url("hello")).await.unwrap().status(), 200);
}

pub async fn a_redirect_can_be_left_to_the_caller(lab: Lab) {
    let client = Client::builder().redirect(Redirect::Manual).build().unwrap();
    match client.get(lab.url("redirect/1?status=301")).await {
        Ok(response) => {
            assert_eq!((response.status().as_u16(), response.redirected()), (301, false));
            assert_eq!(response.headers()["location"], "/lab/hello");
        }
        // A browser does not show redirects to a page.
        Err(error) => assert_eq!((error.kind(), FETCH), (ErrorKind::Unsupported, true), "{error}"),
    }
}

pub async fn a_response_knows_its_last_request(lab: Lab) {
    let client = Client::new();
    let response = client.put(lab.url("echo")).header("x-one", "1").body("text").bearer_auth("secret").await.unwrap();
    assert_eq!((response.method().unwrap().as_str(), response.url().as_str()), ("PUT", &*lab.url("echo")));
    let headers = response.request_headers().unwrap();
    assert_eq!(headers["x-one"], "1");
    assert_eq!(headers["content-type"], "text/plain;charset=UTF-8");
    assert!(headers["authorization"].is_sensitive());
    for (method, status, expected) in [
        ("GET", 302, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 301, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("PUT", 302, "PUT"),
        ("POST", 307, "POST"),
        ("DELETE", 308, "DELETE"),
    ] {
        let url = lab.url(&format!("redirect/1?status={status}&to=/lab/echo"));
        let response = client.request(method.parse().unwrap(), url).await.unwrap();
        // `fetch` does not show the redirect, so a method that a redirect may change is not known after it.
        let known = !FETCH || ["GET", "HEAD"].contains(&method);
        assert_eq!(response.method().map(|method| method.as_str()), known.then_some(expected), "{method} {status}");
        assert_eq!(response.request_headers().is_some(), !FETCH, "{method} {status}");
        assert_eq!(response.headers()["x-method"], expected);
        assert_eq!(response.url().as_str(), lab.url("echo"));
    }
}
