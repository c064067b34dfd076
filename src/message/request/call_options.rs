//! What a caller sets for a call and not for its request: the callbacks, and the handle of the priority.

use std::ops::{Deref, DerefMut};

use super::PriorityHandle;
use crate::message::progress::ProgressCallback;
use crate::runtime::Instant;

/// The options of a call. A [`RequestBuilder`](super::RequestBuilder) keeps them beside its request.
///
/// A clone has the same callbacks, for a call that is made again.
// In a box, because few calls set them, and the builder and the futures of a request move them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallOptions(Option<Box<SetCallOptions>>);

#[derive(Clone, Debug, Default)]
pub(crate) struct SetCallOptions {
    /// Called for each chunk of the response's body.
    pub(crate) on_download: Option<ProgressCallback>,
    /// Called for each piece of the request's body that leaves.
    pub(crate) on_upload: Option<ProgressCallback>,
    /// Changes the priority while the request waits for a slot.
    pub(crate) priority: Option<PriorityHandle>,
    /// When the call was made, if its task starts later. The limits count from then.
    pub(crate) called_at: Option<Instant>,
}

/// The options of a call that sets none.
static NONE: SetCallOptions = SetCallOptions { on_download: None, on_upload: None, priority: None, called_at: None };

impl Deref for CallOptions {
    type Target = SetCallOptions;

    fn deref(&self) -> &SetCallOptions {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Only a call that sets an option needs the box.
impl DerefMut for CallOptions {
    fn deref_mut(&mut self) -> &mut SetCallOptions {
        self.0.get_or_insert_default()
    }
}

impl SetCallOptions {
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
