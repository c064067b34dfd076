//! Reads the fields of an X.509 certificate (RFC 5280, section 4.1) that the verifiers need.
//!
//! `webpki` refuses a whole certificate for its version or for a single extension, and it shows neither the dates nor
//! the purposes. This reader checks only the structure in which the fields stand.

use std::time::Duration;

use futures_rustls::pki_types::UnixTime;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

/// The extension with the alternative names of the subject (RFC 5280, section 4.2.1.6).
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// The extension with the purposes of the key (RFC 5280, section 4.2.1.12).
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// The extension that says whether the certificate is that of an authority (RFC 5280, section 4.2.1.9).
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// The extension with the uses of the key (RFC 5280, section 4.2.1.3).
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// The bit `keyCertSign` in the first byte of the key's uses.
const KEY_CERT_SIGN: u8 = 0x04;
/// The purpose of a TLS server, `id-kp-serverAuth`.
pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// The purpose of a TLS client, `id-kp-clientAuth`.
pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// The fields of a certificate of any version, as DER.
pub(super) struct CertificateFields<'a> {
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// The `SubjectPublicKeyInfo`, with its tag and length.
    pub(super) public_key_info: &'a [u8],
    validity: &'a [u8],
    extensions: &'a [u8],
    is_version_1: bool,
}

impl<'a> CertificateFields<'a> {
    /// Reads a certificate. Returns `None` if the bytes do not have the structure of a certificate, or go on behind it.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut whole = DerReader(der);
        let mut certificate = DerReader(whole.element(SEQUENCE)?.content);
        let mut signed = DerReader(certificate.element(SEQUENCE)?.content);
        let _algorithm = certificate.element(SEQUENCE)?;
        let _signature = certificate.element(BIT_STRING)?;

        // Fields without a `?` may be missing.
        let version = signed.element(VERSION);
        let _serial_number = signed.element(INTEGER)?;
        let _algorithm = signed.element(SEQUENCE)?;
        let issuer = signed.element(SEQUENCE)?.content;
        let validity = signed.element(SEQUENCE)?.content;
        let subject = signed.element(SEQUENCE)?.content;
        let public_key_info = signed.element(SEQUENCE)?.whole;
        let _issuer_unique_id = signed.element(ISSUER_UNIQUE_ID);
        let _subject_unique_id = signed.element(SUBJECT_UNIQUE_ID);
        let extensions = match signed.element(EXTENSIONS) {
            Some(extensions) => DerReader(extensions.content).element(SEQUENCE)?.content,
            None => &[],
        };
        let is_complete = whole.0.is_empty() && certificate.0.is_empty() && signed.0.is_empty();
        let is_version_1 = version.is_none();
        is_complete.then_some(Self { issuer, subject, public_key_info, validity, extensions, is_version_1 })
    }

    /// Returns the first and the last moment at which the certificate is valid.
    pub(super) fn validity(&self) -> Option<(UnixTime, UnixTime)> {
        let mut validity = DerReader(self.validity);
        Some((validity.time()?, validity.time()?))
    }

    /// Returns whether the certificate has this purpose: it names the purpose, or no purposes.
    pub(super) fn is_for(&self, wanted: &[u8]) -> bool {
        let Some(extension) = self.extension(EXTENDED_KEY_USAGE) else { return true };
        let Some(purposes) = DerReader(extension).element(SEQUENCE) else { return false };
        let mut purposes = DerReader(purposes.content);
        std::iter::from_fn(|| purposes.element(OBJECT_IDENTIFIER)).any(|purpose| purpose.content == wanted)
    }

    /// Returns whether the certificate is that of an authority: whether its key may sign other certificates.
    ///
    /// The rules are OpenSSL's. A certificate of version 1 has no extension that says so, and is that of an authority
    /// if it is its own issuer.
    pub(super) fn is_authority(&self) -> bool {
        if self.is_version_1 {
            return self.issuer == self.subject;
        }
        let may_sign = self.extension(KEY_USAGE).map(allows_cert_sign);
        match self.extension(BASIC_CONSTRAINTS) {
            Some(constraints) => says_authority(constraints) && may_sign.unwrap_or(true),
            None => may_sign.unwrap_or(false),
        }
    }

    /// Returns the value of the first extension with this identifier.
    pub(super) fn extension(&self, identifier: &[u8]) -> Option<&'a [u8]> {
        let mut extensions = DerReader(self.extensions);
        while let Some(extension) = extensions.element(SEQUENCE) {
            let mut extension = DerReader(extension.content);
            if extension.element(OBJECT_IDENTIFIER)?.content == identifier {
                let _is_critical = extension.element(BOOLEAN);
                return Some(extension.element(OCTET_STRING)?.content);
            }
        }
        None
    }
}

