//! Headers that a backend sends with each request that has no header of that name.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers for requests that do not have them. They are not copied into the headers of a request, which would cost
/// allocations for each request.
pub(crate) struct DefaultFields {
    fields: Vec<(HeaderName, HeaderValue)>,
    /// All fields as header lines.
    lines: Vec<u8>,
}

impl DefaultFields {
    pub(crate) fn new(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        let fields: Vec<_> = fields.into_iter().collect();
        let lines =
            fields.iter().map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        Self { lines: lines.collect::<Vec<_>>().concat(), fields }
    }

    /// Returns all fields as header lines.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Returns the fields whose names are not in `headers`.
    pub(crate) fn missing_in(&self, headers: &HeaderMap) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fields.iter().filter(|(name, _)| !headers.contains_key(name))
    }

    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.fields.iter().any(|(found, _)| found == name)
    }

    /// Returns `headers` with the fields that they do not have.
    pub(crate) fn with(&self, headers: &HeaderMap) -> HeaderMap {
        let mut all = headers.clone();
        for (name, value) in self.missing_in(headers) {
            all.insert(name, value.clone());
        }
        all
    }
}
