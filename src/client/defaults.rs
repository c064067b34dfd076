//! Headers that each request of a client sends, unless the request has headers of the same name.

use http::HeaderMap;

/// The default headers of a client.
///
/// It is a trait object that only [`Builder::default_headers`](super::Builder::default_headers) makes: a browser program
/// without default headers does not link the code that adds them. `RetryPolicy` says what the idiom saves in all.
pub(super) trait DefaultHeaders: Send + Sync {
    /// Adds `headers` to the defaults; they replace defaults of the same name.
    fn extend(&mut self, headers: HeaderMap);

    /// Adds each default header to `headers`, unless `headers` contains its name.
    fn fill(&self, headers: &mut HeaderMap);
}

impl DefaultHeaders for HeaderMap {
    fn extend(&mut self, headers: HeaderMap) {
        Extend::extend(self, headers);
    }

    fn fill(&self, headers: &mut HeaderMap) {
        let is_missing = |name: &&http::HeaderName| !headers.contains_key(*name);
        let missing: Vec<_> = self.keys().filter(is_missing).cloned().collect();
        for name in missing {
            for value in self.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
    }
}
