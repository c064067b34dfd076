//! Reads the output of DHAT, valgrind's profile of allocations: a list of places, and a table of stack frames.

use serde_json::Value;

use super::{Costs, names};

/// Reads the output of a run, and returns the allocations of each source line, as in `src/http1/decode.rs:12`. A
/// reallocation is an allocation too.
pub fn parse(output: &str) -> Result<Costs, String> {
    let profile: Value = serde_json::from_str(output).map_err(|error| format!("the output of DHAT: {error}"))?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let lines: Vec<_> = list(&profile, "ftbl").iter().map(|frame| source_line(frame.as_str()?)).collect();
    let mut sites = Costs::new();
    for place in list(&profile, "pps") {
        // The stack begins at the allocator.
        let stack = list(&place, "fs");
        let mut stack = stack.iter().filter_map(|frame| lines.get(frame.as_u64()? as usize)?.as_deref());
        let nearest = stack.clone().find(|line| names::is_own(line)).or(stack.next_back());
        let site = sites.entry(nearest.unwrap_or_default().to_string()).or_default();
        site.own += place["tbk"].as_f64().unwrap_or_default();
        site.total += place["tb"].as_f64().unwrap_or_default();
    }
    Ok(sites)
}

/// Returns the source line of a frame such as `0x22: a::b (/path/src/a.rs:12)`.
fn source_line(frame: &str) -> Option<String> {
    let (_, place) = frame.strip_suffix(')')?.rsplit_once('(')?;
    let (file, line) = place.rsplit_once(':')?;
    Some(format!("{}:{line}", names::file(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocations_count_for_the_nearest_line_of_the_repository() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..").replace("/tests/budgets/../..", "");
        let output = format!(
            r#"{{"pps": [{{"tb": 48, "tbk": 3, "fs": [1, 2, 3]}}, {{"tb": 8, "tbk": 1, "fs": [1]}}],
                "ftbl": ["[root]", "0x1: alloc (/rustc/0/library/alloc/src/alloc.rs:95)",
                         "0x2: head ({root}/src/http1/decode.rs:7)", "0x3: call ({root}/src/client/call.rs:9)"]}}"#
        );
        let sites = parse(&output).expect("valid output");
        assert_eq!((sites["src/http1/decode.rs:7"].own, sites["src/http1/decode.rs:7"].total), (3.0, 48.0));
        assert_eq!(sites["std: alloc/src/alloc.rs:95"].own, 1.0);
    }
}
