//! Compares counts with the recorded counts, and explains differences.

use std::fmt::Write;

use crate::cases::Case;
use crate::measure::{Cost, Costs, Measured};
use crate::recorded::{self, Recorded};

/// The tolerated change of a count with the versions of the recorded counts.
const TOLERANCE: f64 = 0.03;
/// The tolerated growth with other versions, for example of the compiler. A lower count is no failure then.
const WIDE_TOLERANCE: f64 = 0.15;
/// A change below this is no failure: a vector that grows once in a run adds a small part of an allocation.
const SLACK: f64 = 0.05;
/// Maximum lines of a list in an explanation.
const LINES: usize = 12;

pub const TABLE_HEAD: &str = "case             instructions              allocations                bytes";

/// How far a count may be from the recorded count.
pub struct Tolerance {
    growth: f64,
    shrinking: f64,
    /// Says that the versions differ from the recorded versions.
    pub message: Option<String>,
}

impl Tolerance {
    /// Returns the tolerance of counts in the environment `now`.
    pub fn new(recorded: &str, now: &str) -> Self {
        if recorded == now {
            return Self { growth: TOLERANCE, shrinking: TOLERANCE, message: None };
        }
        let message = format!(
            "recorded with {recorded}\nmeasured with {now}\nThe versions differ, so only a growth above {:.0} % fails.",
            WIDE_TOLERANCE * 100.0
        );
        Self { growth: WIDE_TOLERANCE, shrinking: f64::INFINITY, message: Some(message) }
    }
}

/// The change of a count.
struct Change {
    unit: &'static str,
    recorded: f64,
    now: f64,
}

impl Change {
    /// Returns the change as a part of the recorded count.
    fn part(&self) -> f64 {
        if self.recorded == 0.0 { 0.0 } else { self.now / self.recorded - 1.0 }
    }

    fn has_grown(&self, tolerance: &Tolerance) -> bool {
        self.now > self.recorded * (1.0 + tolerance.growth) + SLACK
    }

    fn has_shrunk(&self, tolerance: &Tolerance) -> bool {
        self.now < self.recorded * (1.0 - tolerance.shrinking) - SLACK
    }
}

/// Prints the row of a case, and fails with an explanation if a count has left its tolerance.
pub fn compare(
    case: &Case,
    measured: &Measured,
    recorded: &Recorded,
    tolerance: &Tolerance,
) -> Result<Option<String>, String> {
    let Some(row) = recorded.rows.iter().find(|row| row.name == case.name) else {
        return Err(format!("{} is not recorded; run `make budgets ARGS=record`", case.name));
    };
    let changes = [
        Change { unit: "instructions", recorded: row.instructions, now: measured.instructions },
        Change { unit: "allocations", recorded: row.allocations, now: measured.allocations },
        Change { unit: "bytes", recorded: row.bytes, now: measured.bytes },
    ];
    let cell = |change: &Change, digits: usize| format!("{:>12.digits$} {:>+6.1} %", change.now, change.part() * 100.0);
    println!("{:<14} {}   {}   {}", case.name, cell(&changes[0], 0), cell(&changes[1], 2), cell(&changes[2], 0));
    let grown: Vec<_> = changes.iter().filter(|change| change.has_grown(tolerance)).collect();
    let shrunk: Vec<_> = changes.iter().filter(|change| change.has_shrunk(tolerance)).collect();
    if grown.is_empty() && shrunk.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for change in grown.iter().chain(&shrunk) {
        let Change { unit, recorded, now } = change;
        let percent = change.part() * 100.0;
        let _ = writeln!(
            text,
            "{}: {now:.0} {unit} per operation, {recorded:.0} are recorded ({percent:+.1} %)",
            case.name
        );
    }
    if !grown.is_empty() {
        explain(&mut text, case, measured, row.instructions)?;
    }
    text.push_str("If the change is meant, record it: `make budgets ARGS=record`.");
    Err(text)
}

/// Adds the functions and source files whose costs have grown.
fn explain(text: &mut String, case: &Case, measured: &Measured, instructions: f64) -> Result<(), String> {
    let profile = recorded::read_profile(case)?;
    let floor = recorded::floor(instructions);
    let least = instructions * 0.002;

    let mut functions = measured.functions.clone();
    functions.retain(|_, cost| !cost.is_wrapper());
    let own = grown(&functions, &profile.functions, |cost| cost.own, floor.own);
    list(text, "instructions of functions without their callees", own, least);

    // The callers of a function that has grown have grown too. The function with the fewest instructions is nearest to
    // the cause, so it is the first.
    let mut total = grown(&functions, &profile.functions, |cost| cost.total, floor.total);
    let largest = total.iter().map(|growth| growth.by()).fold(0.0, f64::max);
    total.retain(|growth| growth.by() >= largest / 2.0);
    total.sort_by(|a, b| a.now.total_cmp(&b.now));
    list(text, "instructions of functions with their callees, nearest to the cause first", total, least);

    let files = grown(&measured.files, &profile.files, |cost| cost.own, floor.own);
    list(text, "instructions of source files", files, least);

    let files = measured.allocating_files();
    let allocations = grown(&files, &profile.allocating_files, |cost| cost.own, 0.0);
    for growth in list(text, "allocations of source files", allocations, SLACK) {
        let file = format!("{}:", growth.name);
        for (line, cost) in measured.lines.iter().filter(|(line, _)| line.starts_with(&file)) {
            let _ = writeln!(text, "               {line}: {:.1}", cost.own);
        }
    }
    let bytes = grown(&files, &profile.allocating_files, |cost| cost.total, 0.0);
    list(text, "allocated bytes of source files", bytes, 1.0);
    Ok(())
}

/// A cost that has grown.
struct Growth<'a> {
    name: &'a str,
    recorded: f64,
    now: f64,
    is_recorded: bool,
}

impl Growth<'_> {
    fn by(&self) -> f64 {
        self.now - self.recorded
    }
}

/// Returns the costs that have grown, the largest growth first. A cost without a recorded entry was at most `floor`.
fn grown<'a>(now: &'a Costs, recorded: &Costs, number: impl Fn(&Cost) -> f64, floor: f64) -> Vec<Growth<'a>> {
    let growth = |(name, cost): (&'a String, &Cost)| {
        let entry = recorded.get(name).map(&number);
        Growth { name, recorded: entry.unwrap_or(floor), now: number(cost), is_recorded: entry.is_some() }
    };
    let mut grown: Vec<_> = now.iter().map(growth).filter(|growth| growth.by() > 0.0).collect();
    grown.sort_by(|a, b| b.by().total_cmp(&a.by()));
    grown
}

/// Adds a list of growths that are at least `least`, and returns them.
fn list<'a>(text: &mut String, title: &str, mut growths: Vec<Growth<'a>>, least: f64) -> Vec<Growth<'a>> {
    growths.retain(|growth| growth.by() >= least);
    growths.truncate(LINES);
    if !growths.is_empty() {
        let _ = writeln!(text, "  {title}:");
    }
    for growth in &growths {
        let Growth { name, recorded, now, .. } = growth;
        let digits = if *now < 100.0 { 1 } else { 0 };
        let at_most = if growth.is_recorded { "" } else { "at most " };
        let _ =
            writeln!(text, "    {:>+9.digits$}  {name}: {now:.digits$}, was {at_most}{recorded:.digits$}", growth.by());
    }
    growths
}
