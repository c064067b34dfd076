//! Formats the result of a crawl for a reader: totals, failed links, slow pages and a chart of latencies.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::time::Duration;

use console::Style;
use waterspout::Url;

use crate::crawl::{EndReason, Failure, Findings, Page, RedirectCounts};

/// The maximum number of failed links that are shown for each kind of failure.
const MAX_FAILURES: usize = 8;

/// The maximum number of slow pages that are shown.
const MAX_SLOW_PAGES: usize = 5;

/// The bounds between the rows of the chart, in microseconds.
const BOUNDS: [u64; 17] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 20_000_000,
];

/// The width of the label of a chart's row, in columns.
const LABEL_WIDTH: usize = 15;

/// The maximum width of a bar, in columns. A longer bar does not look good.
const MAX_BAR_WIDTH: usize = 60;

/// The width and the colours of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputStyle {
    /// The width in columns.
    pub(crate) width: usize,
    pub(crate) colours: bool,
}

impl OutputStyle {
    fn paint(self, style: Style, text: impl Display) -> String {
        style.force_styling(self.colours).apply_to(text).to_string()
    }

    fn title(self, text: impl Display) -> String {
        format!("\n{}\n", self.paint(Style::new().bold(), text))
    }
}

/// Returns the summary of a crawl that started at `start`.
pub(crate) fn summary(findings: &Findings, start: &Url, output: OutputStyle) -> String {
    let parts = [
        headline(findings, start, output),
        totals(findings),
        failures(&findings.failures, output),
        slowest(&findings.pages, output),
        latencies(&findings.pages, output),
    ];
    parts.concat()
}

fn headline(findings: &Findings, start: &Url, output: OutputStyle) -> String {
    let end = match findings.ended {
        EndReason::Complete => "is complete",
        EndReason::PageLimit => "stopped at --max-pages and there are more links",
        EndReason::Deadline => "stopped at --deadline",
        EndReason::Interrupted => "was interrupted",
    };
    let rest = match findings.unvisited {
        0 => String::new(),
        unvisited => format!(", {unvisited} known {} left unvisited", plural(unvisited, "link")),
    };
    output.title(format!("The crawl of {start} {end}{rest}."))
}

fn totals(findings: &Findings) -> String {
    let Findings { pages, failures, redirects, elapsed, .. } = findings;
    let rate = pages.len() as f64 / elapsed.as_secs_f64().max(0.001);
    let bytes: usize = pages.iter().map(|page| page.bytes).sum();
    let largest = pages.iter().map(|page| page.bytes).max().unwrap_or_default();
    let redirected = redirects.to_new_pages + redirects.to_seen_pages + redirects.out_of_prefix;
    let lines = [
        ("pages", pages.len().to_string(), format!("in {}, {rate:.0} pages/s", format_duration(*elapsed))),
        ("size", format_size(bytes), format!("largest page {}", format_size(largest))),
        ("redirects", redirected.to_string(), if redirected > 0 { destinations(redirects) } else { String::new() }),
        ("failed", failures.len().to_string(), String::new()),
    ];
    lines
        .map(|(name, value, remark)| format!("  {name:<10}{value:>9}   {remark}").trim_end().to_owned() + "\n")
        .concat()
}

fn destinations(redirects: &RedirectCounts) -> String {
    let RedirectCounts { to_new_pages, to_seen_pages, out_of_prefix } = redirects;
    format!("to new pages {to_new_pages}, to known pages {to_seen_pages}, out of the site {out_of_prefix}")
}

/// Lists the failed links by kind, the most frequent kind first.
fn failures(failures: &[Failure], output: OutputStyle) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let mut kinds = BTreeMap::<&str, Vec<&Failure>>::new();
    for failure in failures {
        kinds.entry(failure.error.kind().code()).or_default().push(failure);
    }
    kinds.values_mut().for_each(|failures| failures.sort_by(|left, right| left.url.cmp(&right.url)));
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.len()));
    let kinds = kinds.iter().map(|(code, failures)| failures_of_kind(code, failures, output));
    output.title("Failed") + &kinds.collect::<String>()
}

