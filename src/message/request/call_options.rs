//! What a caller sets for a call and not for its request: the callbacks, and the handle of the priority.

use std::sync::Arc;

use super::CallPriority;
use crate::message::progress::ProgressCallback;
use crate::runtime::Instant;

/// The options of a call. A [`RequestBuilder`](super::RequestBuilder) keeps them beside its request.
///
/// A clone has the same callbacks, for a call that is made again.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions {
    /// Called for each chunk of the response's body.
    pub(crate) on_download: Option<ProgressCallback>,
    /// Called for each piece of the request's body that leaves.
    pub(crate) on_upload: Option<ProgressCallback>,
    /// Changes the priority while the request waits for a slot.
    pub(crate) priority: Option<Arc<dyn CallPriority>>,
    /// When the call was made, if its task starts later. The limits count from then.
    pub(crate) called_at: Option<Instant>,
}

impl CallOptions {
    /// Returns the name of an option that is set.
    pub(super) fn name_of_set(&self) -> Option<&'static str> {
        let options = [
            ("on_download", self.on_download.is_some()),
            ("on_upload", self.on_upload.is_some()),
            ("priority_handle", self.priority.is_some()),
        ];
        options.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}
