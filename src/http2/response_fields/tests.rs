//! Tests of what is refused, by tables of heads, trailers and bodies.

use http::{HeaderName, HeaderValue};

use super::*;

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}

fn head(method: Method, status: u16, pairs: &[(&'static str, &'static str)]) -> Result<BodyLength> {
    check_head(&method, StatusCode::from_u16(status).unwrap(), &map(pairs), &Http1Limits::default())
}

fn informational(status: u16, pairs: &[(&'static str, &'static str)]) -> Result<()> {
    let status = StatusCode::from_u16(status).unwrap();
    InformationalHeads::default().check(status, &map(pairs), &Http1Limits::default())
}

#[test]
fn connection_specific_fields_are_refused_in_every_part() {
    // RFC 9113, section 8.2.2.
    let refused = [
        ("connection", "close"),
        ("connection", ""),
        ("proxy-connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("te", "gzip"),
    ];
    for field in refused {
        let fields = [("server", "a"), field];
        let errors = [
            head(Method::GET, 200, &fields).unwrap_err(),
            informational(103, &fields).unwrap_err(),
            check_trailers(&map(&fields), &Http1Limits::default()).unwrap_err(),
        ];
        for (error, phase) in errors.into_iter().zip([Phase::Head, Phase::Head, Phase::Body]) {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, phase), "{field:?}");
            assert!(error.to_string().contains(&format!("`{}`", field.0)), "{error}");
        }
    }
}

#[test]
fn other_fields_are_accepted_in_every_part() {
    let fields = [("server", "a"), ("trailer", "x"), ("via", "2 a"), ("set-cookie", "a"), ("set-cookie", "b")];
    assert_eq!(head(Method::GET, 200, &fields).unwrap(), BodyLength::Undeclared);
    informational(103, &fields).unwrap();
    check_trailers(&map(&fields), &Http1Limits::default()).unwrap();
}

#[test]
fn each_status_of_http1_is_accepted() {
    // RFC 9110, section 15, lets a client read an unknown status by its first digit.
    for status in [200, 204, 304, 404, 418, 599, 600, 999] {
        head(Method::GET, status, &[]).unwrap();
    }
}

#[test]
fn switch_of_protocols_is_refused() {
    // RFC 9113, section 8.6.
    for status in [100, 102, 103, 104, 199] {
        informational(status, &[]).unwrap();
    }
    assert_eq!(informational(101, &[]).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn content_length_is_read_as_by_http1() {
    // RFC 9113, section 8.1.1, and RFC 9110, section 8.6.
    for (pairs, expected) in [
        (&[][..], Some(BodyLength::Undeclared)),
        (&[("content-length", "0")], Some(BodyLength::Left(0))),
        (&[("content-length", "18446744073709551615")], Some(BodyLength::Left(u64::MAX))),
        (&[("content-length", "3"), ("content-length", "3")], Some(BodyLength::Left(3))),
        (&[("content-length", "3, 3")], Some(BodyLength::Left(3))),
        (&[("content-length", "3"), ("content-length", "4")], None),
        (&[("content-length", "3,4")], None),
        (&[("content-length", "")], None),
        (&[("content-length", "+3")], None),
        (&[("content-length", "-3")], None),
        (&[("content-length", "0x3")], None),
        (&[("content-length", "3 4")], None),
        (&[("content-length", "18446744073709551616")], None),
    ] {
        let found = head(Method::GET, 200, pairs);
        if let Err(error) = &found {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head), "{pairs:?}");
        }
        assert_eq!(found.ok(), expected, "{pairs:?}");
    }
}

#[test]
fn responses_without_a_body_may_declare_a_length() {
    // RFC 9113, section 8.1.1, and RFC 9110, section 6.4.1.
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304), (Method::HEAD, 404)] {
        for pairs in [&[][..], &[("content-length", "5")]] {
            let mut length = head(method.clone(), status, pairs).unwrap();
            assert_eq!((length, length.left()), (BodyLength::Bodiless, Some(0)), "{method} {status}");
            length.count(0).unwrap();
            length.end().unwrap();
            let error = length.count(1).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Body), "{method} {status}");
        }
    }
    for status in [200, 205, 206, 404] {
        assert_eq!(head(Method::GET, status, &[("content-length", "5")]).unwrap(), BodyLength::Left(5));
    }
}

