//! A proxy that runs: on a free port, with a folder of its own; both are gone when it is dropped.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::Setup;

/// How long one may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at whether it has.
const PAUSE: Duration = Duration::from_millis(10);

/// How many ports are tried: between being found free and being used, one may be taken.
const PORTS: usize = 3;

pub(crate) struct Running {
    port: u16,
    child: Child,
    folder: PathBuf,
}

impl Running {
    /// Starts a proxy and waits until it listens. `None` if it is not installed.
    pub(crate) fn start(
        name: &str,
        command: impl Fn(&Path, u16, &Setup) -> Option<Command>,
        setup: &Setup,
    ) -> Option<Self> {
        let mut output = String::new();
        for _ in 0..PORTS {
            let (folder, port) = (folder(), free_port());
            let Some(mut command) = command(&folder, port, setup) else {
                let _ = fs::remove_dir_all(&folder);
                let required = std::env::var("WATERSPOUT_SERVERS").is_ok_and(|value| value == "required");
                assert!(!required, "{name} is not installed: make test-servers");
                eprintln!("{name} is not installed: make test-servers");
                return None;
            };
            let log = fs::File::create(folder.join("output.log")).unwrap();
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).current_dir(&folder);
            let mut running = Self { port, child: command.spawn().unwrap(), folder };
            if running.listens() {
                return Some(running);
            }
            output = ["output.log", "own.log"].map(|log| running.read(log)).join("\n");
        }
        panic!("{name} does not start: {output}");
    }

    pub(crate) fn url(&self, scheme: &str, userinfo: &str) -> String {
        format!("{scheme}://{userinfo}127.0.0.1:{}", self.port)
    }

    fn read(&self, log: &str) -> String {
        fs::read(self.folder.join(log)).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
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
    /// Asks first: some have processes of their own to end.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + PATIENCE / 6;
        while Instant::now() < deadline && !self.has_ended() {
            thread::sleep(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A new folder that a proxy may use under any name it takes.
fn folder() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("waterspout-proxy-{}-{number}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
