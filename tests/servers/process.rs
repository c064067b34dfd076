//! A server that runs: started on a free port, waited for, and ended when nobody needs it any more.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::contents::Folder;
use crate::sites::Kind;

/// How long a server may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// How many ports are tried: between being found free and being used, one may be taken.
const PORTS: usize = 3;

/// A server and its folder; both are gone when dropped.
pub struct Running {
    pub kind: &'static Kind,
    pub folder: Folder,
    port: u16,
    // Ends before the folder goes: fields are dropped after `drop`.
    child: Child,
}

impl Running {
    /// Starts a server and waits until it accepts connections; `None` if it is not installed.
    pub fn start(kind: &'static Kind) -> Option<Self> {
        let mut output = String::new();
        for _ in 0..PORTS {
            let folder = Folder::new();
            let port = free_port();
            let mut command = (kind.command)(&folder, port)?;
            let log = File::create(folder.path().join("output.log")).unwrap();
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
            let child = command.current_dir(folder.path()).spawn().unwrap();
            let mut running = Self { kind, folder, port, child };
            if running.listens() {
                return Some(running);
            }
            output = running.folder.read("output.log") + &running.folder.read("error.log");
        }
        panic!("{} does not start: {output}", kind.name);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Whether it comes to accept connections; if not, it has ended.
    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.has_ended() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            thread::sleep(PAUSE);
        }
        false
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    /// Asks first: some servers have processes and shared memory of their own to end.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + PATIENCE / 10;
        while Instant::now() < deadline && !self.has_ended() {
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
