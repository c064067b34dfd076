//! Extensions that only some backends know: they travel with a request under their type.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// A setting that one backend understands and others do not, such as how to connect.
///
/// A request or a client is given it by `setting`; a backend finds it by its type, in
/// [`RequestOptions::extension`](crate::RequestOptions::extension). The platform's backends refuse a setting that is for
/// another one, so none is ignored in silence. A backend of your own that wraps another one takes out what is for itself
/// with [`RequestOptions::take_extension`](crate::RequestOptions::take_extension).
///
/// # Examples
///
/// ```
/// use waterspout::{Request, Extension};
///
/// #[derive(Debug)]
/// struct CacheFor(u64);
///
/// impl Extension for CacheFor {
///     const NAME: &'static str = "cache_for";
///     const BACKEND: &'static str = "cache";
/// }
///
/// let request = Request::get("http://example.com/").extension(CacheFor(60)).build()?;
/// assert_eq!(request.options().extension::<CacheFor>().map(|cache| cache.0), Some(60));
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Extension: Any + Send + Sync {
    /// What an error calls it.
    const NAME: &'static str;
    /// The backend that understands it: `agent` for [`Agent`](crate::Agent), `fetch` for a browser's.
    const BACKEND: &'static str;
}

/// A request's settings, each under its type.
#[derive(Clone, Default)]
pub(crate) struct Extensions(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    value: Arc<dyn Any + Send + Sync>,
    name: &'static str,
    backend: &'static str,
}

impl Extensions {
    pub(crate) fn set<S: Extension>(&mut self, setting: S) {
        self.take::<S>();
        self.0.push(Entry { value: Arc::new(setting), name: S::NAME, backend: S::BACKEND });
    }

    pub(crate) fn get<S: Extension>(&self) -> Option<&S> {
        self.0.iter().find_map(|entry| entry.value.downcast_ref())
    }

    pub(crate) fn take<S: Extension>(&mut self) -> Option<Arc<S>> {
        let index = self.0.iter().position(|entry| entry.kind() == TypeId::of::<S>())?;
        self.0.swap_remove(index).value.downcast().ok()
    }

    /// These, and `defaults` of the types that are not among them.
    pub(crate) fn over(mut self, defaults: &Self) -> Self {
        for entry in &defaults.0 {
            if !self.0.iter().any(|own| own.kind() == entry.kind()) {
                self.0.push(entry.clone());
            }
        }
        self
    }

    /// Refuses what is not for `backend`.
    pub(crate) fn check(&self, backend: &str) -> Result<()> {
        let Some(entry) = self.0.iter().find(|entry| entry.backend != backend) else { return Ok(()) };
        let Entry { name, backend: wanted, .. } = entry;
        let message = format!("the setting `{name}` is for the backend `{wanted}`, and this is `{backend}`");
        Err(Error::request(ErrorKind::Unsupported, message))
    }
}

impl Entry {
    fn kind(&self) -> TypeId {
        (*self.value).type_id()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|entry| entry.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Depth(u8);
    impl Extension for Depth {
        const NAME: &'static str = "depth";
        const BACKEND: &'static str = "diver";
    }

    #[derive(Debug, PartialEq)]
    struct Colour(&'static str);
    impl Extension for Colour {
        const NAME: &'static str = "colour";
        const BACKEND: &'static str = "painter";
    }

    #[test]
    fn a_setting_is_found_by_its_type_and_replaces_the_one_before() {
        let mut settings = Extensions::default();
        settings.set(Depth(1));
        settings.set(Colour("red"));
        settings.set(Depth(2));
        assert_eq!((settings.get(), settings.get()), (Some(&Depth(2)), Some(&Colour("red"))));
        assert_eq!(settings.take::<Depth>().as_deref(), Some(&Depth(2)));
        assert_eq!(settings.get::<Depth>(), None);
    }

    #[test]
    fn a_requests_settings_win_over_the_clients_type_by_type() {
        let (mut own, mut defaults) = (Extensions::default(), Extensions::default());
        own.set(Depth(1));
        defaults.set(Depth(2));
        defaults.set(Colour("red"));
        let merged = own.over(&defaults);
        assert_eq!((merged.get(), merged.get()), (Some(&Depth(1)), Some(&Colour("red"))));
    }

    #[test]
    fn a_setting_for_another_backend_is_refused_by_name() {
        let mut settings = Extensions::default();
        settings.set(Depth(1));
        assert!(settings.check("diver").is_ok());
        let error = settings.check("painter").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`depth` is for the backend `diver`"), "{error}");
    }
}
