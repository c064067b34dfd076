//! Header fields that come after a body.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;

/// The header fields after a chunked body (RFC 9110, section 6.5), of a request or of a response.
///
/// It is a cell that is filled once, when the body has ended: by the agent for a response, by whoever makes the body
/// for a request. A clone is another handle of the same cell.
#[derive(Clone, Debug, Default)]
pub struct Trailers(Arc<OnceLock<HeaderMap>>);

impl Trailers {
    /// An empty cell.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the cell and says whether it was empty; a full one stays as it is.
    pub fn set(&self, fields: HeaderMap) -> bool {
        self.0.set(fields).is_ok()
    }

    /// The fields, if the body has ended and had some.
    pub fn get(&self) -> Option<&HeaderMap> {
        self.0.get()
    }
}

impl From<HeaderMap> for Trailers {
    fn from(fields: HeaderMap) -> Self {
        Self(Arc::new(fields.into()))
    }
}
