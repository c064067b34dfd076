//! The summary at the top of the report: waterspout beside the other clients in each measurement.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::rounds::Series;
use crate::table::{Table, decimals};

/// A ratio below this is reported as slower. Differences of a few percent are within the noise of a run.
const BEHIND: f64 = 0.97;

/// The measurement that the README names.
const README_MEASUREMENT: &str = "small GET, 64 connections";

/// The lines of the README around the generated sentences.
const MARKS: [&str; 2] = ["<!-- Written by make bench. -->\n", "<!-- End. -->\n"];

/// The speed of waterspout in a measurement, relative to other clients.
pub struct Headline {
    measurement: String,
    raw: Option<f64>,
    hyper: Option<f64>,
    reqwest: Option<f64>,
}

impl Headline {
    /// Returns the headline of a measurement.
    pub fn of(measurement: String, series: &[Series]) -> Self {
        Self::of_contender("waterspout", measurement, series)
    }

    /// Returns the headline of waterspout on another executor.
    pub fn of_contender(name: &str, measurement: String, series: &[Series]) -> Self {
        let find = |name: &str| series.iter().find(|series| series.contender == name);
        let own = find(name).expect("waterspout takes part in each measurement");
        let ratio = |name| find(name).map(|base| own.speed_ratio(base));
        Self { measurement, raw: ratio("raw"), hyper: ratio("hyper-util"), reqwest: ratio("reqwest") }
    }
}

/// Returns a table of the headlines, and the sentences that say where waterspout is behind.
pub fn text(headlines: &[Headline]) -> String {
    let mut table = Table::new(&["waterspout's speed", "x raw", "x hyper-util", "x reqwest"]);
    for Headline { measurement, raw, hyper, reqwest } in headlines {
        table.row(&[measurement.clone(), decimals(*raw, 2), decimals(*hyper, 2), decimals(*reqwest, 2)]);
    }
    let behind = |name: &str, ratio| {
        let lost = lost(headlines, ratio);
        let lost: Vec<_> = lost.iter().map(|(measurement, ratio)| format!("{measurement} ({ratio:.2})")).collect();
        match lost.is_empty() {
            true => format!("{name} is faster in none of these measurements."),
            false => format!("{name} is faster in: {}.", lost.join("; ")),
        }
    };
    format!(
        "## Summary\n\n{}\n{}\n{}\n",
        table.finish(),
        behind("hyper-util", |headline| headline.hyper),
        behind("reqwest", |headline| headline.reqwest)
    )
}

/// Returns the measurements where waterspout is slower, with the ratios.
fn lost(headlines: &[Headline], ratio: fn(&Headline) -> Option<f64>) -> Vec<(&str, f64)> {
    let measured = headlines.iter().filter_map(|headline| Some((&*headline.measurement, ratio(headline)?)));
    measured.filter(|(_, ratio)| *ratio < BEHIND).collect()
}

/// Writes the summary's most important figures to the README.
pub fn update_readme(readme: &Path, headlines: &[Headline]) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(readme)?;
    let (before, rest) = text.split_once(MARKS[0]).ok_or("the README has no mark for the figures")?;
    let (_, after) = rest.split_once(MARKS[1]).ok_or("the README has no mark after the figures")?;
    let sentences = sentences(headlines).ok_or("the measurement of the README is missing")?;
    Ok(fs::write(readme, format!("{before}{}{sentences}\n{}{after}", MARKS[0], MARKS[1]))?)
}

fn sentences(headlines: &[Headline]) -> Option<String> {
    let Headline { raw, hyper, reqwest, .. } =
        headlines.iter().find(|headline| headline.measurement == README_MEASUREMENT)?;
    let compared = headlines.iter().filter(|headline| headline.hyper.is_some()).count();
    Some(format!(
        "With 64 connections, a small GET reaches {} of the throughput of a loop written by hand, {} of hyper-util's and {}\n\
         of reqwest's. hyper-util is faster in {} of {compared} measurements, and reqwest in {}.",
        decimals(*raw, 2),
        decimals(*hyper, 2),
        decimals(*reqwest, 2),
        lost(headlines, |headline| headline.hyper).len(),
        lost(headlines, |headline| headline.reqwest).len(),
    ))
}
