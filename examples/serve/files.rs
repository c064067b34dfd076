//! Files of one directory, and nothing outside of it.

use std::path::{Component, Path};

use waterspout::testing::{Incoming, Reply};

/// The file that a request asks for; a path that ends in `/` means its `index.html`.
pub(super) async fn answer(directory: &Path, request: &Incoming) -> Reply {
    let mut path = request.path().trim_start_matches('/').to_owned();
    if path.is_empty() || path.ends_with('/') {
        path.push_str("index.html");
    }
    let relative = Path::new(&path);
    if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
        return Reply::new(404, "not found");
    }
    match std::fs::read(directory.join(relative)) {
        Ok(bytes) => Reply::new(200, bytes)
            .with_header("content-type", kind(relative))
            .with_header("cache-control", "no-cache")
            .with_header("access-control-allow-origin", "*"),
        Err(_) => Reply::new(404, "not found"),
    }
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
