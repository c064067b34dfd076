//! A running server with its folder.

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use waterspout::platform::native::{Network, TlsConfig};

use crate::contents::Folder;
use crate::kind::{Kind, Protocol, Reload, Setup};
use crate::programs::AUTHORITY;
use crate::support::program::{PORTS, Program, free_port};

/// The files in which the servers write what they do.
const LOGS: [&str; 2] = ["output.log", "error.log"];

/// The number of lines of each log that a failure shows.
const SHOWN: usize = 40;

/// A running server. Dropping it stops the server, then removes its folder.
pub struct Running {
    pub kind: &'static Kind,
    pub program: Program,
    pub folder: Folder,
    /// The server behind this server.
    backend: Option<Arc<Self>>,
    /// The path of the program.
    path: OsString,
}

impl Running {
    /// Starts a server and waits until it accepts connections. Returns `None` if the server is not installed.
    pub fn start(kind: &'static Kind) -> Option<Self> {
        let backend = match kind.backend {
            Some(backend) => Some(backend.running()?),
            None => None,
        };
        let mut output = String::new();
        for _ in 0..PORTS {
            let (folder, port) = (Folder::new(kind.paths.large_bytes), free_port());
            let setup = Setup {
                folder: &folder,
                port,
                backend: backend.as_ref().map_or(0, |backend| backend.program.port()),
                protocol: kind.protocol,
                limits: kind.limits,
            };
            let command = (kind.command)(&setup)?;
            let path = command.get_program().to_owned();
            if let Some(program) = Program::start(command, folder.path(), port) {
                return Some(Self { kind, program, folder, backend, path });
            }
            output = logs(&folder);
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

    /// Sends a signal to the server.
    pub fn signal(&self, signal: &str) {
        assert!(kill(signal, self.program.id()).status().unwrap().success());
    }

    /// Runs the command that makes the server read its configuration again.
    pub fn reload(&self) -> Child {
        let mut command = match self.kind.reload.as_ref().unwrap() {
            Reload::Signal(signal) => kill(signal, self.program.id()),
            Reload::Command(arguments) => {
                let mut command = Command::new(&self.path);
                command.args(*arguments).stdout(Stdio::null()).stderr(Stdio::null());
                command
            }
        };
        command.current_dir(self.folder.path()).spawn().unwrap()
    }

    /// Returns the first lines of what the program prints as its version.
    fn version(&self) -> String {
        let output = Command::new(&self.path).args(self.kind.version).output();
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().take(2).collect::<Vec<_>>().join(", ")
    }

    /// Returns the name, the version and the end of the logs of the server, and of the server behind it.
    fn describe(&self) -> String {
        let behind = self.backend.as_ref().map(|backend| format!("\nbehind it: {}", backend.describe()));
        let (name, version) = (self.kind.name, self.version());
        format!("{name} ({version}){}{}", logs(&self.folder), behind.unwrap_or_default())
    }
}

fn kill(signal: &str, process: u32) -> Command {
    let mut command = Command::new("kill");
    command.arg(format!("-{signal}")).arg(process.to_string());
    command
}

fn logs(folder: &Folder) -> String {
    let end = |log| {
        let text = folder.read(log);
        let lines: Vec<_> = text.lines().collect();
        format!("\n{log}:\n{}", lines[lines.len().saturating_sub(SHOWN)..].join("\n"))
    };
    LOGS.map(end).concat()
}

/// Prints the server's version and logs if a check panics.
pub struct PrintOnPanic<'a>(pub &'a Running);

impl Drop for PrintOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the server is {}", self.0.describe());
        }
    }
}
