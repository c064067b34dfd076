//! A running server with its folder.

use crate::contents::Folder;
use crate::sites::Kind;
use crate::support::program::{PORTS, Program, free_port};

/// A running server. Dropping it stops the server, then removes its folder.
pub struct Running {
    pub kind: &'static Kind,
    program: Program,
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
        format!("http://127.0.0.1:{}{path}", self.program.port())
    }
}
