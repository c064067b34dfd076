//! What converts into a body: strings, which are text, bytes, and streams.

use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::{Body, BodyKind};
use crate::error::{Error, ErrorKind, Phase, Result, Source};
use crate::message::request::Request;
use crate::runtime::{BoxStream, MaybeSend};

/// Adds the type of a text to headers that have no `content-type` (Fetch standard, "extract a body").
///
/// A function pointer that only the conversion of a string makes: a program that sends no string does not link the
/// code.
#[derive(Clone, Copy)]
pub(super) struct TextType(pub(super) fn(&mut Request));

const UTF_8: TextType = TextType(|request| {
    let headers = request.headers_mut();
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
});

// Each type by its name: a single implementation for all that converts into `Bytes` could not tell text from bytes.
macro_rules! convert {
    ($($source:ty => $bytes:ident $kind:expr;)+) => {$(
        impl From<$source> for Body {
            fn from(source: $source) -> Self {
                let $bytes = Bytes::from(source);
                Self($kind)
            }
        }
    )+};
}

convert! {
    &'static str => text BodyKind::Text(text, UTF_8);
    String => text BodyKind::Text(text, UTF_8);
    Bytes => bytes BodyKind::Bytes(bytes);
    BytesMut => bytes BodyKind::Bytes(bytes);
    Vec<u8> => bytes BodyKind::Bytes(bytes);
    Box<[u8]> => bytes BodyKind::Bytes(bytes);
    &'static [u8] => bytes BodyKind::Bytes(bytes);
}

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self(BodyKind::Bytes(Bytes::from_static(bytes)))
    }
}

/// No body, as [`Body::empty`]: `()` is the body of many an `http::Request`.
impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

/// Converts the items and errors of a caller's stream into the types of this crate.
pub(super) fn caller_stream<S, B, E>(stream: S) -> BoxStream<'static, Result<Bytes>>
where
    S: Stream<Item = std::result::Result<B, E>> + MaybeSend + 'static,
    B: Into<Bytes> + 'static,
    E: Into<Source> + 'static,
{
    Box::pin(stream.map_ok(Into::into).map_err(|error| {
        Error::new(ErrorKind::RequestBody, Phase::Head, "the request's body failed").with_source(error)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_text(body: &Body) -> bool {
        let Some(add) = body.content_type() else { return false };
        let mut request = Request::post("http://example.com/").build().unwrap();
        add(&mut request);
        request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/plain;charset=UTF-8")
    }

    #[test]
    fn strings_alone_are_text() {
        for text in [Body::from("a"), Body::from("a".to_owned()), Body::from(""), Body::from("a").try_clone().unwrap()]
        {
            assert!(is_text(&text) && !text.is_none() && text.is_complete(), "{text:?}");
        }
        let bytes: Box<[u8]> = Box::new([b'a']);
        for body in [
            Body::from(Bytes::from("a")),
            Body::from(BytesMut::from("a")),
            Body::from(vec![b'a']),
            Body::from(bytes),
            Body::from(&b"a"[..]),
            Body::from(b"a"),
        ] {
            assert!(!is_text(&body) && body.length() == Some(1), "{body:?}");
        }
        assert!(!is_text(&Body::empty()) && Body::from(()).is_none());
    }
}
