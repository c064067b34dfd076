//! The configuration and the command of each proxy. The credentials are always `user` and `s3cret`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders of programs that are not in a user's `PATH`.
const SYSTEM: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Folders in which systems keep squid's helper for password files.
const SQUID_HELPERS: [&str; 4] = ["/usr/lib/squid", "/usr/lib64/squid", "/usr/libexec/squid", "/usr/libexec"];

/// A password file for squid's helper with `user` and `s3cret`.
const PASSWORDS: &str = "user:$apr1$abcdefgh$M2T3erDstkD7SsE2QQnfH0\n";

/// The setup of a proxy.
#[derive(Default)]
pub(crate) struct Setup {
    /// Whether the proxy demands credentials.
    pub(crate) credentials: bool,
    /// The only port to which the proxy may open tunnels.
    pub(crate) port: Option<u16>,
    /// Certificate and key in PEM, if the proxy uses TLS.
    pub(crate) tls: Option<(String, String)>,
}

pub(crate) fn tinyproxy(folder: &Path, port: u16, setup: &Setup) -> Option<Command> {
    let program = find(&["tinyproxy"])?;
    let mut config = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 50\n");
    if setup.credentials {
        config += "BasicAuth user s3cret\n";
    }
    if let Some(port) = setup.port {
        config += &format!("ConnectPort {port}\n");
    }
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).arg(write(folder, "tinyproxy.conf", &config));
    Some(command)
}

pub(crate) fn squid(folder: &Path, port: u16, setup: &Setup) -> Option<Command> {
    let program = find(&["squid"])?;
    let place = folder.display();
    let mut config = format!(
        "visible_hostname localhost\npid_filename {place}/squid.pid\ncache_log {place}/own.log\naccess_log none\n\
         coredump_dir {place}\ncache deny all\nshutdown_lifetime 0 seconds\nnetdb_filename none\n"
    );
    config += &match &setup.tls {
        None => format!("http_port 127.0.0.1:{port}\n"),
        Some((certificate, key)) => {
            let (certificate, key) = (write(folder, "cert.pem", certificate), write(folder, "key.pem", key));
            let (certificate, key) = (certificate.display(), key.display());
            format!("https_port 127.0.0.1:{port} tls-cert={certificate} tls-key={key}\n")
        }
    };
    config += &match setup.credentials {
        false => "http_access allow all\n".to_owned(),
        true => {
            let helper = SQUID_HELPERS.into_iter().map(|place| Path::new(place).join("basic_ncsa_auth"));
            let helper = helper.into_iter().find(|helper| helper.is_file())?;
            let passwords = write(folder, "passwords", PASSWORDS);
            format!(
                "auth_param basic program {} {}\nauth_param basic children 2 startup=1 idle=1\n\
                 acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n",
                helper.display(),
                passwords.display()
            )
        }
    };
    let mut command = Command::new(program);
    command.args(["-N", "-f"]).arg(write(folder, "squid.conf", &config));
    Some(command)
}

pub(crate) fn dante(folder: &Path, port: u16, setup: &Setup) -> Option<Command> {
    let program = find(&["danted", "sockd"])?;
    let method = if setup.credentials { "username" } else { "none" };
    let only = setup.port.map(|port| format!(" port = {port}")).unwrap_or_default();
    let config = format!(
        "logoutput: {}\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\nclientmethod: none\n\
         socksmethod: {method}\nclient pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
         socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0{only} command: connect }}\n",
        folder.join("own.log").display()
    );
    let mut command = Command::new(program);
    let pid = folder.join("danted.pid");
    command.arg("-f").arg(write(folder, "danted.conf", &config)).arg("-p").arg(pid).args(["-N", "1"]);
    Some(command)
}

pub(crate) fn microsocks(_folder: &Path, port: u16, setup: &Setup) -> Option<Command> {
    let mut command = Command::new(find(&["microsocks"])?);
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
    if setup.credentials {
        command.args(["-u", "user", "-P", "s3cret"]);
    }
    Some(command)
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Returns the path of the first of these programs that is installed.
fn find(names: &[&str]) -> Option<PathBuf> {
    let folders = env::var("PATH").unwrap_or_default() + ":" + SYSTEM;
    let programs = names.iter().flat_map(|name| env::split_paths(&folders).map(move |folder| folder.join(name)));
    programs.into_iter().find(|program| program.is_file())
}
