//! The command that starts each server. Each function returns `None` if the server is not installed.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contents::Folder;
use crate::support::tls::Authority;

/// Folders with servers that may be missing in a user's `PATH`.
const SYSTEM_FOLDERS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Folders in which systems install the modules of Apache.
const MODULE_FOLDERS: [&str; 4] =
    ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/libexec/apache2"];

/// The file with the certificate authority of a server over TLS.
pub const AUTHORITY: &str = "authority.pem";

pub fn nginx(folder: &Folder, port: u16) -> Option<Command> {
    nginx_with(folder, include_str!("nginx.conf").replace("{protocol}", "").replace("{certificate}", ""), port)
}

pub fn nginx_h2(folder: &Folder, port: u16) -> Option<Command> {
    write_certificate(folder);
    let certificate = "ssl_certificate certificate.pem; ssl_certificate_key key.pem;";
    let config = include_str!("nginx.conf").replace("{protocol}", "ssl http2").replace("{certificate}", certificate);
    nginx_with(folder, config, port)
}

/// Starts an nginx that retires each connection at its 10th request, and reloads its configuration at SIGHUP.
pub fn retiring(folder: &Folder, port: u16) -> Option<Command> {
    nginx_with(folder, include_str!("retiring.conf").to_owned(), port)
}

fn nginx_with(folder: &Folder, config: String, port: u16) -> Option<Command> {
    let program = find(&["nginx"])?;
    folder.write("nginx.conf", config.replace("{port}", &port.to_string()).as_bytes());
    let mut command = Command::new(program);
    command.arg("-p").arg(folder.path()).args(["-e", "error.log", "-c", "nginx.conf"]);
    Some(command)
}

pub fn apache(folder: &Folder, port: u16) -> Option<Command> {
    apache_with(folder, port, &[])
}

pub fn apache_h2(folder: &Folder, port: u16) -> Option<Command> {
    apache_with(folder, port, &["-D", "HTTP2"])
}

fn apache_with(folder: &Folder, port: u16, arguments: &[&str]) -> Option<Command> {
    let program = find(&["apache2", "httpd"])?;
    let modules = MODULE_FOLDERS.into_iter().find(|path| Path::new(path).is_dir())?;
    let config = include_str!("apache.conf")
        .replace("{folder}", folder.path().to_str()?)
        .replace("{port}", &port.to_string())
        .replace("{modules}", modules);
    folder.write("apache.conf", config.as_bytes());
    let mut command = Command::new(program);
    command.arg("-X").arg("-f").arg(folder.path().join("apache.conf")).args(arguments);
    if fs::metadata(folder.path()).ok()?.uid() == 0 {
        command.args(["-D", "ROOT"]);
    }
    Some(command)
}

pub fn node(folder: &Folder, port: u16) -> Option<Command> {
    let program = find(&["node"])?;
    folder.write("serve_node.mjs", include_bytes!("serve_node.mjs"));
    let mut command = Command::new(program);
    command.arg("serve_node.mjs").arg(port.to_string());
    Some(command)
}

pub fn node_h2(folder: &Folder, port: u16) -> Option<Command> {
    let mut command = node(folder, port)?;
    command.arg("http2");
    Some(command)
}

/// Starts a server that retires its connections at random.
pub fn retiring_node(folder: &Folder, port: u16) -> Option<Command> {
    folder.write("serve_retiring.mjs", include_bytes!("serve_retiring.mjs"));
    let mut command = Command::new(find(&["node"])?);
    command.arg("serve_retiring.mjs").arg(port.to_string());
    Some(command)
}

pub fn nghttpd(folder: &Folder, port: u16) -> Option<Command> {
    let mut command = Command::new(find(&["nghttpd"])?);
    write_certificate(folder);
    command.args(["--address=127.0.0.1", "--htdocs=files", "--echo-upload", "--trailer=x-end: reached"]);
    command.arg(port.to_string()).args(["key.pem", "certificate.pem"]);
    Some(command)
}

/// Writes a certificate for the server with its key, and the authority that signed it.
fn write_certificate(folder: &Folder) {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    folder.write(AUTHORITY, authority.pem().as_bytes());
    folder.write("certificate.pem", certificate.pem().as_bytes());
    folder.write("key.pem", key.serialize_pem().as_bytes());
}

pub fn httpbin(folder: &Folder, port: u16) -> Option<Command> {
    let python = python_with("httpbin")?;
    folder.write("serve_httpbin.py", include_bytes!("serve_httpbin.py"));
    let mut command = Command::new(python);
    command.args(["-m", "gunicorn", "--workers", "1", "--threads", "16", "--keep-alive", "30"]);
    command.args(["--access-logfile", "access.log", "--access-logformat", "%(s)s %(U)s %({authorization}i)s"]);
    command.arg("--bind").arg(format!("127.0.0.1:{port}")).arg("serve_httpbin:app");
    Some(command)
}

pub fn tornado(folder: &Folder, port: u16) -> Option<Command> {
    let python = python_with("tornado")?;
    folder.write("serve_tornado.py", include_bytes!("serve_tornado.py"));
    let mut command = Command::new(python);
    command.arg("serve_tornado.py").arg(port.to_string());
    Some(command)
}

pub fn http_server(_folder: &Folder, port: u16) -> Option<Command> {
    let mut command = Command::new(find(&["python3"])?);
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory", "files"]).arg(port.to_string());
    Some(command)
}

/// Returns the path of the first program in `names` that is installed.
fn find(names: &[&str]) -> Option<PathBuf> {
    let folders = env::var("PATH").unwrap_or_default() + ":" + SYSTEM_FOLDERS;
    let programs = names.iter().flat_map(|name| env::split_paths(&folders).map(move |folder| folder.join(name)));
    programs.into_iter().find(|program| program.is_file())
}

/// Returns the Python of the environment that `make test-servers` creates, if `package` is installed there.
fn python_with(package: &str) -> Option<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("servers");
    let libraries = fs::read_dir(environment.join("lib")).ok()?.flatten();
    libraries.map(|library| library.path().join("site-packages").join(package)).find(|path| path.is_dir())?;
    Some(environment.join("bin/python"))
}
