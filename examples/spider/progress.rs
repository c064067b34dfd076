//! Shows the progress of a crawl on standard error: as a bar in a terminal, and elsewhere as a line,
//! at most every 5 seconds.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::crawl::Tally;

const BAR: &str = "{spinner:.cyan} {elapsed:>4} {wide_bar:.cyan/dim} {pos}/{len} links, {msg}";

/// The interval at which the bar's spinner and clock move while no page arrives.
const TICK: Duration = Duration::from_millis(100);

/// The minimum time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows the progress of a crawl.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
    last_line: Cell<Instant>,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        // Without a terminal the bar is hidden, and the ticks would only use a thread.
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        let now = Instant::now();
        Self { bar, started: now, last_line: Cell::new(now) }
    }

    pub(crate) fn show(&self, tally: Tally) {
        let rate = tally.done as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let Tally { done, known, queued, failed } = tally;
        self.bar.set_length(known as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(format!("{queued} queued, {failed} failed, {rate:.0}/s"));
        if self.bar.is_hidden() && self.last_line.get().elapsed() >= LINE_INTERVAL {
            eprintln!("{done} of {known} known links done, {queued} queued, {failed} failed, {rate:.0}/s");
            self.last_line.set(Instant::now());
        }
    }

    /// Removes the bar from the terminal.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
