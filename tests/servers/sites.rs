//! The servers, and the paths that the checks request from each server.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::contents::Folder;
use crate::process::Running;
use crate::programs;

/// The protocol that a server speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
    /// HTTP/2 by ALPN.
    Http2OverTls,
}

/// A server that may be installed.
pub struct Kind {
    pub name: &'static str,
    pub protocol: Protocol,
    /// Returns the command that serves a folder on a port, or `None` if the server is not installed.
    pub command: fn(&Folder, u16) -> Option<Command>,
    pub paths: Paths,
    shared: Mutex<Weak<Running>>,
}

/// What a server does with an uploaded body.
pub enum Uploads {
    /// The same path returns it later.
    Kept,
    /// The response is its length and hash.
    Summarized,
    /// The response is the body.
    Echoed,
}

/// The paths of a server. A path with a second text has a different body on each server, and the body contains that
/// text.
pub struct Paths {
    /// The text `hello` and a line feed.
    pub plain: &'static str,
    pub gzip: (&'static str, &'static str),
    pub chunked: (&'static str, &'static str),
    /// The alphabet.
    pub letters: &'static str,
    /// Redirects to `plain` in two steps, or to a page with the same body.
    pub redirect: &'static str,
    /// Redirects to `stored` + `moved` with the status 308.
    pub moved: &'static str,
    /// Sets the cookie `taste` to `salt`.
    pub cookie: &'static str,
    /// Returns the cookies of the request, in the body or in the header `x-saw`.
    pub cookie_shown: (&'static str, &'static str),
    /// Requires the Basic credentials of Aladdin.
    pub basic: &'static str,
    /// Requires the Digest credentials of Aladdin.
    pub digest: &'static [&'static str],
    /// Requires the Digest credentials of Aladdin, with nonces that expire soon. The server writes a line for each
    /// request into `access.log`: the status, the path and the `authorization` header.
    pub stale: &'static str,
    /// Accepts a body at any name below this path.
    pub stored: &'static str,
    pub uploads: Uploads,
    /// Accepts no body, and responds with this status.
    pub refused: (&'static str, u16),
    pub missing: &'static str,
    /// A trailer in the response to an upload with the trailer `x-sum`.
    pub trailer: (&'static str, &'static str),
    pub large: &'static str,
}

const COMMON: Paths = Paths {
    plain: "/plain",
    gzip: ("/gzip", "0\n1\n2\n"),
    chunked: ("/chunked", "\n9998\n9999\n"),
    letters: "/letters",
    redirect: "/redirect",
    moved: "/moved",
    cookie: "/cookie",
    cookie_shown: ("/cookie/shown", "taste=salt"),
    basic: "/basic",
    digest: &["/digest"],
    stale: "/stale",
    stored: "/stored/",
    uploads: Uploads::Summarized,
    refused: ("/refused", 413),
    missing: "/missing",
    trailer: ("x-sum", "abc"),
    large: "/large",
};

pub static NGINX: Kind =
    Kind::new("nginx", Protocol::Http1, programs::nginx, Paths { uploads: Uploads::Kept, ..COMMON });
pub static APACHE: Kind =
    Kind::new("apache2", Protocol::Http1, programs::apache, Paths { uploads: Uploads::Kept, ..COMMON });
pub static NODE: Kind = Kind::new("node", Protocol::Http1, programs::node, COMMON);
pub static NGINX_H2: Kind =
    Kind::new("nginx", Protocol::Http2OverTls, programs::nginx_h2, Paths { uploads: Uploads::Kept, ..COMMON });
pub static APACHE_H2: Kind =
    Kind::new("apache2", Protocol::Http2, programs::apache_h2, Paths { uploads: Uploads::Kept, ..COMMON });
pub static NODE_H2: Kind = Kind::new("node", Protocol::Http2, programs::node_h2, COMMON);
pub static NGHTTPD: Kind = Kind::new(
    "nghttpd",
    Protocol::Http2OverTls,
    programs::nghttpd,
    Paths { redirect: "/folder", trailer: ("x-end", "reached"), uploads: Uploads::Echoed, ..COMMON },
);
pub static RETIRING: Kind = Kind::new("nginx", Protocol::Http2, programs::retiring, COMMON);
pub static RETIRING_NODE: Kind = Kind::new("node", Protocol::Http2, programs::retiring_node, COMMON);
pub static TORNADO: Kind = Kind::new("tornado", Protocol::Http1, programs::tornado, COMMON);
pub static HTTP_SERVER: Kind = Kind::new(
    "python3",
    Protocol::Http1,
    programs::http_server,
    // http.server redirects a folder without a final slash.
    Paths { redirect: "/folder", refused: ("/refused", 501), ..COMMON },
);
pub static HTTPBIN: Kind = Kind::new(
    "httpbin",
    Protocol::Http1,
    programs::httpbin,
    Paths {
        plain: "/base64/aGVsbG8K",
        gzip: ("/gzip", "\"gzipped\": true"),
        chunked: ("/stream/100", "\"id\": 99"),
        letters: "/range/26",
        redirect: "/redirect-to?url=/redirect-to?url=/base64/aGVsbG8K",
        moved: "/redirect-to?status_code=308&url=/stored/moved",
        cookie: "/cookies/set?taste=salt",
        cookie_shown: ("/cookies", "\"taste\": \"salt\""),
        basic: "/basic-auth/Aladdin/open-sesame",
        digest: &["/digest-auth/auth/Aladdin/open-sesame/MD5", "/digest-auth/auth/Aladdin/open-sesame/SHA-256"],
        stale: "/digest-auth/auth/Aladdin/open-sesame/MD5/1",
        refused: ("/status/413", 413),
        missing: "/status/404",
        ..COMMON
    },
);

impl Kind {
    const fn new(
        name: &'static str,
        protocol: Protocol,
        command: fn(&Folder, u16) -> Option<Command>,
        paths: Paths,
    ) -> Self {
        Self { name, protocol, command, paths, shared: Mutex::new(Weak::new()) }
    }

    pub fn is_http2(&self) -> bool {
        self.protocol != Protocol::Http1
    }

    /// Returns the running server, and starts it if necessary. The server stops when the last returned value is
    /// dropped. Returns `None` if the server is not installed.
    pub fn running(&'static self) -> Option<Arc<Running>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let running = Arc::new(Running::start(self)?);
        *shared = Arc::downgrade(&running);
        Some(running)
    }
}
