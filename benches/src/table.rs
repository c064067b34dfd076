//! Tables in Markdown.

use std::fmt::Write;

/// Rows of text under a heading of columns. The first column is aligned left, every other column right.
pub struct Table(String);

impl Table {
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns);
        table.0 += "|---|";
        table.0 += &"--:|".repeat(columns.len() - 1);
        table.0.push('\n');
        table
    }

    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for cell in cells {
            let _ = write!(self.0, "| {} ", cell.as_ref());
        }
        self.0 += "|\n";
    }

    pub fn finish(self) -> String {
        self.0
    }
}

/// Formats a number without decimals, with commas between groups of three digits.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number with a number of decimals; `-` if it is unknown.
pub fn decimals(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.decimals$}"))
}

/// Formats bytes as MiB.
pub fn mebibytes(bytes: f64) -> String {
    format!("{:.1}", bytes / f64::from(1 << 20))
}
