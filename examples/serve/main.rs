//! Serves the demo site, the lab and, with `--directory`, the files of a directory:
//! `cargo run --example serve -- --help`.

mod files;
#[path = "../lab/mod.rs"]
mod lab;
#[path = "../site/mod.rs"]
mod site;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use futures::FutureExt;
use futures::future::BoxFuture;
use waterspout::testing::{Handler, Incoming, Reply, Server};

/// Serves the demo site at /site/, the lab at /lab/, and a directory at /
#[derive(Parser)]
struct Arguments {
    /// The address to listen on; port 0 selects a free port
    #[arg(long, default_value = "127.0.0.1:8737")]
    address: SocketAddr,
    /// A directory with files to serve at /
    #[arg(long)]
    directory: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Arguments { address, directory } = Arguments::parse();
    let page = if directory.is_some() { "The live page" } else { "The server" };
    let routes = Routes { lab: lab::Lab::default(), site: Box::new(site::handler()), directory };
    let server = match Server::start_on(address, routes) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: cannot listen on {address}: {error}; choose another port with --address 127.0.0.1:0");
            return ExitCode::FAILURE;
        }
    };
    // Scripts that start this program read the address from the first line of standard output.
    println!("{}", server.url("/"));
    eprintln!("{page} is at {} (demo site at /site/, lab at /lab/hello). Press Ctrl-C to stop it.", server.url("/"));
    loop {
        std::thread::park();
    }
}

/// Dispatches each request by the first part of its path.
struct Routes {
    lab: lab::Lab,
    site: Box<dyn Handler>,
    directory: Option<PathBuf>,
}

impl Handler for Routes {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        match (request.path().split('/').nth(1), &self.directory) {
            (Some("lab"), _) => self.lab.handle(request),
            (Some("site" | "elsewhere"), _) => self.site.handle(request),
            (_, Some(directory)) => files::reply(directory, request).boxed(),
            (_, None) => async { Reply::new(404, "not found; try /site/ or /lab/hello") }.boxed(),
        }
    }
}
