//! The servers, and the paths that the checks request from each server.

use crate::contents::LARGE_BYTES;
use crate::kind::Protocol::{Http1, Http2, Http2OverTls};
use crate::kind::{Kind, Reload};
use crate::programs;

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
    /// The number of bytes of large bodies.
    pub large_bytes: usize,
    /// A response with the status 204.
    pub empty: &'static str,
    /// A response with 100 fields whose names begin with `x-many-`. Their value is 64 times the letter `v`.
    pub many: &'static str,
}

pub const COMMON: Paths = Paths {
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
    large_bytes: LARGE_BYTES,
    empty: "/empty",
    many: "/many",
};

/// A trailer that a server sends after each upload, with and without trailers of the request.
const END: (&str, &str) = ("x-end", "reached");

/// Follows an upload with a GET.
const KEPT: Paths = Paths { uploads: Uploads::Kept, ..COMMON };

/// The arguments with which a program prints its version.
const VERSION: &[&str] = &["--version"];
const DASH_V: &[&str] = &["-v"];

/// Several times the windows of a connection.
const MODERATE_BYTES: usize = 16 << 20;

/// For servers whose uploads end in Node, and for servers in Python.
const MODERATE: Paths = Paths { large_bytes: MODERATE_BYTES, trailer: END, ..COMMON };
const MODERATE_KEPT: Paths = Paths { large_bytes: MODERATE_BYTES, ..KEPT };

pub static NGINX: Kind = Kind::new("nginx", Http1, programs::nginx, DASH_V).paths(KEPT);
pub static NGINX_BEHIND: Kind = Kind::new("nginx", Http1, programs::nginx, DASH_V).paths(MODERATE_KEPT);
pub static NGINX_H2: Kind = Kind::new("nginx", Http2OverTls, programs::nginx, DASH_V).paths(KEPT);
pub static NGINX_STRICT: Kind = Kind::new("nginx", Http2OverTls, programs::nginx, DASH_V).paths(MODERATE_KEPT).strict(
    200,
    Some("QUIT"),
    Some(Reload::Signal("HUP")),
);
pub static NGINX_RETIRING: Kind = Kind::new("nginx", Http2OverTls, programs::nginx, DASH_V).paths(KEPT).retiring();
pub static RETIRING: Kind = Kind::new("nginx", Http2, programs::retiring, DASH_V);
pub static RETIRING_NODE: Kind = Kind::new("node", Http2, programs::retiring_node, VERSION);

pub static APACHE: Kind = Kind::new("apache2", Http1, programs::apache, DASH_V).paths(KEPT);
pub static APACHE_H2: Kind = Kind::new("apache2", Http2, programs::apache, DASH_V).paths(KEPT);
pub static APACHE_STRICT: Kind = Kind::new("apache2", Http2, programs::apache, DASH_V).paths(MODERATE_KEPT).strict(
    200,
    Some("WINCH"),
    Some(Reload::Signal("USR1")),
);

pub static NODE: Kind = Kind::new("node", Http1, programs::node, VERSION);
pub static NODE_BEHIND: Kind = Kind::new("node", Http1, programs::node, VERSION).paths(MODERATE);
pub static NODE_H2: Kind = Kind::new("node", Http2, programs::node, VERSION);
pub static NODE_STRICT: Kind = Kind::new("node", Http2, programs::node, VERSION).paths(MODERATE).strict(
    200,
    Some("HUP"),
    Some(Reload::Signal("USR2")),
);

const ECHO: Paths = Paths { redirect: "/folder", trailer: END, uploads: Uploads::Echoed, ..COMMON };

pub static NGHTTPD: Kind = Kind::new("nghttpd", Http2OverTls, programs::nghttpd, VERSION).paths(ECHO);
pub static NGHTTPD_STRICT: Kind =
    Kind::new("nghttpd", Http2OverTls, programs::nghttpd, VERSION).paths(ECHO).strict(200, None, None);

