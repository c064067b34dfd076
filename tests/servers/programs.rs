//! The command that starts each server. Each function returns `None` if the server is not installed.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::contents::Folder;
use crate::kind::{Limits, Protocol, Setup};
use crate::support::tls::Authority;

/// Folders with servers that may be missing in a user's `PATH`.
const SYSTEM_FOLDERS: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Folders in which systems install the modules of Apache.
const MODULE_FOLDERS: [&str; 4] =
    ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/libexec/apache2"];

/// The file with the certificate authority of a server over TLS.
pub const AUTHORITY: &str = "authority.pem";

/// The number of fields in the large head of a response.
pub const MANY: usize = 100;

pub fn nginx(setup: &Setup) -> Option<Command> {
    let (protocol, tls) = match setup.protocol {
        Protocol::Http1 => ("", ""),
        Protocol::Http2 => ("http2", ""),
        Protocol::Http2OverTls => ("ssl http2", "ssl_certificate certificate.pem; ssl_certificate_key key.pem;"),
    };
    // Only a master process can reload its configuration.
    let master = if setup.is_strict() { "on" } else { "off" };
    let config = include_str!("nginx.conf").replace("{protocol}", protocol).replace("{tls}", tls);
    nginx_with(setup, &config.replace("{master}", master))
}

/// Starts an nginx that retires each connection at its 10th request, and reloads its configuration at SIGHUP.
pub fn retiring(setup: &Setup) -> Option<Command> {
    nginx_with(setup, include_str!("retiring.conf"))
}

fn nginx_with(setup: &Setup, config: &str) -> Option<Command> {
    let program = find(&["nginx"])?;
    configure(setup, "nginx.conf", config, |name, value| format!("add_header {name} {value};"));
    let mut command = Command::new(program);
    command.arg("-p").arg(setup.folder.path()).args(["-e", "error.log", "-c", "nginx.conf"]);
    Some(command)
}

pub fn apache(setup: &Setup) -> Option<Command> {
    let program = find(&["apache2", "httpd"])?;
    let modules = MODULE_FOLDERS.into_iter().find(|path| Path::new(path).is_dir())?;
    let config = include_str!("apache.conf").replace("{modules}", modules);
    configure(setup, "apache.conf", &config, |name, value| format!("Header set {name} {value}\n"));
    let mut command = Command::new(program);
    // Only the parent of other processes can reload its configuration.
    command.arg(if setup.is_strict() { "-DFOREGROUND" } else { "-X" });
    command.arg("-f").arg(setup.folder.path().join("apache.conf"));
    if setup.protocol != Protocol::Http1 {
        command.args(["-D", "HTTP2"]);
    }
    if fs::metadata(setup.folder.path()).ok()?.uid() == 0 {
        command.args(["-D", "ROOT"]);
    }
    Some(command)
}

