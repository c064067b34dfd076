//! A plot of throughput against connections, as SVG.

use std::fmt::Write;

/// The curve of a client.
pub struct Curve {
    pub name: &'static str,
    /// The number of connections and the requests per second.
    pub points: Vec<(usize, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;

/// The borders of the area with the curves: left, right, top and bottom.
const AREA: [f64; 4] = [70.0, 560.0, 50.0, 365.0];

/// The colours of the curves. They differ in lightness too, for readers with colour blindness.
const COLOURS: [&str; 6] = ["#666666", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

/// Draws the curves. The connections are on a scale without distances: each number has the same space.
pub fn svg(curves: &[Curve]) -> String {
    let ticks: Vec<usize> = curves[0].points.iter().map(|(connections, _)| *connections).collect();
    let most = curves.iter().flat_map(|curve| &curve.points).map(|(_, rate)| *rate).fold(0.0, f64::max);
    let step = round_step(most / 5.0);
    let top = (most / step).ceil() * step;
    let [left, right, upper, lower] = AREA;
    let x = |index: usize| left + (right - left) * index as f64 / (ticks.len() - 1).max(1) as f64;
    let y = |rate: f64| lower - (lower - upper) * rate / top;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Throughput of a small GET against connections</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{left}\" y=\"28\" font-size=\"16\" fill=\"#222222\">\
         Small GET over loopback, requests per second (more is better)</text>\n"
    );
    for line in 0..=(top / step).round() as usize {
        let rate = line as f64 * step;
        let y = y(rate);
        let _ = writeln!(svg, "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#dddddd\"/>");
        let label = format!("{:.0}k", rate / 1000.0);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444444\">{label}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    for (index, connections) in ticks.iter().enumerate() {
        let (x, y) = (x(index), lower + 20.0);
        let _ =
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\" fill=\"#444444\">{connections}</text>");
    }
    let middle = f64::midpoint(left, right);
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#444444\">connections</text>",
        lower + 42.0
    );
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<_> = curve.points.iter().enumerate().map(|(index, (_, rate))| (x(index), y(*rate))).collect();
        let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>",
            path.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
        }
        let y = upper + 8.0 + 24.0 * index as f64;
        let _ = writeln!(svg, "<path d=\"M{} {y}h26\" stroke=\"{colour}\" stroke-width=\"2.5\"/>", right + 18.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" fill=\"#222222\">{}</text>", right + 50.0, y + 4.0, curve.name);
    }
    svg + "</svg>\n"
}

/// Returns 1, 2 or 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|round| *round >= step).unwrap_or(step)
}
