//! The processes of a run: servers of this program, the proxy, nginx.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};

use crate::network::Place;

/// The line that a process prints when it accepts connections.
pub const READY: &str = "ready";

/// How long a program may take to start.
const START: Duration = Duration::from_secs(20);

/// A running process. Dropping it kills the process.
pub struct Process(Child);

impl Process {
    /// Starts this program with other arguments in `place`, and waits until it accepts connections.
    pub fn start(place: &Place, arguments: &[&str]) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = place.command(program.as_os_str());
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("the process has no output"))?;
        let process = Self(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        match line.trim_end() == READY {
            true => Ok(process),
            false => Err(io::Error::other(format!("a process did not start: {}", arguments.join(" ")))),
        }
    }

    /// Starts a process whose place other processes share. It lives until the returned value is dropped.
    pub fn holder() -> io::Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().map(Self)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if the process has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx in front of a server of this program.
pub struct Nginx {
    child: Child,
}

impl Nginx {
    /// Starts nginx with the configuration in `folder`. Returns `None` if it is not installed.
    pub fn start(place: &Place, folder: &Path, port: u16, host: Ipv4Addr) -> io::Result<Option<Self>> {
        let Some(program) = find("nginx") else { return Ok(None) };
        let mut command = place.command(program.as_ref());
        command.arg("-p").arg(folder).args(["-e", "error.log", "-c", "nginx.conf"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut nginx = Self { child };
        let started = Instant::now();
        while TcpStream::connect_timeout(&(host, port).into(), Duration::from_millis(200)).is_err() {
            if started.elapsed() > START || nginx.child.try_wait()?.is_some() {
                let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
                return Err(io::Error::other(format!("nginx did not start: {log}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(nginx))
    }

    /// Makes nginx read its configuration again: new workers, while the old workers end their requests.
    pub fn reload(&self) {
        signal("HUP", self.child.id());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Not SIGKILL, which would leave the workers.
        signal("TERM", self.child.id());
        let _ = self.child.wait();
    }
}

fn signal(name: &str, process: u32) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).stderr(Stdio::null()).status();
}

/// Returns the path of a program. System folders count too if they are missing from the path.
pub fn find(program: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/local/sbin", "/usr/sbin", "/sbin"]);
    folders.map(|folder| format!("{folder}/{program}")).find(|path| Path::new(path).is_file())
}

/// Runs a command to its end. An error has its output.
pub fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> io::Result<()> {
    let program = program.as_ref();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{} {}: {}", program.display(), arguments.join(" "), text.trim())))
        }
    }
}

/// Returns a port that is free now.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?.local_addr()?.port())
}

/// Writes the certificate of all servers and its key.
pub fn write_certificate(folder: &Path, hosts: &[String]) -> io::Result<String> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate =
        CertificateParams::new(hosts.to_vec()).and_then(|params| params.self_signed(&key)).map_err(io::Error::other)?;
    fs::write(folder.join("chain.pem"), certificate.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(certificate.pem())
}

/// The ports of nginx.
pub struct NginxPorts {
    pub http: u16,
    pub h2c: u16,
    pub https: u16,
}

/// Writes the configuration of an nginx that forwards to the port `upstream`.
pub fn write_nginx_configuration(folder: &Path, host: Ipv4Addr, ports: &NginxPorts, upstream: u16) -> io::Result<()> {
    let user = if crate::network::is_root() { "user root;" } else { "" };
    let text = include_str!("nginx.conf")
        .replace("{user}", user)
        .replace("{host}", &host.to_string())
        .replace("{http}", &ports.http.to_string())
        .replace("{h2c}", &ports.h2c.to_string())
        .replace("{https}", &ports.https.to_string())
        .replace("{upstream}", &upstream.to_string());
    fs::write(folder.join("nginx.conf"), text)
}
