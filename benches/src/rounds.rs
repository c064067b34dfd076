//! Interleaved rounds: in each round every contender has a turn in a process of its own, so that a change of the
//! machine's speed affects all of them.

use std::process::Stdio;

use crate::job::{Job, Sample};
use crate::server::Process;

/// The turns of a contender.
pub struct Series {
    pub contender: &'static str,
    /// A sample for each round.
    pub samples: Vec<Sample>,
}

/// The smallest, the middle and the largest of some figures.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<_> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let [min, .., max] = figures[..] else {
            return Self { min: figures[0], median: figures[0], max: figures[0] };
        };
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 };
        Self { min, median, max }
    }
}

impl Series {
    /// Returns the spread of a figure over the rounds.
    pub fn spread(&self, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(figure))
    }

    /// Returns the speed relative to `base`: the median of the ratios of the same round.
    pub fn speed_ratio(&self, base: &Self) -> f64 {
        self.ratio(base, |own, base| base.wall.as_secs_f64() / own.wall.as_secs_f64())
    }

    /// Returns the CPU time relative to `base`: the median of the ratios of the same round.
    pub fn cpu_ratio(&self, base: &Self) -> f64 {
        self.ratio(base, |own, base| own.cpu.as_secs_f64() / base.cpu.as_secs_f64())
    }

    fn ratio(&self, base: &Self, of: impl Fn(&Sample, &Sample) -> f64) -> f64 {
        Spread::of(self.samples.iter().zip(&base.samples).map(|(own, base)| of(own, base))).median
    }
}

/// Runs a job in `rounds` rounds.
pub fn run(server: &Process, contenders: &[&'static str], job: &Job, rounds: usize) -> Vec<Series> {
    let mut series: Vec<_> =
        contenders.iter().map(|contender| Series { contender, samples: Vec::with_capacity(rounds) }).collect();
    for round in 0..rounds {
        // Each round begins with another contender, so that no contender always follows the same contender.
        for turn in 0..series.len() {
            let index = (round + turn) % contenders.len();
            series[index].samples.push(self::turn(server, contenders[index], job));
        }
    }
    series
}

/// Runs a turn in a new process.
pub fn turn(server: &Process, contender: &str, job: &Job) -> Sample {
    let mut command = server.client_command();
    let output = command.args(["turn", contender]).args(job.arguments()).stderr(Stdio::inherit()).output();
    let output = output.expect("a turn starts");
    assert!(output.status.success(), "{contender} failed at {job:?}");
    Sample::parse(&String::from_utf8_lossy(&output.stdout)).expect("a turn prints a sample")
}
