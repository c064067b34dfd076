//! Spiders on a generated site: `examples/spider`, Tornado's clients and Scrapy.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::effort::Effort;
use crate::job::Sample;
use crate::measure::{CLIENT_CPU, pin};
use crate::rounds::Series;
use crate::server::Process;
use crate::site;
use crate::table::{Table, decimals, grouped, mebibytes};

/// The programs that `benches/run.sh` prepares, by environment variables.
const SPIDER: &str = "WATERSPOUT_BENCHES_SPIDER";
const PYTHON: &str = "WATERSPOUT_BENCHES_PYTHON";

/// A spider that crawls ten pages at a time, and prints the number of pages after the word `pages`.
struct Spider {
    name: &'static str,
    program: PathBuf,
    /// The arguments before and after the URL.
    before: Vec<String>,
    after: &'static [&'static str],
}

impl Spider {
    fn waterspout(program: PathBuf) -> Self {
        Self { name: "waterspout", program, before: Vec::new(), after: &["--workers", "10", "--deadline", "0"] }
    }

    /// Returns the spiders in Python.
    fn in_python(python: &Path) -> Vec<Self> {
        let script = |name: &str| vec![format!("{}/spiders/{name}", env!("CARGO_MANIFEST_DIR"))];
        let spider = |name, script, after| Self { name, program: python.to_owned(), before: script, after };
        vec![
            spider("Tornado, simple client", script("tornado_spider.py"), &["simple"]),
            spider("Tornado, curl client", script("tornado_spider.py"), &["curl"]),
            spider("Scrapy", script("scrapy_spider.py"), &[]),
        ]
    }

    /// Crawls a site of `pages` pages.
    fn crawl(&self, server: &Process, pages: usize) -> Sample {
        let mut command = Command::new(&self.program);
        command.args(&self.before).arg(format!("{}{}", server.url, site::path(pages, 0))).args(self.after);
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the spider starts");
        let mut output = String::new();
        child.stdout.take().expect("the output is piped").read_to_string(&mut output).expect("the output is text");
        let end = child.wait4().expect("the spider ends");
        let wall = started.elapsed();
        let words = output.split_whitespace();
        let found = words.skip_while(|word| *word != "pages").nth(1).and_then(|number| number.parse().ok());
        assert_eq!(found, Some(pages), "{} missed pages:\n{output}", self.name);
        Sample { wall, cpu: end.rusage.utime + end.rusage.stime, resident: end.rusage.maxrss as usize }
    }

    /// Returns the cost of a crawl without the cost of starting the program.
    fn cost(&self, server: &Process, pages: usize) -> Sample {
        let (start, crawl) = (self.crawl(server, 1), self.crawl(server, pages));
        let positive = |time: Duration| time.max(Duration::from_micros(1));
        Sample {
            wall: positive(crawl.wall.saturating_sub(start.wall)),
            cpu: positive(crawl.cpu.saturating_sub(start.cpu)),
            resident: crawl.resident,
        }
    }
}

pub fn measure(effort: &Effort, server: &Process) -> String {
    let mut text =
        "## Spiders\n\nThe pages of the generated site have about 1.6 KB and up to 19 links; ten are fetched at a \
        time. Every spider must find every page. The cost of crawling a site with a single page is subtracted, so that \
        the start of a program does not count.\n"
            .to_owned();
    let Some(program) = std::env::var_os(SPIDER) else {
        return text + "\nNot measured: `make bench` builds the spider and names it.\n";
    };
    // The spiders inherit the processor of this process.
    pin(CLIENT_CPU);
    let waterspout = Spider::waterspout(program.into());
    text += &scale(effort, server, &waterspout);
    match std::env::var_os(PYTHON) {
        Some(python) => text += &comparison(effort, server, waterspout, Path::new(&python)),
        None => text += "\nTornado and Scrapy are not measured: pip could not install them.\n",
    }
    text
}

/// Shows that the cost of a page does not grow with the site.
fn scale(effort: &Effort, server: &Process, spider: &Spider) -> String {
    let mut table = Table::new(&["waterspout's spider", "pages/s", "µs each", "CPU µs each", "peak MiB"]);
    for &pages in effort.pages {
        let sample = spider.cost(server, pages);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / pages as f64;
        table.row(&[
            format!("{} pages", grouped(pages as f64)),
            grouped(pages as f64 / sample.wall.as_secs_f64()),
            format!("{:.1}", each(sample.wall)),
            format!("{:.1}", each(sample.cpu)),
            mebibytes(sample.resident as f64),
        ]);
    }
    format!("\n{}", table.finish())
}

/// Lets all spiders crawl the same site, in interleaved rounds.
fn comparison(effort: &Effort, server: &Process, waterspout: Spider, python: &Path) -> String {
    let pages = effort.compared_pages;
    let mut spiders = vec![waterspout];
    spiders.extend(Spider::in_python(python));
    let mut series: Vec<_> =
        spiders.iter().map(|spider| Series { contender: spider.name, samples: Vec::new() }).collect();
    for _ in 0..effort.spider_rounds {
        for (spider, series) in spiders.iter().zip(&mut series) {
            series.samples.push(spider.cost(server, pages));
        }
    }
    let mut table = Table::new(&[
        "",
        "pages/s: min",
        "median",
        "max",
        "CPU µs each",
        "peak MiB",
        "waterspout is x faster",
        "x cheaper in CPU",
    ]);
    for own in &series {
        let rate = own.spread(|sample| pages as f64 / sample.wall.as_secs_f64());
        let cpu = own.spread(|sample| sample.cpu.as_secs_f64() * 1e6 / pages as f64);
        table.row(&[
            own.contender.to_owned(),
            grouped(rate.min),
            grouped(rate.median),
            grouped(rate.max),
            grouped(cpu.median),
            mebibytes(own.spread(|sample| sample.resident as f64).median),
            decimals(Some(series[0].speed_ratio(own)), 1),
            decimals(Some(own.cpu_ratio(&series[0])), 1),
        ]);
    }
    let mut text = String::new();
    let _ = write!(
        text,
        "\nAll spiders on the same site of {} pages, in {} interleaved rounds:\n\n{}",
        grouped(pages as f64),
        effort.spider_rounds,
        table.finish()
    );
    text
}
