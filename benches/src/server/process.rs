//! The process of the server.

use std::io::{BufRead, BufReader, Lines};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::tls::CERTIFICATE;

/// A running server. Dropping it kills the process. The server also ends when this process ends.
pub struct Process {
    child: Child,
    /// The URL of the server, without a path.
    pub url: String,
    /// The certificate of a server with TLS, in PEM.
    certificate: Option<String>,
}

impl Process {
    pub fn start() -> Self {
        let (child, address, _) = spawn(&["serve"]);
        Self { child, url: format!("http://{address}"), certificate: None }
    }

    pub fn start_tls() -> Self {
        Self::start_with_certificate("tls")
    }

    /// Starts the server of HTTP/2 over TLS.
    pub fn start_http2() -> Self {
        Self::start_with_certificate("http2")
    }

    /// Starts nghttpd, if it is installed.
    pub fn start_nghttpd() -> Option<Self> {
        let is_installed = Command::new("nghttpd").arg("--version").stdout(Stdio::null()).status().is_ok();
        let server = is_installed.then(|| Self::start_with_certificate("nghttpd"))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(server.url.trim_start_matches("https://")).is_err() {
            assert!(Instant::now() < deadline, "nghttpd accepts no connection");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    fn start_with_certificate(protocol: &str) -> Self {
        let (child, address, lines) = spawn(&["serve", protocol]);
        let mut certificate = String::new();
        for line in lines.map_while(Result::ok) {
            certificate += &line;
            certificate.push('\n');
            if line.starts_with("-----END") {
                break;
            }
        }
        Self { child, url: format!("https://{address}"), certificate: Some(certificate) }
    }

    /// Returns this program, for a turn that talks to the server.
    pub fn client_command(&self) -> Command {
        let mut command = Command::new(program());
        self.pass_certificate(&mut command);
        command
    }

    /// Lets a program trust the server.
    pub fn pass_certificate<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.certificate.as_ref().map(|certificate| (CERTIFICATE, certificate)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the path of this program.
pub fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// Starts this program again, and reads the address that it prints.
fn spawn(arguments: &[&str]) -> (Child, String, Lines<BufReader<ChildStdout>>) {
    let command = &mut Command::new(program());
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut lines = BufReader::new(child.stdout.take().expect("the output is piped")).lines();
    let address = lines.next().and_then(Result::ok).expect("the server prints its address");
    (child, address, lines)
}
