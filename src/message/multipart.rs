//! Forms with files: `multipart/form-data` (RFC 7578), written as by a browser.

use std::fmt;

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::error::{Error, ErrorKind, Result, Source};
use crate::message::body::Body;
use crate::message::request::RequestBuilder;
use crate::platform;

/// A form of named parts, in order. Several parts may have the same name.
///
/// The form's length is known if the length of each part is known; otherwise it is sent chunked. The form can be sent
/// again, after a redirect for instance, if each part can be; otherwise it is sent once.
///
/// # Examples
///
/// ```
/// use waterspout::Request;
/// use waterspout::multipart::{Form, Part};
///
/// let form = Form::new()
///     .text("title", "A picture")
///     .part("file", Part::new(vec![0x89, b'P', b'N', b'G']).file_name("a.png").content_type("image/png"));
/// let request = Request::post("http://example.com/upload").multipart(form).build()?;
/// assert!(request.headers()["content-type"].to_str().unwrap().starts_with("multipart/form-data; boundary="));
/// assert!(request.body().length().is_some());
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a form does nothing until it is sent"]
pub struct Form {
    parts: Vec<(String, Part)>,
}

/// A part of a [`Form`]: a body, optionally with the name of a file and a content type.
///
/// # Examples
///
/// ```
/// use waterspout::multipart::{Form, Part};
/// use waterspout::{Body, Request};
///
/// let log = Body::reader(futures::io::Cursor::new("line\n")).with_length(5);
/// let part = Part::new(log).file_name("today.log").content_type("text/plain");
/// let request = Request::post("http://example.com/").multipart(Form::new().part("log", part)).build()?;
/// # futures::executor::block_on(async {
/// let mut request = request;
/// let body = std::mem::take(request.body_mut()).collect(1000).await?;
/// let head = "name=\"log\"; filename=\"today.log\"\r\nContent-Type: text/plain\r\n\r\nline\n";
/// assert!(String::from_utf8_lossy(&body).contains(head));
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[must_use = "a part does nothing until it is in a form"]
pub struct Part {
    body: Body,
    file_name: Option<String>,
    content_type: Option<Result<HeaderValue>>,
}

impl Form {
    /// Returns a form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part of text.
    ///
    /// The text is sent as it is, whereas a browser would convert each line break to CR LF.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.part(name, Part::new(value.into()))
    }

    /// Adds a part.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Writes the form as a body with `boundary` between its parts.
    fn into_body(self, boundary: &str) -> Result<Body> {
        let mut pieces = Vec::new();
        // Only the first delimiter has no line break before it.
        let mut delimiter = format!("--{boundary}\r\n");
        for (name, part) in self.parts {
            let mut head = std::mem::replace(&mut delimiter, format!("\r\n--{boundary}\r\n")).into_bytes();
            part.write_head(&mut head, &name)?;
            // Separate bodies, because a streamed body cannot be copied behind its head.
            pieces.extend([Body::from(head), part.body]);
        }
        let is_empty = pieces.is_empty();
        pieces.push(Body::from(format!("{}--{boundary}--\r\n", if is_empty { "" } else { "\r\n" })));
        Ok(Body::concat(pieces))
    }
}

