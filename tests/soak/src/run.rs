//! What all parts of a run share, and the workers that make its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use waterspout::ErrorKind;

use crate::calls::{Call, Failure, KINDS, Kind, pause};
use crate::clients::{ClearText, SoakClient};
use crate::options::Options;
use crate::random::Random;
use crate::tally::Tally;
use crate::targets::Target;
use crate::watchdog::Watchdog;

/// The limit of a request to a server without troubles. Only a hang should take this long.
pub const CALM_LIMIT: Duration = Duration::from_secs(60);

/// What all parts of a run share.
pub struct Run {
    pub options: Options,
    pub targets: Vec<Target>,
    pub tally: Tally,
    pub watchdog: Arc<Watchdog>,
    /// Tells the workers to end after their present request.
    pub stopping: AtomicBool,
    /// The id of the next counted request.
    pub next_id: AtomicU64,
    /// Whether the planted hang has begun.
    has_hung: AtomicBool,
}

impl Run {
    pub fn new(options: Options, targets: Vec<Target>) -> Self {
        Self {
            options,
            targets,
            tally: Tally::default(),
            watchdog: Arc::default(),
            stopping: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            has_hung: AtomicBool::new(false),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Returns whether a fault of this name is planted.
    pub fn plants(&self, name: &str) -> bool {
        self.options.plant.as_deref() == Some(name)
    }

    /// Makes requests with a client, in turn, until the round ends.
    pub async fn work(&self, client: &SoakClient, mut random: Random) {
        let targets: Vec<_> = self.targets.iter().map(|target| target.weight).zip(0..).collect();
        while !self.is_stopping() {
            let target = &self.targets[random.weighted(&targets)];
            self.request(client, target, &mut random).await;
            pause(random.between(0, self.options.think_millis)).await;
        }
    }

    /// Makes a request under the watch of the watchdog, and records its outcome.
    async fn request(&self, client: &SoakClient, target: &Target, random: &mut Random) {
        let mut kind = random.weighted(&KINDS);
        let is_calm = target.errors.is_empty() && client.errors.is_empty();
        let mut limit = match is_calm {
            true => CALM_LIMIT,
            false => Duration::from_millis(random.between(1_500, 6_000)),
        };
        if self.plants("hang") && !self.has_hung.swap(true, Ordering::Relaxed) {
            (kind, limit) = (Kind::Hang, Duration::from_secs(5));
        }
        let base = match random.chance(60) {
            true if client.clear_text == ClearText::Http2 => &target.h2c,
            true => &target.http,
            false => &target.https,
        };
        let text = format!("{kind:?} by the client {} to {} ({base})", client.name, target.name);
        let watch = self.watchdog.watch(text.clone(), limit);
        let part = random.next();
        let mut call = Call {
            run: self,
            client,
            target,
            base,
            random: Random::new(self.options.seed, part),
            limit,
            watch: &watch,
        };
        let result = call.make(kind).await;
        self.plant(random);
        let elapsed = watch.elapsed();
        self.tally.counts().add_time(elapsed, limit, is_calm);
        if elapsed > limit + self.options.slack {
            self.tally.violation(&format!("late: {text} settled after {elapsed:?}, with a limit of {limit:?}"));
        }
        self.record(kind, client, target, &text, result);
    }

    fn record(&self, kind: Kind, client: &SoakClient, target: &Target, text: &str, result: Result<(), Failure>) {
        let expects = |kind| target.errors.contains(&kind) || client.errors.contains(&kind);
        let name = if client.errors.is_empty() { target.name } else { client.name };
        let expected = match result {
            Ok(()) if kind == Kind::Cancel => return self.tally.counts().cancelled += 1,
            Ok(()) => {
                let mut counts = self.tally.counts();
                *counts.done.entry(kind.name()).or_default() += 1;
                *counts.succeeded.entry(name).or_default() += 1;
                return;
            }
            // The last attempt may have been unlucky.
            Err(Failure::Status(503)) if kind == Kind::Unstable => "status 503".to_owned(),
            Err(Failure::Status(status)) if target.statuses.contains(&status) => format!("status {status}"),
            Err(Failure::CutOff) if expects(ErrorKind::Timeout) => "cut off".to_owned(),
            Err(Failure::Request(error)) if expects(error.kind()) => format!("{:?}", error.kind()),
            Err(failure) => {
                let reason = match failure {
                    Failure::Request(error) => format!("{:?} ({:?}): {}", error.kind(), error.phase(), error.report()),
                    Failure::Status(status) => format!("status {status}"),
                    Failure::CutOff => "the events did not come in time".to_owned(),
                    Failure::Wrong(reason) => reason,
                };
                return self.tally.violation(&format!("{text}: {reason}"));
            }
        };
        *self.tally.counts().errors.entry((name, expected)).or_default() += 1;
    }

    /// Plants a leak, to see that a check notices it.
    fn plant(&self, random: &mut Random) {
        if self.options.plant.is_none() || !random.chance(5) {
            return;
        }
        if self.plants("descriptor") {
            std::mem::forget(std::net::UdpSocket::bind("127.0.0.1:0"));
        } else if self.plants("memory") {
            std::mem::forget(vec![1_u8; 64 * 1024]);
        } else if self.plants("thread") {
            std::thread::spawn(std::thread::park);
        } else if self.plants("timer") {
            crate::clients::leak_sleep();
        }
    }
}

impl Kind {
    /// Returns the name for the summary.
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Download => "download",
            Self::Chunked => "chunked",
            Self::Gzip => "gzip",
            Self::Slow => "slow",
            Self::Held => "held",
            Self::Closed => "connection: close",
            Self::Spawned => "spawned",
            Self::Echo => "echo",
            Self::Upload => "upload",
            Self::Expect => "expect",
            Self::Count => "counted post",
            Self::CountRetried => "retried post",
            Self::Events => "events",
            Self::Redirect => "redirect",
            Self::Unstable => "retried get",
            Self::Cancel => "cancel",
            Self::Hang => "hang",
        }
    }
}
