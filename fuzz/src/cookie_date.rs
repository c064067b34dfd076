//! The dates of cookies, beside a naive reading of RFC 6265, section 5.1.1.

/// Reads `input` as a date.
///
/// Checks that the result is the result of the RFC's algorithm, step by step.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    assert_eq!(waterspout::fuzzing::cookie_date(&text), naive(&text), "{text:?}");
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Returns the seconds since the beginning of 1970, and 0 for an earlier date.
fn naive(text: &str) -> Option<u64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    // 1. Divide the text into tokens, and take each token as the first part that has its form and is not yet found.
    for token in text.as_bytes().split(|byte| is_delimiter(*byte)) {
        if time.is_none() && hms_time(token).is_some() {
            time = hms_time(token);
        } else if day.is_none() && digits(token, 1, 2).is_some() {
            day = digits(token, 1, 2);
        } else if month.is_none() && month_of(token).is_some() {
            month = month_of(token);
        } else if year.is_none() && digits(token, 2, 4).is_some() {
            year = digits(token, 2, 4);
        }
    }
    // 2. Complete a year of two digits.
    let year = match year? {
        year @ 70..=99 => year + 1_900,
        year @ 0..=69 => year + 2_000,
        year => year,
    };
    let ([hour, minute, second], day, month) = (time?, day?, month?);
    // 3. Refuse numbers that are out of range, and days that their month does not have.
    let is_in_range = (1..=31).contains(&day) && year >= 1_601 && hour <= 23 && minute <= 59 && second <= 59;
    if !is_in_range || day > days_in(month, year) {
        return None;
    }
    // 4. Count the days.
    if year < 1_970 {
        return Some(0);
    }
    let years: u64 = (1_970..year).map(|year| (0..12).map(|month| days_in(month, year)).sum::<u64>()).sum();
    let months: u64 = (0..month).map(|month| days_in(month, year)).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}

/// `delimiter = %x09 / %x20-2F / %x3B-40 / %x5B-60 / %x7B-7E`
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// `min*maxDIGIT [ non-digit *OCTET ]`
fn digits(token: &[u8], min: usize, max: usize) -> Option<u64> {
    let length = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&token[..length]).ok()?;
    if (min..=max).contains(&length) { number.parse().ok() } else { None }
}

/// `hms-time = time-field ":" time-field ":" time-field`, and then `[ non-digit *OCTET ]`
fn hms_time(token: &[u8]) -> Option<[u64; 3]> {
    let parts: Vec<&[u8]> = token.splitn(3, |byte| *byte == b':').collect();
    let [hour, minute, second] = parts[..] else { return None };
    let field = |part: &[u8]| if part.iter().all(u8::is_ascii_digit) { digits(part, 1, 2) } else { None };
    Some([field(hour)?, field(minute)?, digits(second, 1, 2)?])
}

/// `month = ( "jan" / … / "dec" ) *OCTET`, in any case of letters. Counted from 0.
fn month_of(token: &[u8]) -> Option<usize> {
    let name = token.get(..3)?;
    MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))
}

fn days_in(month: usize, year: u64) -> u64 {
    match month {
        1 if year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
