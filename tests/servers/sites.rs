//! The servers, and where each has what the checks ask for.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::contents::Folder;
use crate::process::Running;
use crate::programs;

/// A server that may be installed.
pub struct Kind {
    pub name: &'static str,
    /// What serves a folder on a port, if it is installed.
    pub command: fn(&Folder, u16) -> Option<Command>,
    pub paths: Paths,
    shared: Mutex<Weak<Running>>,
}

/// Where things are; each path that takes several forms is with what its body has in it.
pub struct Paths {
    /// `hello` and a line feed.
    pub plain: &'static str,
    pub gzip: (&'static str, &'static str),
    pub chunked: (&'static str, &'static str),
    /// The alphabet.
    pub letters: &'static str,
    /// Leads to `plain` by two redirects, or to what is the same.
    pub redirect: &'static str,
    /// Leads to `stored` + `moved` by a 308.
    pub moved: &'static str,
    /// Sets the cookie `taste` to `salt`.
    pub cookie: &'static str,
    /// Says, in the body or in `x-saw`, which cookies it was sent.
    pub cookie_shown: (&'static str, &'static str),
    /// For Aladdin only, by Basic.
    pub basic: &'static str,
    /// For Aladdin only, by Digest.
    pub digest: &'static [&'static str],
    /// The same, where a nonce is not good for long. The server writes a line for each request into `access.log`: status,
    /// path and authorization.
    pub stale: &'static str,
    /// Takes every body, at any name below.
    pub stored: &'static str,
    /// Whether the body can be had there again. If not, the answer is its length and hash.
    pub keeps: bool,
    /// Takes no body, and answers with this status.
    pub refused: (&'static str, u16),
    pub missing: &'static str,
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
    keeps: false,
    refused: ("/refused", 413),
    missing: "/missing",
    large: "/large",
};

pub static NGINX: Kind = Kind::new("nginx", programs::nginx, Paths { keeps: true, ..COMMON });
pub static APACHE: Kind = Kind::new("apache2", programs::apache, Paths { keeps: true, ..COMMON });
pub static NODE: Kind = Kind::new("node", programs::node, COMMON);
pub static TORNADO: Kind = Kind::new("tornado", programs::tornado, COMMON);
pub static HTTP_SERVER: Kind = Kind::new(
    "python3",
    programs::http_server,
    // A folder without its slash is the redirect that it makes.
    Paths { redirect: "/folder", refused: ("/refused", 501), ..COMMON },
);
pub static HTTPBIN: Kind = Kind::new(
    "httpbin",
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
    const fn new(name: &'static str, command: fn(&Folder, u16) -> Option<Command>, paths: Paths) -> Self {
        Self { name, command, paths, shared: Mutex::new(Weak::new()) }
    }

    /// The server, started if it is not running; it runs as long as anybody has it. `None` if it is not installed.
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
