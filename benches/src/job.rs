//! A job is what a client does in a turn, and a sample is what the turn cost.

use std::fmt;
use std::time::Duration;

use crate::server;

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A small GET on a connection that is kept alive.
    Small,
    /// A small GET whose response closes the connection.
    Fresh,
    /// A download with a content-length.
    Download,
    /// A download in chunks.
    Chunked,
    /// An upload with a content-length.
    Upload,
    /// Small GETs that the server answers together, once every connection has sent a request.
    Held,
    /// The same, and then the connections stay open without requests for [`Job::requests`] seconds.
    Idle,
}

impl Kind {
    const NAMES: [(&str, Self); 7] = [
        ("small", Self::Small),
        ("fresh", Self::Fresh),
        ("download", Self::Download),
        ("chunked", Self::Chunked),
        ("upload", Self::Upload),
        ("held", Self::Held),
        ("idle", Self::Idle),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).expect("every kind has a name").0
    }
}

/// The requests of a turn.
#[derive(Clone, Debug)]
pub struct Job {
    pub kind: Kind,
    /// The URL of the server, without a path.
    pub server: String,
    /// The URL of the requests.
    pub url: String,
    /// The number of requests at a time.
    pub connections: usize,
    /// The number of measured requests; for [`Kind::Idle`], of seconds.
    pub requests: usize,
    /// The number of requests before the measured requests. They open the connections.
    pub warm_up: usize,
}

impl Job {
    pub fn new(kind: Kind, server: &str, connections: usize, requests: usize) -> Self {
        let path = match kind {
            Kind::Small => "/".to_owned(),
            Kind::Fresh => "/close".to_owned(),
            Kind::Download => "/large".to_owned(),
            Kind::Chunked => "/chunked".to_owned(),
            Kind::Upload => "/upload".to_owned(),
            Kind::Held | Kind::Idle => format!("/held/{connections}"),
        };
        let warm_up = match kind {
            // Enough requests that every connection is open and every buffer has grown.
            Kind::Small => connections * 2 + 100,
            Kind::Fresh => 10,
            Kind::Download | Kind::Chunked | Kind::Upload => 1,
            Kind::Held | Kind::Idle => 0,
        };
        Self { kind, server: server.to_owned(), url: format!("{server}{path}"), connections, requests, warm_up }
    }

    /// Returns the command line arguments from which [`Job::parse`] makes this job.
    pub fn arguments(&self) -> [String; 4] {
        [self.kind.name().to_owned(), self.server.clone(), self.connections.to_string(), self.requests.to_string()]
    }

    pub fn parse(arguments: &[&str]) -> Self {
        let &[kind, server, connections, requests] = arguments else { panic!("a job has four arguments") };
        let (_, kind) = Kind::NAMES.into_iter().find(|(name, _)| *name == kind).expect("a kind of requests");
        let number = |text: &str| text.parse().expect("a number");
        Self::new(kind, server, number(connections), number(requests))
    }

    /// Returns the number of bytes in the body of a response.
    pub fn expected_length(&self) -> usize {
        match self.kind {
            Kind::Download | Kind::Chunked => server::LARGE,
            Kind::Small | Kind::Fresh | Kind::Upload | Kind::Held | Kind::Idle => server::SMALL_BODY.len(),
        }
    }
}

/// The cost of a turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub wall: Duration,
    /// The CPU time of the client, in the kernel too.
    pub cpu: Duration,
    /// The resident memory of the client after the turn, in bytes. For [`Kind::Idle`], its growth.
    pub resident: usize,
}

/// The line that a turn prints.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.wall.as_nanos(), self.cpu.as_nanos(), self.resident)
    }
}

impl Sample {
    /// Reads the line that a turn printed.
    pub fn parse(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let &[wall, cpu, resident] = &numbers[..] else { return None };
        Some(Self { wall: Duration::from_nanos(wall), cpu: Duration::from_nanos(cpu), resident: resident as usize })
    }
}