/// Returns whether the extension with the basic constraints has CA:TRUE. The default is false.
fn says_authority(constraints: &[u8]) -> bool {
    let fields = DerReader(constraints).element(SEQUENCE);
    let is_authority = fields.and_then(|fields| DerReader(fields.content).element(BOOLEAN));
    is_authority.is_some_and(|value| value.content != [0])
}

/// Returns whether the extension with the uses of the key allows to sign certificates.
fn allows_cert_sign(uses: &[u8]) -> bool {
    let bits = DerReader(uses).element(BIT_STRING);
    // The first byte is the number of unused bits.
    bits.and_then(|bits| bits.content.get(1).copied()).is_some_and(|uses| uses & KEY_CERT_SIGN != 0)
}

/// Returns whether the bytes have the outer structure of a private key in PKCS #1, PKCS #8 or SEC 1: a sequence that
/// begins with a version.
pub(super) fn is_private_key(der: &[u8]) -> bool {
    let mut whole = DerReader(der);
    let key = whole.element(SEQUENCE);
    whole.0.is_empty() && key.is_some_and(|key| DerReader(key.content).element(INTEGER).is_some())
}

/// Reads elements of DER in their order. A read that fails consumes nothing.
struct DerReader<'a>(&'a [u8]);

struct DerElement<'a> {
    content: &'a [u8],
    /// The content with its tag and length.
    whole: &'a [u8],
}

impl<'a> DerReader<'a> {
    /// Reads the next element, if it has this tag.
    fn element(&mut self, tag: u8) -> Option<DerElement<'a>> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            length @ 0..=0x7f => (usize::from(length), rest),
            // The low bits count the bytes of the length. A handshake message has at most three.
            count @ 0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(count & 0x7f))?;
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        if *found != tag {
            return None;
        }
        let (whole, _) = self.0.split_at_checked(self.0.len() - rest.len())?;
        self.0 = rest;
        Some(DerElement { content, whole })
    }

    /// Reads a time as RFC 5280 writes it: to the second, in UTC.
    fn time(&mut self) -> Option<UnixTime> {
        let (digits, century) = match self.element(UTC_TIME) {
            // Two digits of the year stand for 1950 to 2049 (RFC 5280, section 4.1.2.5.1).
            Some(time) => (time.content, if time.content.first()? < &b'5' { 20 } else { 19 }),
            None => {
                let (century, digits) = self.element(GENERALIZED_TIME)?.content.split_at_checked(2)?;
                (digits, number(century)?)
            }
        };
        let (digits, zone) = digits.split_at_checked(12)?;
        if zone != b"Z" {
            return None;
        }
        let mut fields = digits.chunks(2).map(number);
        let mut field = || fields.next().flatten();
        let year = century * 100 + field()?;
        let days = days_since_1970(year, field()?, field()?)?;
        let seconds = (field()? * 60 + field()?) * 60 + field()?;
        // A moment before 1970 is before every moment at which a certificate is verified.
        let since_1970 = u64::try_from(days * 86_400 + seconds).unwrap_or_default();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(since_1970)))
    }
}

/// Returns the number that decimal digits write.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last day of a year.
    let year = if month > 2 { year } else { year - 1 };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_of_months = (153 * ((month + 9) % 12) + 2) / 5;
    Some(year * 365 + leap_days + days_of_months + day - 1 - 719_468)
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
