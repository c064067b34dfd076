//! The arguments of the command line, and the client that they ask for.

use std::path::PathBuf;

use clap::Parser;
use waterspout::http::Method;
use waterspout::http::header::{HeaderName, HeaderValue};
use waterspout::platform::native::{Network, TlsConfig};
use waterspout::proxy::Proxies;
use waterspout::{Client, Redirect};

use crate::Failure;

#[derive(Parser)]
pub struct Arguments {
    pub url: String,
    /// The method [default: GET, or POST with a body]
    #[arg(short = 'X', long)]
    pub request: Option<Method>,
    /// A header, "name: value"; may be repeated
    #[arg(short = 'H', long, value_parser = header)]
    pub header: Vec<(HeaderName, HeaderValue)>,
    /// The body, or the file that has it: @FILE
    #[arg(short, long)]
    pub data: Option<String>,
    /// Write the body to this file
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Continue where the file of --output ends
    #[arg(short = 'C', long, requires = "output")]
    pub resume: bool,
    /// Fail without output if the status is 400 or above
    #[arg(short, long)]
    pub fail: bool,
    /// Follow redirects
    #[arg(short = 'L', long)]
    pub location: bool,
    /// Speak HTTP/2, over TLS and without
    #[arg(long)]
    pub http2: bool,
    /// The URL of a proxy [default: what the environment says]
    #[arg(short = 'x', long)]
    pub proxy: Option<String>,
    /// Accept any certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let (name, value) = text.split_once(':').ok_or("a header has a colon")?;
    Ok((name.trim().parse()?, value.trim().parse()?))
}

/// Makes the client that `arguments` ask for.
pub fn client(arguments: &Arguments) -> waterspout::Result<Client> {
    let mut network = Network::new();
    if arguments.http2 {
        network = network.http2_only();
    }
    if let Some(proxy) = &arguments.proxy {
        network = network.proxies(Proxies::all(proxy.as_str())?);
    }
    if arguments.insecure {
        network = network.tls(TlsConfig::new().danger_accept_invalid_certificates(true));
    }
    let redirect = if arguments.location { Redirect::Follow } else { Redirect::Manual };
    // The bytes of a file that is continued must be the bytes on the wire.
    Client::builder().network(network).redirect(redirect).decompress(!arguments.resume).build()
}
