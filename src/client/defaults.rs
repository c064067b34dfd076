//! Headers that each request of a client sends unless it sets its own.

use http::HeaderMap;

pub(super) struct DefaultHeaders {
    pub(super) map: HeaderMap,
    /// A pointer, so that a program without such headers does not link it.
    fill: fn(&HeaderMap, &mut HeaderMap),
}

impl DefaultHeaders {
    pub(super) fn new() -> Self {
        Self { map: HeaderMap::new(), fill }
    }

    /// Adds those whose names `headers` does not have.
    pub(super) fn fill(&self, headers: &mut HeaderMap) {
        (self.fill)(&self.map, headers);
    }
}

fn fill(map: &HeaderMap, headers: &mut HeaderMap) {
    for name in map.keys().filter(|name| !headers.contains_key(*name)).cloned().collect::<Vec<_>>() {
        for value in map.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
}
