//! A running proxy with a folder of its own. Dropping it ends the proxy and removes the folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::programs::Setup;
use crate::support::program::{PORTS, Program, free_port};

pub(crate) struct Running {
    program: Program,
    _folder: Folder,
}

impl Running {
    /// Starts a proxy and waits until it listens. Returns `None` if the proxy is not installed.
    pub(crate) fn start(
        name: &str,
        command: impl Fn(&Path, u16, &Setup) -> Option<Command>,
        setup: &Setup,
    ) -> Option<Self> {
        let mut output = String::new();
        for _ in 0..PORTS {
            let (folder, port) = (Folder::new(), free_port());
            let Some(command) = command(&folder.0, port, setup) else {
                let required = std::env::var("WATERSPOUT_SERVERS").is_ok_and(|value| value == "required");
                assert!(!required, "{name} is not installed: make test-servers");
                eprintln!("{name} is not installed: make test-servers");
                return None;
            };
            if let Some(program) = Program::start(command, &folder.0, port) {
                return Some(Self { program, _folder: folder });
            }
            output = ["output.log", "own.log"].map(|log| folder.read(log)).join("\n");
        }
        panic!("{name} does not start: {output}");
    }

    pub(crate) fn url(&self, scheme: &str, userinfo: &str) -> String {
        format!("{scheme}://{userinfo}127.0.0.1:{}", self.program.port())
    }
}

/// A new folder that the proxy can use as any user.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("waterspout-proxy-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        Self(folder)
    }

    fn read(&self, log: &str) -> String {
        fs::read(self.0.join(log)).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
