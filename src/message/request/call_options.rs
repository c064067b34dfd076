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
    /// When the call was made, if its task starts later. The limits count from then.
    pub(crate) called_at: Option<Instant>,
    // In a box, because most calls have none of them, and the future of each call holds them.
    hooks: Option<Box<CallHooks>>,
}

/// How a caller follows and changes a call while it is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallHooks {
    /// Called for each chunk of the response's body.
    pub(crate) on_download: Option<ProgressCallback>,
    /// Called for each piece of the request's body that leaves.
    pub(crate) on_upload: Option<ProgressCallback>,
    /// Changes the priority while the request waits for a slot.
    pub(crate) priority: Option<Arc<dyn CallPriority>>,
}

impl CallOptions {
    /// Returns the hooks, if there are any.
    pub(crate) fn hooks(&self) -> Option<&CallHooks> {
        self.hooks.as_deref()
    }

    /// Returns the hooks for changing them.
    pub(crate) fn hooks_mut(&mut self) -> &mut CallHooks {
        self.hooks.get_or_insert_default()
    }

    /// Returns the name of an option that is set.
    pub(super) fn name_of_set(&self) -> Option<&'static str> {
        let hooks = self.hooks()?;
        let options = [
            ("on_download", hooks.on_download.is_some()),
            ("on_upload", hooks.on_upload.is_some()),
            ("priority_handle", hooks.priority.is_some()),
        ];
        options.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
    }
}
