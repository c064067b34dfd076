//! Options that only some backends understand. They travel with a request, identified by their type.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// An option that a single backend understands, such as how to connect.
///
/// The method `extension` sets it on a request or a client. A backend finds it by its type, with
/// [`RequestOptions::extension`](crate::RequestOptions::extension). The platform's backends refuse an extension for
/// another backend, so no extension is ignored silently. A custom backend that wraps another removes its own extensions
/// with [`RequestOptions::take_extension`](crate::RequestOptions::take_extension).
///
/// # Examples
///
/// ```
/// use waterspout::{Extension, Request};
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
// The portable options are fields of `RequestOptions`. How to connect is a single extension (`agent::Route`): such
// extensions cannot be compared, so the pool identifies connections by the route that made them.
pub trait Extension: Any + Send + Sync {
    /// The extension's name in errors.
    const NAME: &'static str;
    /// The backend that understands it: `agent` for [`Agent`](crate::Agent), `fetch` for a browser's backend. `*` marks
    /// information for middleware: every backend accepts the extension and ignores it.
    const BACKEND: &'static str;
}

/// The extensions of a request, without two of the same type.
#[derive(Clone, Default)]
pub(crate) struct Extensions(Vec<ExtensionEntry>);

#[derive(Clone)]
struct ExtensionEntry {
    // Shared: a client's extensions are cloned for each request, and an extension need not be `Clone`.
    value: Arc<dyn Any + Send + Sync>,
    name: &'static str,
    backend: &'static str,
}

impl Extensions {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn set<S: Extension>(&mut self, extension: S) {
        self.take::<S>();
        self.0.push(ExtensionEntry { value: Arc::new(extension), name: S::NAME, backend: S::BACKEND });
    }

    pub(crate) fn get<S: Extension>(&self) -> Option<&S> {
        self.0.iter().find_map(|entry| entry.value.downcast_ref())
    }

    /// Returns a handle of the extension, which stays set.
    // Only a browser's backend needs its extension beside the request.
    #[allow(dead_code)]
    pub(crate) fn handle<S: Extension>(&self) -> Option<Arc<S>> {
        self.0.iter().find_map(|entry| entry.value.clone().downcast().ok())
    }

    pub(crate) fn take<S: Extension>(&mut self) -> Option<Arc<S>> {
        let index = self.0.iter().position(|entry| entry.extension_type() == TypeId::of::<S>())?;
        self.0.swap_remove(index).value.downcast().ok()
    }

    /// Adds the `defaults` whose types are not set here.
    pub(crate) fn fill(&mut self, defaults: &Self) {
        for entry in &defaults.0 {
            if !self.0.iter().any(|own| own.extension_type() == entry.extension_type()) {
                self.0.push(entry.clone());
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses an extension for another backend than `backend`.
    pub(crate) fn check(&self, backend: &str) -> Result<()> {
        let Some(entry) = self.0.iter().find(|entry| ![backend, "*"].contains(&entry.backend)) else { return Ok(()) };
        let ExtensionEntry { name, backend: wanted, .. } = entry;
        let message =
            ["the extension `", name, "` is for the backend `", wanted, "`, and this backend is `", backend, "`"]
                .concat();
        Err(Error::request(ErrorKind::Unsupported, message))
    }
}

impl ExtensionEntry {
    fn extension_type(&self) -> TypeId {
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
    fn extension_is_found_by_type_and_replaces_the_previous() {
        let mut extensions = Extensions::default();
        extensions.set(Depth(1));
        extensions.set(Colour("red"));
        extensions.set(Depth(2));
        assert_eq!((extensions.get(), extensions.get()), (Some(&Depth(2)), Some(&Colour("red"))));
        assert_eq!(extensions.take::<Depth>().as_deref(), Some(&Depth(2)));
        assert_eq!(extensions.get::<Depth>(), None);
    }

    #[test]
    fn extensions_of_a_request_override_the_defaults_by_type() {
        let (mut own, mut defaults) = (Extensions::default(), Extensions::default());
        own.set(Depth(1));
        defaults.set(Depth(2));
        defaults.set(Colour("red"));
        own.fill(&defaults);
        assert_eq!((own.get(), own.get()), (Some(&Depth(1)), Some(&Colour("red"))));
    }

    #[test]
    fn extension_for_another_backend_is_refused_by_name() {
        let mut extensions = Extensions::default();
        extensions.set(Depth(1));
        assert!(extensions.check("diver").is_ok());
        let error = extensions.check("painter").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`depth` is for the backend `diver`"), "{error}");
    }
}
