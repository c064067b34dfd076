//! The dates of cookies, which servers write in many formats (RFC 6265, section 5.1.1).
//!
//! The algorithm has no formats. It looks through the words of the text for a time, a day, a month and a year, in this
//! order of preference, and ignores all other words, a time zone included.

/// The names of the months. A word that begins with a name is this month.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// The number of days from 1 January of year 1 to 1 January 1970.
const DAYS_BEFORE_1970: u64 = 719_162;

/// The parts of a date that have been found so far.
#[derive(Default)]
struct DateFields {
    /// The seconds since midnight. An hour, minute or second that is out of range leaves no date.
    time: Option<Result<u64, OutOfRange>>,
    day: Option<u64>,
    /// The month, counted from 0.
    month: Option<usize>,
    year: Option<u64>,
}

/// Says that a word has the form of a time, with a number that no time has.
#[derive(Clone, Copy)]
struct OutOfRange;

/// Reads a date. Returns the seconds since the beginning of 1970, 0 for an earlier date, or `None` if the text is not a
/// date.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let mut fields = DateFields::default();
    for word in text.split(is_delimiter).filter(|word| !word.is_empty()) {
        fields.take(word);
    }
    fields.seconds()
}

impl DateFields {
    /// Stores a word in the first field that is still empty and has the form of the word.
    fn take(&mut self, word: &str) {
        let _is_stored = fill(&mut self.time, || time(word))
            || fill(&mut self.day, || number(word, 1, 2).map(|(day, _)| day))
            || fill(&mut self.month, || month(word))
            || fill(&mut self.year, || number(word, 2, 4).map(|(year, _)| year));
    }

    fn seconds(self) -> Option<u64> {
        let time = self.time?.ok()?;
        let (day, month) = (self.day?, self.month?);
        let year = match self.year? {
            year @ 0..=69 => year + 2000,
            year @ 70..=99 => year + 1900,
            year => year,
        };
        // The first whole year of the calendar's cycle of 400 years; an earlier date is a mistake.
        if year < 1601 {
            return None;
        }
        let lengths = month_lengths(year);
        if !(1..=*lengths.get(month)?).contains(&day) {
            return None;
        }
        let years = year - 1;
        let days_before_year = years * 365 + years / 4 - years / 100 + years / 400;
        let days = days_before_year + lengths.iter().take(month).sum::<u64>() + day - 1;
        // A date before 1970 has passed, and that is all its reader needs to know.
        Some(days.checked_sub(DAYS_BEFORE_1970).map_or(0, |days| days * SECONDS_PER_DAY + time))
    }
}

/// Fills an empty field with what `find` returns. Returns whether it has filled the field.
fn fill<T>(field: &mut Option<T>, find: impl FnOnce() -> Option<T>) -> bool {
    if field.is_some() {
        return false;
    }
    *field = find();
    field.is_some()
}

fn is_delimiter(character: char) -> bool {
    matches!(character, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// Reads the number at the start of `word`, and returns it with the rest of the word. The number has `min` to `max`
/// digits, and no digit follows it.
fn number(word: &str, min: usize, max: usize) -> Option<(u64, &str)> {
    let length = word.bytes().take_while(u8::is_ascii_digit).count();
    if !(min..=max).contains(&length) {
        return None;
    }
    let (digits, rest) = word.split_at_checked(length)?;
    Some((digits.parse().ok()?, rest))
}

/// Reads a time such as `08:00:10`, and returns the seconds since midnight. The rest of the word is ignored.
fn time(word: &str) -> Option<Result<u64, OutOfRange>> {
    let (hour, rest) = number(word, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1, 2)?;
    let (second, _) = number(rest.strip_prefix(':')?, 1, 2)?;
    let in_range = hour <= 23 && minute <= 59 && second <= 59;
    Some(if in_range { Ok((hour * 60 + minute) * 60 + second) } else { Err(OutOfRange) })
}

fn month(word: &str) -> Option<usize> {
    let start = word.get(..3)?;
    MONTHS.iter().position(|name| start.eq_ignore_ascii_case(name))
}

fn month_lengths(year: u64) -> [u64; 12] {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}
