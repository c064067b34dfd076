//! Serves the files of a directory, and no file outside of it.

use std::path::{Component, Path};

use waterspout::testing::{Incoming, Reply};

/// Returns the requested file. A path that ends in `/` stands for the `index.html` in that folder.
pub(super) async fn reply(directory: &Path, request: &Incoming) -> Reply {
    let mut path = request.path().trim_start_matches('/').to_owned();
    if path.is_empty() || path.ends_with('/') {
        path.push_str("index.html");
    }
    let relative = Path::new(&path);
    // Components such as `..` would lead out of the directory.
    if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
        return Reply::new(404, "not found");
    }
    match std::fs::read(directory.join(relative)) {
        Ok(bytes) => Reply::new(200, bytes)
            .with_header("content-type", content_type(relative))
            .with_header("cache-control", "no-cache")
            .with_header("access-control-allow-origin", "*"),
        Err(_) => Reply::new(404, "not found"),
    }
}

fn content_type(path: &Path) -> &'static str {
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
