//! The recorded counts: a table of all cases in `budgets.txt`, and a profile of each case in `profiles/`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cases::{CASES, Case};
use crate::measure::{Cost, Costs, Measured};

/// A function or source file is recorded if it has this part of a case's instructions itself.
const OWN_PART: f64 = 0.002;
/// A function is recorded too if it has this part of a case's instructions with its callees.
const TOTAL_PART: f64 = 0.01;

const TABLE_HEAD: &str = "\
# The cost of each operation. `make budgets` compares this table with the tree, and `make budgets ARGS=record` writes it.
# Allocations include reallocations. CONTRIBUTING.md explains the rules.
";
const PROFILE_HEAD: &str = "\
# Where an operation of this case spends its instructions and allocations. `make budgets ARGS=record` writes this file.
# function: the instructions of the function itself, and with its callees
# file: the instructions of the source file, inlined functions included
# allocations: the allocations of the source file, and their bytes
";

/// The recorded counts of all cases.
pub struct Recorded {
    /// The versions that the counts hold for.
    pub environment: String,
    pub rows: Vec<Row>,
}

/// The recorded counts of a case.
pub struct Row {
    pub name: String,
    pub instructions: f64,
    pub allocations: f64,
    pub bytes: f64,
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("budgets.txt")
}

fn profile(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(format!("{name}.txt"))
}

fn read_file(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}; run `make budgets ARGS=record`", path.display()))
}

fn write_file(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

/// Reads the table.
pub fn read() -> Result<Recorded, String> {
    let text = read_file(&table())?;
    let mut recorded = Recorded { environment: String::new(), rows: Vec::new() };
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(environment) = line.strip_prefix("environment: ") {
            recorded.environment = environment.to_string();
            continue;
        }
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default().to_string();
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let (Some(instructions), Some(allocations), Some(bytes)) = (number(), number(), number()) else {
            return Err(format!("{}: \"{line}\" has not three numbers", table().display()));
        };
        recorded.rows.push(Row { name, instructions, allocations, bytes });
    }
    Ok(recorded)
}

/// Writes the table, and the profile of each case. `measured` has an entry for each of `CASES`.
pub fn write(environment: &str, measured: &[Measured]) -> Result<(), String> {
    let mut text = format!("{TABLE_HEAD}environment: {environment}\n\n");
    let _ =
        writeln!(text, "# {:<12} {:>12} {:>11} {:>10}  an operation", "case", "instructions", "allocations", "bytes");
    for (case, it) in CASES.iter().zip(measured) {
        let (instructions, allocations, bytes) = (it.instructions, it.allocations, it.bytes);
        let name = case.name;
        let _ = writeln!(text, "{name:<14} {instructions:>12.0} {allocations:>11.2} {bytes:>10.0}  {}", case.operation);
        fs::create_dir_all(profile("").with_file_name("")).map_err(|error| format!("profiles: {error}"))?;
        write_file(&profile(name), &profile_text(it))?;
    }
    write_file(&table(), &text)
}

fn profile_text(measured: &Measured) -> String {
    let mut text = PROFILE_HEAD.to_string();
    let floor = floor(measured.instructions);
    let is_large = |cost: &Cost| !cost.is_wrapper() && (cost.own >= floor.own || cost.total >= floor.total);
    for (name, cost) in by_own_cost(&measured.functions, is_large) {
        let _ = writeln!(text, "function {:.0} {:.0} {name}", cost.own, cost.total);
    }
    for (name, cost) in by_own_cost(&measured.files, |cost| cost.own >= floor.own) {
        let _ = writeln!(text, "file {:.0} {name}", cost.own);
    }
    for (name, cost) in by_own_cost(&measured.allocating_files(), |cost| cost.own >= 0.005) {
        let _ = writeln!(text, "allocations {:.2} {:.0} {name}", cost.own, cost.total);
    }
    text
}

/// Returns the costs that pass `filter`, the largest own cost first.
fn by_own_cost(costs: &Costs, filter: impl Fn(&Cost) -> bool) -> Vec<(&String, &Cost)> {
    let mut costs: Vec<_> = costs.iter().filter(|(_, cost)| filter(cost)).collect();
    costs.sort_by(|a, b| b.1.own.total_cmp(&a.1.own));
    costs
}

/// The recorded profile of a case. A function or file without an entry had a cost below the floors.
#[derive(Default)]
pub struct Profile {
    pub functions: Costs,
    pub files: Costs,
    pub allocating_files: Costs,
}

/// Reads the profile of a case.
pub fn read_profile(case: &Case) -> Result<Profile, String> {
    let mut profile = Profile::default();
    let path = self::profile(case.name);
    for line in read_file(&path)?.lines().filter(|line| !line.starts_with('#')) {
        let wrong = || format!("{}: \"{line}\" is no entry", path.display());
        let mut words = line.splitn(2, ' ');
        let (kind, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let numbers = if kind == "file" { 1 } else { 2 };
        let mut words = rest.splitn(numbers + 1, ' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong);
        let own = number()?;
        let total = if numbers == 2 { number()? } else { own };
        let name = words.next().ok_or_else(wrong)?.to_string();
        let costs = match kind {
            "function" => &mut profile.functions,
            "file" => &mut profile.files,
            "allocations" => &mut profile.allocating_files,
            _ => return Err(wrong()),
        };
        costs.insert(name, Cost { own, total });
    }
    Ok(profile)
}

/// Returns the largest cost of a function or source file without an entry.
pub fn floor(instructions: f64) -> Cost {
    Cost { own: OWN_PART * instructions, total: TOTAL_PART * instructions }
}
