//! Responses without a body, wrong lengths, trailers, redirects, cookies and codings.

use waterspout::testing::{Http2Action, Http2Config, Http2Frame, Incoming, Reply, handler};
use waterspout::{ErrorKind, Phase};

use crate::common::{get, url};
use crate::served::Served;

/// Serves a reply of raw frames for the first request of each connection.
fn raw(fields: &'static [(&'static str, &'static str)], data: Option<&'static str>) -> Served {
    let mut frames = vec![Http2Frame::headers(1, fields, data.is_none())];
    frames.extend(data.map(|data| Http2Frame::data(1, data, true)));
    let config = Http2Config::new().on_request(1, Http2Action::Frames(frames));
    Served::new(
        config,
        handler(|request: &mut Incoming| {
            let is_first = request.stream() == Some(1);
            Box::pin(async move { if is_first { Reply::silence() } else { Reply::text("hello") } })
        }),
    )
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    for (method, status, length) in
        [("HEAD", "200", "1000"), ("HEAD", "404", "5"), ("GET", "204", ""), ("GET", "304", "1000"), ("GET", "200", "0")]
    {
        let server = handler(move |_| {
            let reply = Reply::new(status.parse().unwrap(), "");
            let reply = if length.is_empty() { reply } else { reply.with_header("content-length", length) };
            Box::pin(async move { reply })
        });
        let mut served = Served::new(Http2Config::new(), server);
        let request = served.client.request(method.parse().unwrap(), url("/"));
        let text = served.run(async move { request.await?.text().await });
        assert_eq!(text.expect(status).expect(status), "", "{method} {status}");
    }
}

#[test]
fn body_of_another_length_than_announced_is_an_error_of_its_stream() {
    for (length, data, is_ok) in [("5", "hello", true), ("4", "hello", false), ("6", "hello", false), ("0", "x", false)]
    {
        let fields: &'static [_] = Box::leak(Box::new([(":status", "200"), ("content-length", length)]));
        let mut served = raw(fields, Some(data));
        let outcome = served.run(get(&served.client, "/")).expect(length);
        assert_eq!(outcome.is_ok(), is_ok, "{length}: {outcome:?}");
        assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap(), "hello", "{length}");
        assert_eq!(served.connects(), 1, "{length}");
    }
}

#[test]
fn malformed_head_is_an_error_of_its_stream() {
    for fields in [
        &[("content-type", "text/plain")][..],
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "200"), ("transfer-encoding", "chunked")],
        &[("x", "y"), (":status", "200")],
        &[(":status", "200"), ("content-length", "1"), ("content-length", "2")],
    ] {
        let fields: &'static [_] = Box::leak(fields.to_vec().into_boxed_slice());
        let mut served = raw(fields, Some("x"));
        let error = served.run(get(&served.client, "/")).unwrap_or_else(|| panic!("{fields:?} hangs")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{fields:?}: {error}");
        let next = served.run(get(&served.client, "/")).unwrap().unwrap_or_else(|error| panic!("{fields:?}: {error}"));
        assert_eq!(next, "hello", "{fields:?}");
        assert_eq!(served.connects(), 1, "{fields:?}");
    }
}

#[test]
fn trailers_go_both_ways() {
    let server = handler(|request: &mut Incoming| {
        Box::pin(async move {
            let body = request.body().await.unwrap();
            let trailer = request.trailers().map_or("none", |fields| fields["x-sum"].to_str().unwrap()).to_owned();
            Reply::new(200, body).with_trailer("x-sum", &trailer)
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let mut trailers = waterspout::http::HeaderMap::new();
    trailers.insert("x-sum", "abc".parse().unwrap());
    for body in ["", "hello"] {
        let request = served.client.post(url("/")).body(body).trailers(trailers.clone());
        let found = served.run(async move {
            let mut response = request.await?;
            while response.chunk().await?.is_some() {}
            Ok::<_, waterspout::Error>(response.trailers().unwrap()["x-sum"].clone())
        });
        assert_eq!(found.unwrap().unwrap(), "abc", "{body:?}");
    }
}

#[test]
fn redirects_and_cookies_work_as_over_http1() {
    let server = handler(|request: &mut Incoming| {
        let cookie = request.header("cookie").unwrap_or("none").to_owned();
        let path = request.path().to_owned();
        Box::pin(async move {
            match path.as_str() {
                "/from" => {
                    Reply::redirect(302, "/to").with_header("set-cookie", "a=b").with_header("set-cookie", "c=d")
                }
                _ => Reply::text(cookie),
            }
        })
    });
    let mut served = Served::new(Http2Config::new(), server);
    assert_eq!(served.run(get(&served.client, "/from")).unwrap().unwrap(), "a=b; c=d");
    assert_eq!(served.connects(), 1);
}

#[test]
fn error_in_the_body_has_the_phase_of_the_body() {
    let server = handler(|_| {
        let fault = waterspout::testing::Fault::close().after_body(3);
        Box::pin(async { Reply::text("hello").with_fault(fault) })
    });
    let mut served = Served::new(Http2Config::new(), server);
    let error = served.run(get(&served.client, "/")).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::ConnectionClosed, Phase::Body), "{error}");
}
