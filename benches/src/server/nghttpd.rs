//! The server of HTTP/2 of another project, nghttpd, which needs less CPU time than the clients.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::SMALL_BODY;
use crate::measure::{SERVER_CPU, pin};

/// Prints the address of a free port on loopback and a certificate, then becomes nghttpd.
///
/// # Panics
/// nghttpd is not installed.
pub fn serve() {
    pin(SERVER_CPU);
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let folder = std::env::temp_dir().join("waterspout-benches-nghttpd");
    let write =
        |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file in the temporary folder");
    std::fs::create_dir_all(folder.join("root")).expect("a temporary folder");
    write("key.pem", &signing_key.serialize_pem());
    write("certificate.pem", &cert.pem());
    write("root/index.html", SMALL_BODY);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    drop(listener);
    println!("{address}");
    print!("{}", cert.pem());
    // The server must not outlive the benchmark.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("a signal at the end of the parent");
    let mut command = Command::new("nghttpd");
    command.args(["--address", "127.0.0.1", "--workers", "1", "--max-concurrent-streams", "1000", "--htdocs"]);
    command.arg(folder.join("root")).arg(address.port().to_string());
    let error = command.arg(folder.join("key.pem")).arg(folder.join("certificate.pem")).exec();
    panic!("nghttpd does not start: {error}");
}
