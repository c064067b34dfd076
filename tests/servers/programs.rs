//! The command that starts each server. Each function returns `None` if the server is not installed.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contents::Folder;

/// Folders with servers that may be missing in a user's `PATH`.
const SYSTEM_FOLDERS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Folders in which systems install the modules of Apache.
const MODULE_FOLDERS: [&str; 4] =
    ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/libexec/apache2"];

pub fn nginx(folder: &Folder, port: u16) -> Option<Command> {
    let program = find(&["nginx"])?;
    folder.write("nginx.conf", include_str!("nginx.conf").replace("{port}", &port.to_string()).as_bytes());
    let mut command = Command::new(program);
    command.arg("-p").arg(folder.path()).args(["-e", "error.log", "-c", "nginx.conf"]);
    Some(command)
}

pub fn apache(folder: &Folder, port: u16) -> Option<Command> {
    let program = find(&["apache2", "httpd"])?;
    let modules = MODULE_FOLDERS.into_iter().find(|path| Path::new(path).is_dir())?;
    let config = include_str!("apache.conf")
        .replace("{folder}", folder.path().to_str()?)
        .replace("{port}", &port.to_string())
        .replace("{modules}", modules);
    folder.write("apache.conf", config.as_bytes());
    let mut command = Command::new(program);
    command.arg("-X").arg("-f").arg(folder.path().join("apache.conf"));
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
