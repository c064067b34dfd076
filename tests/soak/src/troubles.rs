//! The troubles of a round: restarts, reloads, black holes, resets.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::network::{Namespace, Place};
use crate::programs::{Nginx, Process};
use crate::random::Random;
use crate::run::Run;

/// How often the thread of the troubles looks at the clock.
const STEP: Duration = Duration::from_millis(50);

/// The servers that are restarted, and the network that is disturbed.
pub struct Troubles {
    restarted: Option<Process>,
    arguments: Vec<String>,
    nginx: Option<Nginx>,
    nginx_port: u16,
    folder: PathBuf,
    host: Ipv4Addr,
    // Dropped after the servers in it.
    namespace: Option<Namespace>,
    pub counts: TroubleCounts,
}

/// How often each trouble has happened.
#[derive(Default)]
pub struct TroubleCounts {
    kills: u64,
    reloads: u64,
    nginx_restarts: u64,
    black_holes: u64,
    resets: u64,
}

impl fmt::Display for TroubleCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, reloads, nginx_restarts, black_holes, resets } = self;
        write!(f, "{kills} killed servers, {reloads} reloads and {nginx_restarts} restarts of nginx, ")?;
        write!(f, "{black_holes} black holes, {resets} times of resets")
    }
}

impl Troubles {
    /// Starts the server that is restarted.
    pub fn new(
        namespace: Option<Namespace>,
        arguments: Vec<String>,
        nginx: Option<(Nginx, u16)>,
        folder: PathBuf,
        host: Ipv4Addr,
    ) -> io::Result<Self> {
        let (nginx, nginx_port) = nginx.map_or((None, 0), |(nginx, port)| (Some(nginx), port));
        let counts = TroubleCounts::default();
        let mut troubles = Self { restarted: None, arguments, nginx, nginx_port, folder, host, namespace, counts };
        troubles.start_server()?;
        Ok(troubles)
    }

    fn start_server(&mut self) -> io::Result<()> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let here = Place::Here;
        let place = self.namespace.as_ref().map_or(&here, |namespace| &namespace.place);
        self.restarted = Some(Process::start(place, &arguments)?);
        Ok(())
    }

    /// Makes troubles until the round ends. Afterwards everything works again.
    pub fn make(&mut self, run: &Run, mut random: Random) -> io::Result<()> {
        let mut next = [Instant::now() + Duration::from_secs(2); 5];
        while !run.is_stopping() {
            thread::sleep(STEP);
            let Some(index) = next.iter().position(|time| *time <= Instant::now()) else { continue };
            let wait = match index {
                0 => {
                    self.kill_server(run, &mut random)?;
                    random.between(2_000, 6_000)
                }
                1 => {
                    self.reload_nginx();
                    random.between(3_000, 7_000)
                }
                2 => {
                    self.restart_nginx(&mut random)?;
                    random.between(15_000, 25_000)
                }
                3 => {
                    self.black_hole(run, &mut random)?;
                    random.between(4_000, 9_000)
                }
                _ => {
                    self.reset_connections(&mut random)?;
                    random.between(3_000, 8_000)
                }
            };
            next[index] = Instant::now() + Duration::from_millis(wait);
        }
        Ok(())
    }

    /// Kills the server in the middle of its requests, and starts it again after at most 0.6 s.
    fn kill_server(&mut self, run: &Run, random: &mut Random) -> io::Result<()> {
        self.restarted = None;
        self.counts.kills += 1;
        wait(run, random.between(0, 600));
        self.start_server()
    }

    fn reload_nginx(&mut self) {
        if let Some(nginx) = &self.nginx {
            nginx.reload();
            self.counts.reloads += 1;
        }
    }

    fn restart_nginx(&mut self, random: &mut Random) -> io::Result<()> {
        // The old process has to free its ports first.
        let Some(old) = self.nginx.take() else { return Ok(()) };
        drop(old);
        thread::sleep(Duration::from_millis(random.between(0, 500)));
        let here = Place::Here;
        let place = self.namespace.as_ref().map_or(&here, |namespace| &namespace.place);
        self.nginx = Nginx::start(place, &self.folder, self.nginx_port, self.host)?;
        self.counts.nginx_restarts += 1;
        Ok(())
    }

    /// Drops all packets to an address for some seconds.
    fn black_hole(&mut self, run: &Run, random: &mut Random) -> io::Result<()> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        namespace.black_hole(true)?;
        wait(run, random.between(500, 4_000));
        namespace.black_hole(false)?;
        self.counts.black_holes += 1;
        Ok(())
    }

    /// Answers all packets to an address with a reset for some time.
    fn reset_connections(&mut self, random: &mut Random) -> io::Result<()> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        namespace.resets(true)?;
        thread::sleep(Duration::from_millis(random.between(50, 500)));
        namespace.resets(false)?;
        self.counts.resets += 1;
        Ok(())
    }
}

/// Waits for some milliseconds, or until the round ends.
fn wait(run: &Run, millis: u64) {
    let end = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < end && !run.is_stopping() {
        thread::sleep(STEP.min(end - Instant::now()));
    }
}
