//! Headers that each request of a client sends, unless the request has headers of the same name.

use http::HeaderMap;

pub(super) struct DefaultHeaders {
    pub(super) map: HeaderMap,
    /// The function `fill`. It is a pointer, so that a program without default headers does not link it.
    fill: fn(&HeaderMap, &mut HeaderMap),
}

impl DefaultHeaders {
    pub(super) fn new() -> Self {
        Self { map: HeaderMap::new(), fill }
    }

    /// Adds the default headers whose names `headers` does not contain.
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
