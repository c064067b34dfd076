//! The work of a small GET, counted by tools.

use crate::clients::CONTENDERS;
use crate::effort::Effort;
use crate::server::Process;
use crate::table::{Table, decimals, grouped};
use crate::tools::Tools;

/// The numbers of connections.
const CONNECTIONS: [usize; 2] = [1, 64];

/// The clients whose work is counted if the command line names none.
const DEFAULT: &[&str] = &["waterspout", "hyper-util"];

/// Prints a table with the work of each named contender.
pub fn print(names: &[&str]) {
    let tools = Tools::find();
    println!("{}\n\n{}", tools.description(), table(tools, if names.is_empty() { DEFAULT } else { names }));
}

pub fn measure(effort: &Effort, tools: Tools) -> String {
    let all: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
    let names = if effort.counted.is_empty() { &all } else { effort.counted };
    format!(
        "## Work of a small GET\n\n{} These figures repeat on a loaded machine. Tools slow the client down, so it \
         waits for the server less often than in the rounds.\n\n{}",
        tools.description(),
        table(tools, names)
    )
}

fn table(tools: Tools, names: &[&str]) -> String {
    let server = Process::start();
    let mut table = Table::new(&["", "connections", "instructions", "allocations", "allocated bytes", "system calls"]);
    for name in names {
        for connections in CONNECTIONS {
            let work = tools.count(&server, name, connections);
            table.row(&[
                (*name).to_owned(),
                connections.to_string(),
                work.instructions.map_or_else(|| "-".to_owned(), grouped),
                decimals(work.allocations, 1),
                work.allocated_bytes.map_or_else(|| "-".to_owned(), grouped),
                decimals(work.system_calls, 2),
            ]);
        }
    }
    table.finish()
}
