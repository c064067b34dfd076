//! The options of a request, shared with the client and with copies of the request until they are changed.

use std::sync::Arc;

use super::RequestOptions;

/// The options of a request. A request that sets none shares the options of its client.
#[derive(Clone, Default)]
pub(super) struct SharedOptions(Option<Arc<RequestOptions>>);

/// The options of a request that has none, and has not reached its client yet.
static NONE: RequestOptions = RequestOptions::none();

impl SharedOptions {
    pub(super) fn get(&self) -> &RequestOptions {
        self.0.as_deref().unwrap_or(&NONE)
    }

    /// Returns the options for changes, after copying them if they are shared.
    pub(super) fn get_mut(&mut self) -> &mut RequestOptions {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Returns another handle of these options, and shares them.
    pub(super) fn share(&mut self) -> Arc<RequestOptions> {
        self.0.get_or_insert_default().clone()
    }

    /// Returns the options, or `None` if none were set.
    pub(super) fn into_inner(self) -> Option<RequestOptions> {
        self.0.map(Arc::unwrap_or_clone)
    }

    /// Takes each option that is `None` from `defaults`.
    pub(super) fn fill(&mut self, defaults: &Arc<RequestOptions>) {
        match &mut self.0 {
            None => self.0 = Some(defaults.clone()),
            Some(own) => {
                Arc::make_mut(own).fill(defaults);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with_timeout(seconds: u64) -> RequestOptions {
        RequestOptions { timeout: Some(Duration::from_secs(seconds)), ..RequestOptions::default() }
    }

    #[test]
    fn options_are_shared_until_they_are_changed() {
        let defaults = Arc::new(with_timeout(1));
        let mut options = SharedOptions::default();
        assert_eq!(options.get().timeout, None);
        options.fill(&defaults);
        let mut copy = options.clone();
        assert_eq!(Arc::strong_count(&defaults), 3);

        copy.get_mut().timeout = None;
        assert_eq!((options.get().timeout, copy.get().timeout), (defaults.timeout, None));
        assert_eq!(Arc::strong_count(&defaults), 2);
    }

    #[test]
    fn own_options_override_the_defaults_and_leave_copies_alone() {
        let defaults = Arc::new(with_timeout(1));
        let mut options = SharedOptions::default();
        options.get_mut().priority = Some(5);
        let copy = options.clone();
        options.fill(&defaults);
        assert_eq!((options.get().priority, options.get().timeout), (Some(5), defaults.timeout));
        assert_eq!((copy.get().priority, copy.get().timeout), (Some(5), None));
        options.fill(&Arc::new(with_timeout(2)));
        assert_eq!(options.get().timeout, defaults.timeout);
    }
}