impl Part {
    /// Returns a part of bytes, text, or a [`Body`] that reads a stream.
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), file_name: None, content_type: None }
    }

    /// Sets the name of the file that the part holds.
    ///
    /// The content type of a part with a file name is `application/octet-stream`, unless set.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the content type.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if the value has a control character.
    pub fn content_type<V: TryInto<HeaderValue, Error: Into<Source>>>(mut self, value: V) -> Self {
        self.content_type = Some(value.try_into().map_err(|error| {
            let message = "the content type of a form's part has a character that is not allowed in a header";
            Error::request(ErrorKind::InvalidRequest, message).with_source(error)
        }));
        self
    }

    fn write_head(&self, out: &mut Vec<u8>, name: &str) -> Result<()> {
        out.extend_from_slice(b"Content-Disposition: form-data; name=\"");
        out.extend_from_slice(escape(name).as_bytes());
        if let Some(file_name) = &self.file_name {
            out.extend_from_slice(b"\"; filename=\"");
            out.extend_from_slice(escape(file_name).as_bytes());
        }
        out.extend_from_slice(b"\"\r\n");
        let default = self.file_name.is_some().then(|| HeaderValue::from_static("application/octet-stream"));
        let content_type = match &self.content_type {
            None => default,
            Some(Ok(value)) => Some(value.clone()),
            Some(Err(error)) => return Err(error.clone()),
        };
        if let Some(value) = content_type {
            for piece in [b"Content-Type: ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(piece);
            }
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("body", &self.body).field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

impl<C> RequestBuilder<C> {
    /// Sets the body to this form, and the `content-type` to that of the form. A `content-type` set before is replaced,
    /// because it lacks the boundary.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if the content type of a part is not allowed, and the
    /// error of a part that cannot be read.
    ///
    /// # Platform
    /// A browser collects a form with a streamed part in memory before it sends the form, up to 64 MiB. A part that is
    /// a `Blob` or `File` of the page is not read into memory; see `Blob` in [`platform`](crate::platform).
    pub fn multipart(self, form: Form) -> Self {
        self.edit(|request| {
            let boundary = boundary();
            *request.body_mut() = form.into_body(&boundary)?;
            let content_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
            let content_type = content_type.map_err(|error| {
                Error::request(ErrorKind::InvalidRequest, "the boundary of a form is no header value")
                    .with_source(error)
            })?;
            // Not `or_insert`, as for other bodies: without this boundary a server cannot read the form.
            request.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok(())
        })
    }
}

/// Returns a boundary of 128 random bits.
// Nothing checks that no part contains it: with 128 random bits this does not happen.
fn boundary() -> String {
    format!("----waterspout{:016x}{:016x}", platform::random(), platform::random())
}

/// Escapes a name within quotes as the HTML standard says ("multipart/form-data encoding algorithm").
fn escape(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, stream};

    use super::*;
    use crate::message::request::Request;

    fn written(form: Form) -> String {
        let body = form.into_body("X").unwrap();
        let declared = body.length();
        let bytes = body.collect(10_000).now_or_never().unwrap().unwrap();
        assert!(declared.is_none_or(|length| length == bytes.len() as u64));
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn once() -> Body {
        Body::stream(stream::iter([Ok::<_, std::io::Error>("str"), Ok("eam")]))
    }

    #[test]
    fn parts_have_the_format_of_rfc_7578() {
        let file = Part::new(once()).file_name("a b.txt").content_type("text/plain; charset=utf-8");
        let form =
            Form::new().text("name", "J\u{fc}rgen").part("file", file).part("raw", Part::new("x").file_name("f"));
        let expected = "--X\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nJ\u{fc}rgen\r\n\
            --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\r\nstream\r\n\
            --X\r\nContent-Disposition: form-data; name=\"raw\"; filename=\"f\"\r\n\
            Content-Type: application/octet-stream\r\n\r\nx\r\n--X--\r\n";
        assert_eq!(written(form), expected);
        assert_eq!(written(Form::new()), "--X--\r\n");
    }

    #[test]
    fn names_are_escaped_as_in_browsers() {
        let form = Form::new().part("a\"b\r\nc: d", Part::new("").file_name("\u{e9}\"\n\\.txt"));
        let head = "form-data; name=\"a%22b%0D%0Ac: d\"; filename=\"\u{e9}%22%0A\\.txt\"\r\n";
        assert!(written(form).contains(head));
    }

    #[test]
    fn form_is_replayable_and_has_a_length_if_all_parts_are_and_have() {
        let body = |part: Body| Form::new().text("a", "b").part("c", Part::new(part)).into_body("X").unwrap();
        let known = body(Body::from("bytes"));
        assert!(known.length().is_some());
        for _ in 0..2 {
            let text = known.try_clone().unwrap().collect(1000).now_or_never().unwrap().unwrap();
            assert!(text.ends_with(b"\r\n\r\nbytes\r\n--X--\r\n"), "{text:?}");
        }
        let factory = body(Body::factory(|| stream::iter([Ok::<_, std::io::Error>("again")])));
        assert!(factory.length().is_none() && factory.try_clone().is_some());
        let stream = body(once().with_length(6));
        assert!(stream.length().is_some() && stream.try_clone().is_none());
    }

    #[test]
    fn content_type_with_a_line_break_is_refused() {
        let form = Form::new().part("a", Part::new("").content_type("text/plain\r\nx: y"));
        let error = Request::post("http://h/").multipart(form).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn each_form_has_its_own_boundary() {
        let kind = || {
            let request = Request::post("http://h/").header("content-type", "x/y").multipart(Form::new()).build();
            request.unwrap().headers()[CONTENT_TYPE].to_str().unwrap().to_owned()
        };
        let first = kind();
        let boundary = first.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert!(boundary.len() <= 70 && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        assert_ne!(first, kind());
    }
}
