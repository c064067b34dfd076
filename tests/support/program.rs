//! A server program that runs as a child process. Dropping the handle ends the process, and so does the end of this
//! process.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time that a program may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time between two checks of the process.
const PAUSE: Duration = Duration::from_millis(10);

/// The number of ports to try. Another process may take a free port before the program uses it.
pub const PORTS: usize = 3;

/// Waits for the end of its standard input, then ends a process and removes a folder.
const WATCH: &str = r#"read -r _; kill "$0"; rm -rf "$1""#;

pub struct Program {
    port: u16,
    child: Child,
    /// Ends the program if this process ends first. Its standard input is a pipe that this process holds.
    watcher: Child,
}

impl Program {
    /// Starts `command` in `folder` and waits until it accepts connections on `port`. Returns `None` if the program
    /// ends before. Its output goes to `output.log`. If this process ends before the handle is dropped, the folder is
    /// removed.
    pub fn start(mut command: Command, folder: &Path, port: u16) -> Option<Self> {
        let log = File::create(folder.join("output.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).current_dir(folder);
        let child = command.spawn().unwrap();
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCH]).arg(child.id().to_string()).arg(folder);
        let watcher = watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut program = Self { port, child, watcher };
        program.listens().then_some(program)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether the program has ended by itself. Known on Linux alone.
    pub fn is_gone(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        stat.is_ok_and(|stat| stat.contains(") Z "))
    }

    /// Waits until the program accepts connections. Returns `false` if it has ended or the time is over.
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

impl Drop for Program {
    /// Sends SIGTERM first, because some programs have to end processes and shared memory of their own.
    fn drop(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + PATIENCE / 6;
        while Instant::now() < deadline && !self.has_ended() {
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