pub fn caddy(setup: &Setup) -> Option<Command> {
    let program = find(&["caddy"])?;
    let (scheme, tls) = match setup.protocol {
        Protocol::Http2OverTls => ("https", "tls certificate.pem key.pem"),
        Protocol::Http1 | Protocol::Http2 => ("http", ""),
    };
    let config = include_str!("caddy.conf").replace("{scheme}", scheme).replace("{tls}", tls);
    configure(setup, "caddy.conf", &config, |name, value| format!("header {name} {value}\n"));
    let mut command = Command::new(program);
    command.args(["run", "--config", "caddy.conf", "--adapter", "caddyfile"]);
    // Caddy keeps its state in the home folder.
    command.env("HOME", setup.folder.path()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
    Some(command)
}

pub fn h2o(setup: &Setup) -> Option<Command> {
    let program = find(&["h2o"])?;
    let tls = match setup.protocol {
        Protocol::Http2OverTls => "ssl: { certificate-file: certificate.pem, key-file: key.pem }",
        Protocol::Http1 | Protocol::Http2 => "",
    };
    let config = include_str!("h2o.conf").replace("{tls}", tls);
    configure(setup, "h2o.conf", &config, |name, value| format!("header.set: \"{name}: {value}\"\n        "));
    let mut command = Command::new(program);
    // Only a master process can reload its configuration.
    command.args(["--mode", if setup.is_strict() { "master" } else { "worker" }, "--conf", "h2o.conf"]);
    Some(command)
}

pub fn haproxy(setup: &Setup) -> Option<Command> {
    let program = find(&["haproxy"])?;
    let tls = match setup.protocol {
        Protocol::Http2OverTls => "ssl crt both.pem alpn h2,http/1.1",
        Protocol::Http1 | Protocol::Http2 => "",
    };
    let config = include_str!("haproxy.conf").replace("{tls}", tls);
    configure(setup, "haproxy.conf", &config, |name, value| {
        format!("http-after-response set-header {name} {value} if {{ var(txn.path) -m str /many }}\n")
    });
    let mut command = Command::new(program);
    // Only a master process can reload its configuration.
    command.args([if setup.is_strict() { "-Wdb" } else { "-db" }, "-f", "haproxy.conf"]);
    Some(command)
}

pub fn hypercorn(setup: &Setup) -> Option<Command> {
    let python = python_with("hypercorn")?;
    setup.folder.write("serve_hypercorn.py", include_bytes!("serve_hypercorn.py"));
    let tls = match setup.protocol {
        Protocol::Http2OverTls => "certfile = 'certificate.pem'\nkeyfile = 'key.pem'\n",
        Protocol::Http1 | Protocol::Http2 => "",
    };
    let config = "bind = '127.0.0.1:{port}'\nh2_max_concurrent_streams = {streams}\n\
        keep_alive_timeout = {idle_s}\nkeep_alive_max_requests = {requests}\ngraceful_timeout = 30\n";
    configure(setup, "hypercorn.toml", &format!("{config}{tls}"), |_, _| String::new());
    let mut command = Command::new(python);
    command.args(["-m", "hypercorn", "--config", "hypercorn.toml", "serve_hypercorn:app"]);
    Some(command)
}

pub fn node(setup: &Setup) -> Option<Command> {
    let program = find(&["node"])?;
    setup.folder.write("serve_node.mjs", include_bytes!("serve_node.mjs"));
    let mut command = Command::new(program);
    command.arg("serve_node.mjs").arg(setup.port.to_string());
    if setup.protocol != Protocol::Http1 {
        let Limits { streams, idle_ms, .. } = setup.limits;
        command.arg("http2").arg(streams.to_string()).arg(idle_ms.to_string());
    }
    Some(command)
}

/// Starts a server that retires its connections at random.
pub fn retiring_node(setup: &Setup) -> Option<Command> {
    setup.folder.write("serve_retiring.mjs", include_bytes!("serve_retiring.mjs"));
    let mut command = Command::new(find(&["node"])?);
    command.arg("serve_retiring.mjs").arg(setup.port.to_string());
    Some(command)
}

pub fn nghttpd(setup: &Setup) -> Option<Command> {
    let mut command = Command::new(find(&["nghttpd"])?);
    write_certificate(setup.folder);
    command.args(["--address=127.0.0.1", "--htdocs=files", "--echo-upload", "--trailer=x-end: reached"]);
    command.arg(format!("--max-concurrent-streams={}", setup.limits.streams));
    command.arg(setup.port.to_string()).args(["key.pem", "certificate.pem"]);
    Some(command)
}

/// Starts an nghttpd that a proxy retires. It speaks HTTP/2 without TLS, because the proxy reads the frames.
pub fn retiring_nghttpd(setup: &Setup) -> Option<Command> {
    let mut command = Command::new(find(&["nghttpd"])?);
    command.args(["--no-tls", "--address=127.0.0.1", "--htdocs=files", "--echo-upload"]);
    command.arg(format!("--max-concurrent-streams={}", setup.limits.streams)).arg(setup.port.to_string());
    Some(command)
}

/// Writes a configuration, with the values of the setup in place of the words in braces, and the certificate of a
/// server over TLS. `field` returns the line for a field of a response.
fn configure(setup: &Setup, file: &str, template: &str, field: fn(&str, &str) -> String) {
    let Limits { streams, idle_ms, requests } = setup.limits;
    let many: String = (0..MANY).map(|number| field(&format!("x-many-{number}"), &"v".repeat(64))).collect();
    let config = [
        ("{folder}", &*setup.folder.path().to_string_lossy()),
        ("{port}", &setup.port.to_string()),
        ("{backend}", &setup.backend.to_string()),
        ("{streams}", &streams.to_string()),
        ("{idle_ms}", &idle_ms.to_string()),
        ("{idle_s}", &idle_ms.div_ceil(1000).to_string()),
        ("{requests}", &requests.to_string()),
        ("{many}", &many),
    ]
    .into_iter()
    .fold(template.to_owned(), |config, (word, value)| config.replace(word, value));
    setup.folder.write(file, config.as_bytes());
    if setup.protocol == Protocol::Http2OverTls {
        write_certificate(setup.folder);
    }
}

/// Writes a certificate for the server with its key, and the authority that signed it.
fn write_certificate(folder: &Folder) {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    folder.write(AUTHORITY, authority.pem().as_bytes());
    folder.write("certificate.pem", certificate.pem().as_bytes());
    folder.write("key.pem", key.serialize_pem().as_bytes());
    folder.write("both.pem", (certificate.pem() + &key.serialize_pem()).as_bytes());
}

pub fn httpbin(setup: &Setup) -> Option<Command> {
    let python = python_with("httpbin")?;
    setup.folder.write("serve_httpbin.py", include_bytes!("serve_httpbin.py"));
    let mut command = Command::new(python);
    command.args(["-m", "gunicorn", "--workers", "1", "--threads", "16", "--keep-alive", "30"]);
    command.args(["--access-logfile", "access.log", "--access-logformat", "%(s)s %(U)s %({authorization}i)s"]);
    command.arg("--bind").arg(format!("127.0.0.1:{}", setup.port)).arg("serve_httpbin:app");
    Some(command)
}

pub fn tornado(setup: &Setup) -> Option<Command> {
    let python = python_with("tornado")?;
    setup.folder.write("serve_tornado.py", include_bytes!("serve_tornado.py"));
    let mut command = Command::new(python);
    command.arg("serve_tornado.py").arg(setup.port.to_string());
    Some(command)
}

pub fn http_server(setup: &Setup) -> Option<Command> {
    let mut command = Command::new(find(&["python3"])?);
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory", "files"]).arg(setup.port.to_string());
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
