//! Starts the servers, the proxies and the network of a run.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use waterspout::ErrorKind;

use crate::clients::ProxyUrls;
use crate::network::{self, BLACK_HOLE, LOSSY, Namespace, Place, RESETTING, RESTARTED};
use crate::options::Options;
use crate::programs::{self, Nginx, NginxPorts, Process, free_port};
use crate::targets::{BREAKING, CALM, SILENT, Target};
use crate::troubles::Troubles;

/// The file of counted requests.
const COUNTS: &str = "counts";

/// As [`BREAKING`], and nginx may answer an event stream with a failure of its own.
const NGINX: &[ErrorKind] = &[
    ErrorKind::Timeout,
    ErrorKind::Connect,
    ErrorKind::ConnectionClosed,
    ErrorKind::Io,
    ErrorKind::Tls,
    ErrorKind::Status,
];

/// Everything that a run needs beside its clients.
pub struct Setup {
    pub targets: Vec<Target>,
    pub troubles: Troubles,
    pub proxies: ProxyUrls,
    /// The certificate of all servers, in PEM.
    pub certificate: String,
    pub counts: PathBuf,
    /// Servers and proxies that run until the end.
    _processes: Vec<Process>,
    _folder: Folder,
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The ports of a server of this program.
struct Ports {
    http: u16,
    https: u16,
}

impl Ports {
    fn free() -> io::Result<Self> {
        Ok(Self { http: free_port()?, https: free_port()? })
    }

    fn target(&self, name: &'static str, host: &str, weight: u64, errors: &'static [ErrorKind]) -> Target {
        let http = format!("http://{host}:{}", self.http);
        Target {
            name,
            h2c: http.clone(),
            http,
            https: format!("https://{host}:{}", self.https),
            weight,
            errors,
            statuses: &[],
        }
    }
}

impl Setup {
    pub fn start(options: &Options) -> io::Result<Self> {
        let folder = Folder(network::folder());
        fs::create_dir_all(&folder.0)?;
        let path = folder.0.to_string_lossy().into_owned();
        let namespace = if network::is_inside() { Some(Namespace::new()?) } else { None };
        let here = Place::Here;
        let there = namespace.as_ref().map_or(&here, |namespace| &namespace.place);
        let local = Ipv4Addr::LOCALHOST;
        let server_host = if namespace.is_some() { RESTARTED } else { local };
        let hosts = ["localhost".to_owned(), local.to_string()].into_iter();
        let hosts = hosts.chain([RESTARTED, LOSSY, BLACK_HOLE, RESETTING].map(|address| address.to_string()));
        let certificate = programs::write_certificate(&folder.0, &hosts.collect::<Vec<_>>())?;
        let serve = |host: Ipv4Addr, ports: &Ports| {
            let mut arguments = vec!["serve".to_owned()];
            arguments.extend([format!("{host}:{}", ports.http), format!("{host}:{}", ports.https)]);
            arguments.extend([path.clone(), COUNTS.to_owned()]);
            arguments.extend((options.plant.as_deref() == Some("repeat")).then(|| "repeat".to_owned()));
            arguments
        };
        let start = |place: &Place, arguments: &[String]| {
            Process::start(place, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };

        let calm = Ports::free()?;
        let mut processes = vec![start(&here, &serve(local, &calm))?];
        // By its name, so that look-ups are a part of the run.
        let mut targets = vec![calm.target("calm", "localhost", 30, CALM)];

        let restarted = Ports::free()?;
        targets.push(restarted.target("restarted", &server_host.to_string(), 20, BREAKING));
        let restarted = serve(server_host, &restarted);

        let mut upstream = calm.http;
        if namespace.is_some() {
            let behind = Ports::free()?;
            processes.push(start(there, &serve(Ipv4Addr::UNSPECIFIED, &behind))?);
            upstream = behind.http;
            targets.push(behind.target("lossy", &LOSSY.to_string(), 12, SILENT));
            targets.push(behind.target("black hole", &BLACK_HOLE.to_string(), 4, SILENT));
            targets.push(behind.target("resetting", &RESETTING.to_string(), 8, BREAKING));
        }

        let ports = NginxPorts { http: free_port()?, h2c: free_port()?, https: free_port()? };
        programs::write_nginx_configuration(&folder.0, server_host, &ports, upstream)?;
        let nginx = Nginx::start(there, &folder.0, ports.http, server_host)?;
        match nginx {
            Some(_) => targets.push(Target {
                name: "nginx",
                http: format!("http://{server_host}:{}", ports.http),
                https: format!("https://{server_host}:{}", ports.https),
                h2c: format!("http://{server_host}:{}", ports.h2c),
                weight: 14,
                errors: NGINX,
                statuses: &[502, 504],
            }),
            None => println!("left out: nginx, because it is not installed"),
        }

        let mut proxies = Vec::new();
        for is_calm in [true, false] {
            let (forwards, connect) = (Ports::free()?, free_port()?);
            let mut arguments = vec!["proxy".to_owned()];
            arguments.extend([forwards.http, forwards.https, connect].map(|port| format!("{local}:{port}")));
            arguments.extend([calm.http, calm.https].map(|port| format!("{local}:{port}")));
            arguments.extend([options.seed.to_string(), if is_calm { "calm" } else { "faulty" }.to_owned()]);
            arguments.extend((options.plant.as_deref() == Some("corrupt")).then(|| "corrupt".to_owned()));
            processes.push(start(&here, &arguments)?);
            proxies.push(format!("http://{local}:{connect}"));
            if !is_calm {
                targets.push(forwards.target("faulty", "127.0.0.1", 12, BREAKING));
            }
        }
        let [calm_proxy, faulty_proxy] = [0, 1].map(|index: usize| proxies[index].clone());
        let nginx = nginx.map(|nginx| (nginx, ports.http));
        let troubles = Troubles::new(namespace, restarted, nginx, folder.0.clone(), server_host)?;
        Ok(Self {
            targets,
            troubles,
            proxies: ProxyUrls { calm: calm_proxy, faulty: faulty_proxy },
            certificate,
            counts: folder.0.join(COUNTS),
            _processes: processes,
            _folder: folder,
        })
    }
}