pub static RETIRING_NGHTTPD: Kind = Kind::new("nghttpd", Http2, programs::retiring_nghttpd, VERSION).paths(ECHO);

/// At a reload, Caddy ends its requests to the server behind it, and answers with the status 502.
const CADDY_ECHO: Paths = Paths { stored: "/echo/", uploads: Uploads::Echoed, ..MODERATE };

pub static CADDY: Kind = Kind::new("caddy", Http2, programs::caddy, &["version"]).paths(MODERATE).behind(&NODE_BEHIND);
pub static CADDY_TLS: Kind =
    Kind::new("caddy", Http2OverTls, programs::caddy, &["version"]).paths(MODERATE).behind(&NODE_BEHIND);
pub static CADDY_STRICT: Kind =
    Kind::new("caddy", Http2OverTls, programs::caddy, &["version"]).paths(CADDY_ECHO).behind(&NODE_BEHIND).strict(
        200,
        Some("TERM"),
        Some(Reload::Command(&["reload", "--force", "--config", "caddy.conf", "--adapter", "caddyfile"])),
    );

pub static H2O: Kind = Kind::new("h2o", Http2, programs::h2o, VERSION).paths(MODERATE).behind(&NODE_BEHIND);
pub static H2O_TLS: Kind = Kind::new("h2o", Http2OverTls, programs::h2o, VERSION).paths(MODERATE).behind(&NODE_BEHIND);
pub static H2O_STRICT: Kind = Kind::new("h2o", Http2OverTls, programs::h2o, VERSION)
    .paths(MODERATE)
    .behind(&NODE_BEHIND)
    .strict(1000, Some("TERM"), Some(Reload::Signal("HUP")));

pub static HAPROXY: Kind = Kind::new("haproxy", Http2, programs::haproxy, DASH_V).paths(MODERATE).behind(&NODE_BEHIND);
pub static HAPROXY_TLS: Kind =
    Kind::new("haproxy", Http2OverTls, programs::haproxy, DASH_V).paths(MODERATE_KEPT).behind(&NGINX_BEHIND);
pub static HAPROXY_STRICT: Kind = Kind::new("haproxy", Http2OverTls, programs::haproxy, DASH_V)
    .paths(MODERATE)
    .behind(&NODE_BEHIND)
    .strict(200, Some("USR1"), Some(Reload::Signal("USR2")));

const HYPERCORN_VERSION: &[&str] = &["-c", "from importlib.metadata import version; print(version('hypercorn'))"];

pub static HYPERCORN: Kind = Kind::new("hypercorn", Http2, programs::hypercorn, HYPERCORN_VERSION).paths(MODERATE);
pub static HYPERCORN_TLS: Kind =
    Kind::new("hypercorn", Http2OverTls, programs::hypercorn, HYPERCORN_VERSION).paths(MODERATE);
pub static HYPERCORN_STRICT: Kind = Kind::new("hypercorn", Http2OverTls, programs::hypercorn, HYPERCORN_VERSION)
    .paths(MODERATE)
    .strict(1000, Some("TERM"), Some(Reload::Signal("HUP")));
pub static HYPERCORN_RETIRING: Kind =
    Kind::new("hypercorn", Http2OverTls, programs::hypercorn, HYPERCORN_VERSION).paths(MODERATE).retiring();

pub static TORNADO: Kind = Kind::new(
    "tornado",
    Http1,
    programs::tornado,
    &["-c", "from importlib.metadata import version; print(version('tornado'))"],
);
pub static HTTP_SERVER: Kind = Kind::new("python3", Http1, programs::http_server, VERSION).paths(Paths {
    // http.server redirects a folder without a final slash.
    redirect: "/folder",
    refused: ("/refused", 501),
    ..COMMON
});
pub static HTTPBIN: Kind = Kind::new(
    "httpbin",
    Http1,
    programs::httpbin,
    &["-c", "from importlib.metadata import version; print(version('httpbin'), version('gunicorn'))"],
)
.paths(Paths {
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
});