fn failures_of_kind(code: &str, failures: &[&Failure], output: OutputStyle) -> String {
    let name = output.paint(Style::new().red(), code.to_lowercase().replace('_', " "));
    let mut text = format!("  {name} ({})\n", failures.len());
    for failure in failures.iter().take(MAX_FAILURES) {
        // The error hides the values of the query, and the spider's user needs them to find the link.
        let error = failure.error.clone().without_url();
        let _ = writeln!(text, "    {}, for {}", error.report(), failure.url);
        text += &linked_from(failure, output);
    }
    match failures.len().saturating_sub(MAX_FAILURES) {
        0 => text,
        more => text + &format!("    and {more} more\n"),
    }
}

/// Names the page with the failed link, where the link can be repaired.
fn linked_from(failure: &Failure, output: OutputStyle) -> String {
    let Some(page) = &failure.linked_from else { return String::new() };
    format!("      {}\n", output.paint(Style::new().dim(), format!("linked from {page}")))
}

fn slowest(pages: &[Page], output: OutputStyle) -> String {
    let mut pages: Vec<_> = pages.iter().collect();
    pages.sort_by_key(|page| std::cmp::Reverse(page.latency));
    pages.truncate(MAX_SLOW_PAGES);
    if pages.is_empty() {
        return String::new();
    }
    let lines = pages.iter().map(|page| format!("  {:>10}  {}\n", format_duration(page.latency), page.url));
    output.title("Slowest pages") + &lines.collect::<String>()
}

fn latencies(pages: &[Page], output: OutputStyle) -> String {
    let mut latencies: Vec<_> = pages.iter().map(|page| page.latency).collect();
    latencies.sort_unstable();
    let [Some(p50), Some(p90), Some(p99)] = [50, 90, 99].map(|percent| percentile(&latencies, percent)) else {
        return String::new();
    };
    let title = format!(
        "Latency to the last byte: 50 % within {}, 90 % {}, 99 % {}",
        format_duration(p50),
        format_duration(p90),
        format_duration(p99)
    );
    output.title(title) + &chart(&latencies, output)
}

/// Draws a row for each range of latencies, from the first range with a page to the last.
fn chart(latencies: &[Duration], output: OutputStyle) -> String {
    let mut counts = [0_usize; BOUNDS.len() + 1];
    for latency in latencies {
        counts[BOUNDS.partition_point(|bound| *latency >= Duration::from_micros(*bound))] += 1;
    }
    let max = counts.iter().copied().max().unwrap_or_default();
    let [Some(first), Some(last)] =
        [counts.iter().position(|count| *count > 0), counts.iter().rposition(|count| *count > 0)]
    else {
        return String::new();
    };
    let count_width = max.to_string().len();
    // The 4 columns are two spaces before the label and two after the bar.
    let bar_width = output.width.saturating_sub(LABEL_WIDTH + count_width + 4).clamp(1, MAX_BAR_WIDTH);
    let row = |row: usize| {
        let bar = bar(counts[row], max, bar_width);
        let padding = " ".repeat(bar_width - bar.chars().count());
        let bar = if bar.is_empty() { bar } else { output.paint(Style::new().cyan(), bar) };
        format!("  {:<LABEL_WIDTH$}{bar}{padding}  {:>count_width$}\n", label(row), counts[row])
    };
    (first..=last).map(row).collect()
}

/// Draws a bar with a resolution of an eighth of a column. A count above 0 is always visible.
fn bar(count: usize, max: usize, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * width * 8).div_ceil(max.max(1));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// Returns the range of a row, in the unit of its upper bound.
fn label(row: usize) -> String {
    let from = row.checked_sub(1).map_or(0, |row| BOUNDS[row]);
    let Some(to) = BOUNDS.get(row) else { return format!("{} s or more", from / 1_000_000) };
    let (unit, size) = match to {
        ..1_000 => ("µs", 1.0),
        1_000..1_000_000 => ("ms", 1e3),
        1_000_000.. => ("s", 1e6),
    };
    match from {
        0 => format!("under {} {unit}", *to as f64 / size),
        from => format!("{} to {} {unit}", from as f64 / size, *to as f64 / size),
    }
}

