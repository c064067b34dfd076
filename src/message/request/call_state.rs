//! What belongs to the call that sends a request, not to the request itself.
//!
//! A [`Backend`](crate::Backend) is handed nothing but a [`Request`]. So the request carries the state of its call: the
//! backend finds the attempt's progress in it, a middleware the attempts before this attempt, and the client the callbacks
//! that the builder has set.

use super::{PriorityHandle, Request};
use crate::error::Attempt;
use crate::message::progress::{Progress, ProgressCallback};

/// The state of a call, carried by its request.
#[derive(Debug, Default)]
pub(crate) struct CallState {
    /// Called for each chunk of the response's body. Set by the builder.
    pub(super) on_download: Option<ProgressCallback>,
    /// Called for each piece of the request's body that leaves. Set by the builder.
    on_upload: Option<ProgressCallback>,
    /// Changes the priority while the request waits for a slot. Set by the builder.
    pub(super) priority: Option<PriorityHandle>,
    /// The progress of the present attempt.
    progress: Progress,
    /// The attempts that have ended. Set by the client for each attempt.
    attempts: Vec<Attempt>,
}

impl CallState {
    /// Sets the callback for the upload; the progress reports to it.
    pub(super) fn set_on_upload(&mut self, callback: ProgressCallback) {
        self.progress = Progress::new(Some(callback.clone()));
        self.on_upload = Some(callback);
    }

    /// Returns the state of a copy of the request. It has a progress of its own, so that the bytes of two attempts are not
    /// added up.
    pub(super) fn for_copy(&self) -> Self {
        Self {
            on_download: self.on_download.clone(),
            on_upload: self.on_upload.clone(),
            priority: self.priority.clone(),
            progress: Progress::new(self.on_upload.clone()),
            attempts: self.attempts.clone(),
        }
    }
}

impl Request {
    /// Returns the handle that changes the request's priority while it waits; see
    /// [`RequestBuilder::priority_handle`](super::RequestBuilder::priority_handle).
    pub fn priority_handle(&self) -> Option<&PriorityHandle> {
        self.0.call.priority.as_ref()
    }

    /// Returns the progress of the attempt, where a backend reports how far it is.
    ///
    /// The client that waits for the backend reads it, so that a slow upload is not mistaken for silence.
    pub fn progress(&self) -> &Progress {
        &self.0.call.progress
    }

    pub(crate) fn set_progress(&mut self, progress: Progress) {
        self.0.call.progress = progress;
    }

    /// Returns the callback for the download.
    pub(crate) fn on_download(&self) -> Option<&ProgressCallback> {
        self.0.call.on_download.as_ref()
    }

    /// Returns the attempts before this attempt, in a backend or a [`Middleware`](crate::Middleware).
    ///
    /// It is empty for a request without a [`Retry`](crate::Retry).
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.call.attempts
    }

    pub(crate) fn set_attempts(&mut self, attempts: Vec<Attempt>) {
        self.0.call.attempts = attempts;
    }
}
