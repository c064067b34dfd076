//! A server that runs, with a folder of its own.

use crate::contents::Folder;
use crate::sites::Kind;
use crate::support::program::{PORTS, Program, free_port};

/// A server and its folder; both are gone when dropped, the server first.
pub struct Running {
    pub kind: &'static Kind,
    program: Program,
    pub folder: Folder,
}

impl Running {
    /// Starts a server and waits until it accepts connections; `None` if it is not installed.
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
        panic!("{} does not start: {output}", kind.name);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.program.port())
    }
}
