//! Reads the output of callgrind, see <https://valgrind.org/docs/manual/cl-format.html>.

use std::collections::HashMap;

use super::{Cost, Costs, names};

/// A run under callgrind.
#[derive(Default)]
pub struct Run {
    pub functions: Costs,
    pub files: Costs,
}

/// Reads the output of a run.
pub fn parse(output: &str) -> Run {
    let mut run = Run::default();
    let mut function_names = Compressed::default();
    let mut file_names = Compressed::default();
    let (mut function, mut callee, mut file) = (String::new(), String::new(), String::new());
    // Whether the next line of costs is the cost of a call.
    let mut is_call = false;
    for line in output.lines() {
        match line.split_once('=') {
            Some(("fn", name)) => function = names::function(function_names.resolve(name)),
            Some(("cfn", name)) => callee = names::function(function_names.resolve(name)),
            Some(("fl" | "fi" | "fe", name)) => file = names::file(file_names.resolve(name)),
            Some(("cfi" | "cfl", name)) => drop(file_names.resolve(name)),
            Some(("calls", _)) => is_call = true,
            Some(_) => {}
            None => {
                let Some(cost) = line_cost(line) else { continue };
                let entry = run.functions.entry(function.clone()).or_default();
                if !is_call {
                    entry.own += cost;
                    let file = run.files.entry(file.clone()).or_default();
                    *file = Cost { own: file.own + cost, total: file.total + cost };
                }
                // The cost of a function that calls itself already contains that call.
                if !is_call || callee != function {
                    entry.total += cost;
                }
                is_call = false;
            }
        }
    }
    run
}

/// Returns the cost of a line such as `16 400`, `+3 20` or `* 5`: a position and the instructions there.
fn line_cost(line: &str) -> Option<f64> {
    let (position, cost) = line.split_once(' ')?;
    let is_position = position.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    if is_position { cost.parse().ok() } else { None }
}

/// The names of a kind. The first use gives a name a number, as in `(4) main`, and later uses have only the number.
#[derive(Default)]
struct Compressed<'a>(HashMap<&'a str, &'a str>);

impl<'a> Compressed<'a> {
    fn resolve(&mut self, text: &'a str) -> &'a str {
        match text.split_once(' ') {
            Some((number, name)) => {
                self.0.insert(number, name);
                name
            }
            None => self.0.get(text).copied().unwrap_or(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_for_the_caller_and_not_as_its_own() {
        let output = "positions: line\nevents: Ir\n\nfl=(1) a.rs\nfn=(1) outer\n1 10\ncfi=(2) b.rs\ncfn=(2) inner\n\
                      calls=2 7\n+1 300\nfi=(2)\n5 4\nfe=(1)\n* 1\n\nfl=(2)\nfn=(2)\n7 300\ncfn=(2)\ncalls=1 7\n* 100\n";
        let run = parse(output);
        let cost = |costs: &Costs, name: &str| (costs[name].own, costs[name].total);
        assert_eq!(cost(&run.functions, "outer"), (15.0, 315.0));
        assert_eq!(cost(&run.functions, "inner"), (300.0, 300.0));
        assert_eq!(run.files["a.rs"].own, 11.0);
        assert_eq!(run.files["b.rs"].own, 304.0);
    }
}
