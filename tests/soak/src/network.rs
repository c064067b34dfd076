//! The network of a run: a namespace for the servers behind a pair of virtual links, with loss and black holes.
//!
//! Without root, or where the system has no namespaces, everything runs over loopback, and the parts that are left out
//! are printed.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::programs::{Process, find, run};

/// The address of the clients' end of the link.
const CLIENTS: &str = "10.77.0.1/24";

/// The addresses of the servers' end. Packets to each address have their own troubles.
pub const RESTARTED: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub const LOSSY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
pub const BLACK_HOLE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 4);
pub const RESETTING: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 5);

/// Set in the process that runs in a namespace of its own: the id of the process outside, which is unique.
const INSIDE: &str = "WATERSPOUT_SOAK_INSIDE";

/// Where a process runs.
pub enum Place {
    /// In the network of this process.
    Here,
    /// In the network of another process.
    Namespace(String),
}

impl Place {
    /// Returns a command that starts `program` in this place.
    pub fn command(&self, program: &OsStr) -> Command {
        match self {
            Self::Here => Command::new(program),
            Self::Namespace(process) => {
                let mut command = Command::new("nsenter");
                command.args(["--net", "--target", process]).arg(program);
                command
            }
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        match self {
            Self::Here => run(program, arguments),
            Self::Namespace(process) => run("nsenter", &[&["--net", "--target", process, program], arguments].concat()),
        }
    }
}

/// The namespace of the servers. Dropping it ends the namespace, and the links with it.
pub struct Namespace {
    /// The namespace lives as long as this process.
    _holder: Process,
    pub place: Place,
    iptables: Option<String>,
}

impl Namespace {
    /// Makes the namespace, the links and the loss. Prints what this system cannot do.
    pub fn new() -> io::Result<Self> {
        let holder = Process::holder()?;
        let process = holder.id().to_string();
        let place = Place::Namespace(process.clone());
        // The process has its namespace when `unshare` has become the program after it.
        let name = format!("/proc/{process}/comm");
        while std::fs::read_to_string(&name)?.trim_end() != "cat" {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        run("ip", &["link", "set", "lo", "up"])?;
        run("ip", &["link", "add", "soak0", "type", "veth", "peer", "name", "soak1", "netns", &process])?;
        run("ip", &["address", "add", CLIENTS, "dev", "soak0"])?;
        run("ip", &["link", "set", "soak0", "up"])?;
        for address in [RESTARTED, LOSSY, BLACK_HOLE, RESETTING] {
            place.run("ip", &["address", "add", &format!("{address}/24"), "dev", "soak1"])?;
        }
        place.run("ip", &["link", "set", "soak1", "up"])?;
        place.run("ip", &["link", "set", "lo", "up"])?;
        let iptables = find("iptables");
        let namespace = Self { _holder: holder, place, iptables };
        namespace.lose_packets();
        Ok(namespace)
    }

    /// Loses 1 % of all packets in each direction, with a delay where the kernel has netem.
    fn lose_packets(&self) {
        let netem = |device| ["qdisc", "add", "dev", device, "root", "netem", "delay", "3ms", "1ms", "loss", "1%"];
        let netem = Place::Here.run("tc", &netem("soak0")).and_then(|()| self.place.run("tc", &netem("soak1")));
        let Err(error) = netem else {
            println!("network: a namespace; netem loses 1 % of the packets and delays the rest by 3 ms");
            return;
        };
        let loss = ["-m", "statistic", "--mode", "random", "--probability", "0.01", "-j", "DROP"];
        let lossy = LOSSY.to_string();
        let incoming = [&["-A", "INPUT", "-d", &*lossy], &loss[..]].concat();
        let outgoing = [&["-A", "INPUT", "-s", &*lossy], &loss[..]].concat();
        match self.filter(&incoming).and_then(|()| self.filter_here(&outgoing)) {
            Ok(()) => println!("network: a namespace; iptables loses 1 % of the packets; no delay, because {error}"),
            Err(cause) => println!("network: a namespace; left out: packet loss, because {error}, and {cause}"),
        }
    }

    /// Drops all packets to an address, or forwards them again.
    pub fn black_hole(&self, is_on: bool) -> io::Result<()> {
        self.filter(&[if is_on { "-I" } else { "-D" }, "INPUT", "-d", &BLACK_HOLE.to_string(), "-j", "DROP"])
    }

    /// Answers all packets to an address with a reset, or forwards them again.
    pub fn resets(&self, is_on: bool) -> io::Result<()> {
        let action = if is_on { "-I" } else { "-D" };
        let address = RESETTING.to_string();
        let reset = ["-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"];
        self.filter(&[&[action, "INPUT", "-d", &*address], &reset[..]].concat())
    }

    /// Changes the packet filter of the servers' namespace.
    fn filter(&self, arguments: &[&str]) -> io::Result<()> {
        self.place.run(self.iptables()?, &[&["-w"], arguments].concat())
    }

    fn filter_here(&self, arguments: &[&str]) -> io::Result<()> {
        run(self.iptables()?, &[&["-w"], arguments].concat())
    }

    fn iptables(&self) -> io::Result<&str> {
        self.iptables.as_deref().ok_or_else(|| io::Error::other("iptables is not installed"))
    }
}

pub fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// Returns the folder of the run's files. No other run has it at the same time.
pub fn folder() -> PathBuf {
    let id = std::env::var(INSIDE).unwrap_or_else(|_| std::process::id().to_string());
    std::env::temp_dir().join(format!("waterspout-soak-{id}"))
}

/// Returns whether this process runs in namespaces that [`enter`] has made.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this program again in namespaces of its own, which end with it. Returns `None` if that is impossible.
pub fn enter() -> io::Result<Option<ExitCode>> {
    let reason = if !is_root() {
        Some("only root can make them".to_owned())
    } else if find("ip").is_none() {
        Some("the program ip is not installed".to_owned())
    } else {
        run("unshare", &["--net", "--pid", "--fork", "--mount-proc", "true"]).err().map(|error| error.to_string())
    };
    if let Some(reason) = reason {
        println!("network: loopback alone; left out: namespaces, packet loss and black holes, because {reason}");
        return Ok(None);
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--mount-proc"]).arg(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1));
    // Otherwise each thread may have a heap of its own, and fragments would hide a leak.
    command.env("MALLOC_ARENA_MAX", "2");
    // The input ends with this process, however it ends.
    let mut child = command.env(INSIDE, std::process::id().to_string()).stdin(Stdio::piped()).spawn()?;
    // Held until the end: waiting closes an input that the child still has.
    let _input = child.stdin.take();
    let status = child.wait()?;
    Ok(Some(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

/// Ends this process when the process outside of the namespaces has ended, and removes its folder.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = std::fs::remove_dir_all(folder());
        std::process::exit(130);
    });
}
