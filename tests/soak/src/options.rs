//! The command line.

use std::time::Duration;

/// The options of a run.
#[derive(Clone)]
pub struct Options {
    /// The time of all rounds together. Rests are not counted.
    pub duration: Duration,
    /// The time between two rests.
    pub round: Duration,
    /// The rounds at the beginning after which the levels are taken that later levels are compared with.
    pub warm_up: u32,
    pub seed: u64,
    /// Requests at a time for each client.
    pub workers: usize,
    /// The longest pause of a worker between two requests.
    pub think_millis: u64,
    /// How much later than its limit a request may settle.
    pub slack: Duration,
    /// The longest body.
    pub largest: u64,
    /// Whether everything runs over loopback, also where namespaces are possible.
    pub loopback: bool,
    /// A fault that is planted to see that a check notices it.
    pub plant: Option<String>,
}

pub const USAGE: &str = "arguments, each with its default:
  --seconds 60       the time under load
  --round 30         seconds between two rests
  --warm-up 2        rounds before the levels are taken
  --seed TIME        repeats the choices of an earlier run, but not its timing
  --workers 8        requests at a time for each client
  --think 10         the longest pause between two requests, in milliseconds
  --largest 2000000  the longest body, in bytes
  --loopback         no namespaces
  --plant FAULT      descriptor, memory, slot, thread, timer, corrupt, hang or repeat: the run must fail";

impl Options {
    /// Reads the arguments. An error is a text for the user.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let mut options = Self {
            duration: Duration::from_secs(60),
            round: Duration::from_secs(30),
            warm_up: 2,
            seed: now.as_millis() as u64,
            workers: 8,
            think_millis: 10,
            slack: Duration::from_secs(10),
            largest: 2_000_000,
            loopback: false,
            plant: None,
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            if name == "--loopback" {
                options.loopback = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} has no value\n{USAGE}"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("{name}: \"{value}\" is no number"));
            match name.as_str() {
                "--seconds" => options.duration = Duration::from_secs(number()?),
                "--round" => options.round = Duration::from_secs(number()?.max(1)),
                "--warm-up" => options.warm_up = number()?.max(1) as u32,
                "--seed" => options.seed = number()?,
                "--workers" => options.workers = number()?.max(1) as usize,
                "--think" => options.think_millis = number()?,
                "--largest" => options.largest = number()?.max(100_001),
                "--plant" => options.plant = Some(value.clone()),
                _ => return Err(format!("{name} is unknown; {USAGE}")),
            }
        }
        Ok(options)
    }
}
