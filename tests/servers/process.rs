//! A running server with its folder.

use waterspout::platform::native::{Network, TlsConfig};

use crate::contents::Folder;
use crate::programs::AUTHORITY;
use crate::sites::{Kind, Protocol};
use crate::support::program::{PORTS, Program, free_port};

/// A running server. Dropping it stops the server, then removes its folder.
pub struct Running {
    pub kind: &'static Kind,
    pub program: Program,
    pub folder: Folder,
}

impl Running {
    /// Starts a server and waits until it accepts connections. Returns `None` if the server is not installed.
    pub fn start(kind: &'static Kind) -> Option<Self> {
        let mut output = String::new();
        for _ in 0..PORTS {
            let (folder, port) = (Folder::new(), free_port());
            let command = (kind.command)(&folder, port)?;
            if let Some(program) = Program::start(command, folder.path(), port) {
                return Some(Self { kind, program, folder });
            }
            output = folder.read("output.log") + &folder.read("error.log");
        }
        panic!("{} did not start: {output}", kind.name);
    }

    pub fn url(&self, path: &str) -> String {
        let scheme = if self.kind.protocol == Protocol::Http2OverTls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.program.port())
    }

    /// Returns the network of the server's clients. Over TLS they trust only the server's authority, and offer both
    /// protocols as by default.
    pub fn network(&self) -> Network {
        match self.kind.protocol {
            Protocol::Http1 => Network::new(),
            Protocol::Http2 => Network::new().http2_prior_knowledge(),
            Protocol::Http2OverTls => {
                let authority = self.folder.read(AUTHORITY);
                let tls = TlsConfig::new().without_system_roots().root_certificates_pem(authority.as_bytes()).unwrap();
                Network::new().tls(tls)
            }
        }
    }
}
