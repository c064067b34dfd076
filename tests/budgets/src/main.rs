//! Counts the instructions and allocations of operations of the library, and compares them with the recorded counts.
//!
//! | arguments | what runs |
//! |---|---|
//! | `[CASE …]` | measures all cases or the named cases, and fails if a count differs by more than the tolerance |
//! | `record` | measures all cases and records their counts and profiles |
//! | `run CASE COUNT` | makes operations of a case; valgrind runs this |
//!
//! `make budgets` runs it, see CONTRIBUTING.md.

mod cases;
mod compare;
mod measure;
mod memory;
mod recorded;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cases::{CASES, Case};
use measure::Measured;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["run", name, count] => run(name, count),
        ["record"] => record(),
        _ => find_cases(&arguments).and_then(|cases| check(&cases)),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Makes `count` operations of a case.
fn run(name: &str, count: &str) -> Result<ExitCode, String> {
    let case = find_case(name)?;
    let count = count.parse().map_err(|_| format!("\"{count}\" is no number of operations"))?;
    (case.run)(count);
    Ok(ExitCode::SUCCESS)
}

/// Measures all cases and writes what they cost now.
fn record() -> Result<ExitCode, String> {
    let all: Vec<_> = CASES.iter().collect();
    let measured = measure_all(&all).into_iter().collect::<Result<Vec<_>, _>>()?;
    let environment = measure::environment()?;
    recorded::write(&environment, &measured)?;
    println!("recorded {} cases with {environment}", measured.len());
    Ok(ExitCode::SUCCESS)
}

/// Measures cases, prints a row for each, and fails if a count has left its tolerance.
fn check(cases: &[&Case]) -> Result<ExitCode, String> {
    let recorded = recorded::read()?;
    let tolerance = compare::Tolerance::new(&recorded.environment, &measure::environment()?);
    if let Some(message) = &tolerance.message {
        println!("{message}\n");
    }
    println!("{}", compare::TABLE_HEAD);
    let mut failed = 0;
    let mut explanations = Vec::new();
    for (case, measured) in cases.iter().zip(measure_all(cases)) {
        let result = measured.and_then(|measured| compare::compare(case, &measured, &recorded, &tolerance));
        match result {
            Ok(explanation) => explanations.extend(explanation),
            Err(explanation) => {
                failed += 1;
                explanations.push(explanation);
            }
        }
    }
    explanations.iter().for_each(|explanation| println!("\n{explanation}"));
    println!("\nbudgets: {} passed, {failed} failed", cases.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures cases, as many at once as the machine has processors. The counts do not depend on other processes.
fn measure_all(cases: &[&Case]) -> Vec<Result<Measured, String>> {
    let folder = std::env::temp_dir().join(format!("waterspout-budgets-{}", std::process::id()));
    let results: Vec<_> = cases.iter().map(|_| Mutex::new(Err("not measured".to_string()))).collect();
    if let Err(error) = std::fs::create_dir_all(&folder) {
        return cases.iter().map(|_| Err(format!("{}: {error}", folder.display()))).collect();
    }
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let index = cases.iter().position(|other| other.name == case.name).expect("a listed case");
                    *results[index].lock().expect("no panic") = measure::measure(case, &folder);
                }
            });
        }
    });
    remove(folder);
    results.into_iter().map(|result| result.into_inner().expect("no panic")).collect()
}

fn remove(folder: PathBuf) {
    // A folder that remains is only clutter.
    let _ = std::fs::remove_dir_all(folder);
}

fn find_case(name: &str) -> Result<&'static Case, String> {
    let names = || CASES.iter().map(|case| case.name).collect::<Vec<_>>().join(", ");
    CASES.iter().find(|case| case.name == name).ok_or_else(|| format!("no case \"{name}\"; the cases are {}", names()))
}

/// Returns the named cases, or all cases if no name is given.
fn find_cases(names: &[&str]) -> Result<Vec<&'static Case>, String> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    names.iter().map(|name| find_case(name)).collect()
}