/// Returns the value that `percent` percent of the values do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// Formats a duration with about three digits.
pub(crate) fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        ..0.009_995 => format!("{:.2} ms", seconds * 1e3),
        ..0.099_95 => format!("{:.1} ms", seconds * 1e3),
        ..0.999_5 => format!("{:.0} ms", seconds * 1e3),
        ..59.95 => format!("{seconds:.1} s"),
        _ => format!("{} min {:02} s", seconds.round() as u64 / 60, seconds.round() as u64 % 60),
    }
}

fn format_size(bytes: usize) -> String {
    match bytes as f64 {
        bytes @ ..1e3 => format!("{bytes} B"),
        bytes @ ..999_500.0 => format!("{:.0} kB", bytes / 1e3),
        bytes @ ..999.5e6 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use waterspout::{Error, ErrorKind, Phase};

    use super::*;

    const OUTPUT: OutputStyle = OutputStyle { width: 60, colours: false };

    fn url(path: &str) -> Url {
        Url::parse(&format!("http://site.example{path}")).unwrap()
    }

    fn page(milliseconds: u64) -> Page {
        Page { url: url("/page"), bytes: 1500, latency: Duration::from_millis(milliseconds) }
    }

    fn failure(kind: ErrorKind, path: &str) -> Failure {
        let error = Error::new(kind, Phase::Head, "it broke").with_url(&url(path));
        Failure { url: url(path), linked_from: Some(url("/")), error }
    }

    fn findings(pages: Vec<Page>, failures: Vec<Failure>) -> Findings {
        Findings {
            pages,
            failures,
            redirects: RedirectCounts::default(),
            ended: EndReason::Complete,
            unvisited: 0,
            elapsed: Duration::from_secs(2),
        }
    }

    #[test]
    fn an_empty_crawl_has_a_summary() {
        let text = summary(&findings(Vec::new(), Vec::new()), &url("/"), OUTPUT);
        assert!(text.contains("http://site.example/ is complete."), "{text}");
        assert!(text.contains("0   in 2.0 s, 0 pages/s"), "{text}");
        assert!(!text.contains("Latency") && !text.contains("Slowest") && !text.contains("Failed"), "{text}");
    }

    #[test]
    fn totals_add_up() {
        let text = summary(&findings(vec![page(1), page(2), page(3)], Vec::new()), &url("/"), OUTPUT);
        assert!(text.contains("  pages             3   in 2.0 s, 2 pages/s\n"), "{text}");
        assert!(text.contains("  size           4 kB   largest page 2 kB\n"), "{text}");
    }

    #[test]
    fn an_interrupted_crawl_counts_its_unvisited_links() {
        let interrupted = Findings { ended: EndReason::Interrupted, unvisited: 1, ..findings(Vec::new(), Vec::new()) };
        let text = summary(&interrupted, &url("/"), OUTPUT);
        assert!(text.contains("was interrupted, 1 known link left unvisited."), "{text}");
    }

    #[test]
    fn failures_are_grouped_by_kind_and_limited() {
        let timeouts = (0..MAX_FAILURES + 3).map(|n| failure(ErrorKind::Timeout, &format!("/slow/{n}")));
        let all = [failure(ErrorKind::Dns, "/name")].into_iter().chain(timeouts).collect();
        let text = summary(&findings(Vec::new(), all), &url("/"), OUTPUT);
        let (timeouts, others) = text.split_once("  timeout (11)\n").unwrap().1.split_once("  dns (1)\n").unwrap();
        assert_eq!(timeouts.matches("it broke").count(), MAX_FAILURES, "{text}");
        assert!(timeouts.ends_with("    and 3 more\n"), "{text}");
        assert!(others.contains("for http://site.example/name\n      linked from http://site.example/\n"), "{text}");
        assert!(!others.contains("more"), "{text}");
    }

    #[test]
    fn failure_shows_its_cause_and_the_whole_url() {
        let mut failure = failure(ErrorKind::Io, "/list?page=7#top");
        failure.error = failure.error.with_source(std::io::Error::other("cable cut"));
        let text = summary(&findings(Vec::new(), vec![failure]), &url("/"), OUTPUT);
        let line = text.lines().find(|line| line.contains("it broke")).unwrap();
        let expected =
            "    it broke while waiting for the response's head: cable cut, for http://site.example/list?page=7#top";
        assert_eq!(line, expected);
    }

    #[test]
    fn the_slowest_page_is_first() {
        let text = slowest(&(0..9).map(page).collect::<Vec<_>>(), OUTPUT);
        let times: Vec<_> = text.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(times, ["8.00", "7.00", "6.00", "5.00", "4.00"], "{text}");
    }

    #[test]
    fn the_chart_begins_and_ends_with_a_range_that_has_pages() {
        let latencies = [1, 1, 1, 1, 7, 9, 30].map(Duration::from_millis);
        let rows: Vec<_> = chart(&latencies, OUTPUT).lines().map(str::to_owned).collect();
        let full = "█".repeat(40);
        assert_eq!(rows[0], format!("  1 to 2 ms      {full}  4"));
        assert_eq!(rows[1], format!("  2 to 5 ms      {}  0", " ".repeat(40)));
        assert_eq!(rows[2], format!("  5 to 10 ms     {:<40}  2", &"█".repeat(20)));
        assert_eq!(rows.len(), 5, "{rows:#?}");
    }

    #[test]
    fn the_chart_fits_the_terminal() {
        let latencies: Vec<_> = (0..500).map(|n| Duration::from_millis(n * n)).collect();
        for width in [0, 10, 30, 80, 300] {
            let chart = chart(&latencies, OutputStyle { width, ..OUTPUT });
            let longest = chart.lines().map(console::measure_text_width).max().unwrap();
            assert!(longest <= width.max(25), "{width} {longest}\n{chart}");
        }
    }

    #[test]
    fn a_single_page_among_many_is_visible() {
        assert_eq!(bar(1, 100_000, 10), "▏");
        assert_eq!(bar(0, 100_000, 10), "");
        assert_eq!(bar(7, 7, 3), "███");
        assert_eq!(bar(0, 0, 3), "");
    }

    #[test]
    fn labels_have_the_unit_of_their_upper_bound() {
        let labels: Vec<_> = (0..=BOUNDS.len()).map(label).collect();
        assert_eq!(labels[..4], ["under 100 µs", "100 to 200 µs", "200 to 500 µs", "0.5 to 1 ms"]);
        assert_eq!(labels[11..14], ["200 to 500 ms", "0.5 to 1 s", "1 to 2 s"]);
        assert_eq!(labels[17], "20 s or more");
        assert!(labels.iter().all(|label| label.chars().count() < LABEL_WIDTH));
    }

    #[test]
    fn durations_and_sizes_are_formatted() {
        let format = |seconds| format_duration(Duration::from_secs_f64(seconds));
        for (seconds, expected) in [
            (0.000_3, "300 µs"),
            (0.001_5, "1.50 ms"),
            (0.042, "42.0 ms"),
            (0.5, "500 ms"),
            (3.25, "3.2 s"),
            (125.0, "2 min 05 s"),
        ] {
            assert_eq!(format(seconds), expected);
        }
        assert_eq!([0, 999, 1_500_000, 2_000_000_000].map(format_size), ["0 B", "999 B", "1.5 MB", "2.0 GB"]);
        let hundredths: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&hundredths, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let coloured = OutputStyle { colours: true, ..OUTPUT };
        let findings = findings(vec![page(3)], vec![failure(ErrorKind::Io, "/x")]);
        let (plain, painted) = (summary(&findings, &url("/"), OUTPUT), summary(&findings, &url("/"), coloured));
        assert_ne!(plain, painted);
        assert_eq!(plain, console::strip_ansi_codes(&painted));
    }
}