#[test]
fn body_has_the_declared_length() {
    // RFC 9113, section 8.1.1: after how many pieces the body is too long, and whether it is too short at its end.
    for (declared, pieces, too_long_at, is_complete) in [
        (BodyLength::Left(5), &[5][..], None, true),
        (BodyLength::Left(5), &[2, 0, 3, 0], None, true),
        (BodyLength::Left(5), &[2, 4], Some(1), false),
        (BodyLength::Left(5), &[2, 2], None, false),
        (BodyLength::Left(5), &[], None, false),
        (BodyLength::Left(0), &[], None, true),
        (BodyLength::Left(0), &[1], Some(0), true),
        (BodyLength::Undeclared, &[usize::MAX, usize::MAX], None, true),
        (BodyLength::Undeclared, &[], None, true),
    ] {
        let mut length = declared;
        let refused_at = pieces.iter().position(|piece| {
            let counted = length.count(*piece);
            counted.is_err_and(|error| {
                assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Body));
                true
            })
        });
        assert_eq!(refused_at, too_long_at, "{declared:?} {pieces:?}");
        if too_long_at.is_none() {
            assert_eq!(length.end().is_ok(), is_complete, "{declared:?} {pieces:?}");
        }
    }
}

#[test]
fn errors_of_a_length_say_by_how_much_it_differs() {
    let mut length = BodyLength::Left(5);
    assert!(length.end().unwrap_err().to_string().contains("5 bytes shorter"));
    assert!(length.count(7).unwrap_err().to_string().contains("2 bytes longer"));
}

/// Returns fields whose lines have this many bytes in total.
fn fields_of(bytes: usize) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert("x", HeaderValue::from_bytes(&vec![b'a'; bytes - "x: \r\n".len()]).unwrap());
    fields
}

#[test]
fn fields_beyond_a_limit_are_refused_with_the_errors_of_http1() {
    let limits = Http1Limits { head: 1000, trailers: 500, headers: 3, ..Http1Limits::default() };
    let refused = |outcome: Result<()>, expected: Error| {
        assert_eq!(outcome.unwrap_err().to_string(), expected.to_string());
        assert_eq!(expected.kind(), ErrorKind::LimitExceeded);
    };
    let head = |fields: &HeaderMap| check_head(&Method::GET, StatusCode::OK, fields, &limits).map(drop);
    let hint = |fields: &HeaderMap| InformationalHeads::default().check(StatusCode::EARLY_HINTS, fields, &limits);
    let largest = fields_of(1000 - STATUS_LINE);
    let larger = fields_of(1001 - STATUS_LINE);
    head(&largest).unwrap();
    hint(&largest).unwrap();
    refused(head(&larger), limits.head_is_too_large());
    refused(hint(&larger), limits.head_is_too_large());
    check_trailers(&fields_of(500), &limits).unwrap();
    refused(check_trailers(&fields_of(501), &limits), limits.trailers_are_too_large());
    let most = map(&[("a", ""), ("a", ""), ("b", "")]);
    let more = map(&[("a", ""), ("a", ""), ("b", ""), ("c", "")]);
    head(&most).unwrap();
    refused(head(&more), too_many(3, Phase::Head));
    refused(hint(&more), too_many(3, Phase::Head));
    refused(check_trailers(&more, &limits), too_many(3, Phase::Body));
}

#[test]
fn informational_heads_have_a_limit_together() {
    let limits = Http1Limits { informational: 200, ..Http1Limits::default() };
    let mut heads = InformationalHeads::default();
    for _ in 0..2 {
        heads.check(StatusCode::PROCESSING, &fields_of(100 - STATUS_LINE), &limits).unwrap();
    }
    let error = heads.check(StatusCode::PROCESSING, &HeaderMap::new(), &limits).unwrap_err();
    assert_eq!(error.to_string(), limits.informational_is_too_large().to_string());
}

#[test]
fn header_list_of_h2_has_room_for_each_accepted_head() {
    let default = Http1Limits::default();
    for limits in [
        default,
        Http1Limits { head: 100, headers: 1000, ..default },
        Http1Limits { head: 0, trailers: 100_000, ..default },
        Http1Limits { headers: 0, ..default },
    ] {
        // The largest accepted head, in the counting of section 6.5.2. `:status` counts as a field there.
        let head = limits.head.max(limits.trailers) + limits.headers * FIELD_OVERHEAD;
        let status = HeaderName::from_static("status").as_str().len() + 1 + 3 + FIELD_OVERHEAD;
        assert!(max_header_list_size(&limits) as usize > head + status, "{limits:?}");
    }
    assert_eq!(max_header_list_size(&default), 139_264);
    assert_eq!(max_header_list_size(&Http1Limits { head: usize::MAX, ..default }), u32::MAX);
}
