//! Parses the challenges of a `www-authenticate` field (RFC 9110, section 11.3): bytes in, challenges out.
//!
//! ```text
//! challenges = #challenge                                      a list; its elements may be empty
//! challenge  = scheme [ 1*SP ( token68 / #auth-param ) ]
//! auth-param = token BWS "=" BWS ( token / quoted-string )
//! ```
//!
//! The commas of the two lists look the same. A token with a `=` after it belongs to the challenge before it, and any
//! other token is a scheme. Each byte is read at most a few times.

use std::borrow::Cow;

/// A challenge of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge<'a> {
    scheme: &'a [u8],
    params: Vec<AuthParam<'a>>,
    /// Whether a part of the challenge breaks the grammar, so that the rest of it cannot be trusted either.
    is_malformed: bool,
}

/// A parameter of a challenge. Its value is without quotes and escapes.
#[derive(Debug, PartialEq, Eq)]
struct AuthParam<'a> {
    name: &'a [u8],
    value: Cow<'a, [u8]>,
}

impl Challenge<'_> {
    /// Returns whether the challenge has this scheme, in any case of letters.
    pub(super) fn has_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme.as_bytes())
    }

    /// Returns the value of the first parameter with this name, in any case of letters.
    pub(super) fn param(&self, name: &str) -> Option<&[u8]> {
        let found = self.params.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|param| &*param.value)
    }
}

/// Returns the well-formed challenges of a field in their order. A malformed challenge does not affect the challenges
/// around it.
pub(super) fn parse(field: &[u8]) -> Vec<Challenge<'_>> {
    let mut rest = Cursor(field);
    let mut challenges = Vec::new();
    loop {
        rest.skip(|byte| is_blank(byte) || byte == b',');
        if rest.0.is_empty() {
            break;
        }
        let is_valid = element(&mut rest, &mut challenges).is_some();
        rest.skip(is_blank);
        // An element ends at a comma. What comes before the comma is not an element of this grammar.
        if !is_valid || !rest.at_end_of_element() {
            if let Some(challenge) = challenges.last_mut() {
                challenge.is_malformed = true;
            }
            rest.skip_to_comma();
        }
    }
    challenges.retain(|challenge| !challenge.is_malformed);
    challenges
}

/// Parses what stands between two commas: a parameter of the last challenge, or the beginning of another challenge.
/// Returns `None` if it is neither.
fn element<'a>(rest: &mut Cursor<'a>, challenges: &mut Vec<Challenge<'a>>) -> Option<()> {
    let name = rest.token()?;
    let has_blank = rest.skip(is_blank);
    if rest.0.starts_with(b"=") {
        let param = AuthParam { name, value: rest.param_value()? };
        challenges.last_mut()?.params.push(param);
        return Some(());
    }
    challenges.push(Challenge { scheme: name, params: Vec::new(), is_malformed: false });
    if rest.at_end_of_element() {
        return Some(());
    }
    // A scheme that goes on without a space is no scheme.
    if !has_blank {
        return None;
    }
    // Before the parameters: `abc=` is a token68, and `abc=x` is not.
    if rest.skip_token68() {
        return Some(());
    }
    let name = rest.token()?;
    rest.skip(is_blank);
    let param = AuthParam { name, value: rest.param_value()? };
    challenges.last_mut()?.params.push(param);
    Some(())
}

/// The bytes of a field that are still to be parsed.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Takes the first `count` bytes.
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes the bytes up to the first byte that is not `wanted`.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !wanted(*byte));
        self.take(end.unwrap_or(self.0.len()))
    }

    /// Skips the bytes up to the first byte that is not `wanted`. Returns whether there was a byte to skip.
    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        !self.take_while(wanted).is_empty()
    }

    fn at_end_of_element(&self) -> bool {
        matches!(self.0, [] | [b',', ..])
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        Some(self.take_while(is_token)).filter(|token| !token.is_empty())
    }

    /// Skips a token68, if the element is a token68 and nothing else. No scheme that is answered uses its value.
    fn skip_token68(&mut self) -> bool {
        let mut ahead = Cursor(self.0);
        let has_characters = ahead.skip(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        ahead.skip(|byte| byte == b'=');
        ahead.skip(is_blank);
        let is_token68 = has_characters && ahead.at_end_of_element();
        if is_token68 {
            self.0 = ahead.0;
        }
        is_token68
    }

    /// Parses the value of a parameter from its `=` on. Returns `None` if there is no `=` or no value.
    fn param_value(&mut self) -> Option<Cow<'a, [u8]>> {
        self.0 = self.0.strip_prefix(b"=")?;
        self.skip(is_blank);
        if self.0.starts_with(b"\"") {
            return self.quoted_string();
        }
        // More than a token: servers leave out the quotes around base64, and around text beyond ASCII.
        let value = self.take_while(|byte| !is_blank(byte) && byte != b',' && byte != b'"');
        (!value.is_empty()).then_some(Cow::Borrowed(value))
    }

    /// Parses a quoted string. Returns `None` if its end is missing.
    fn quoted_string(&mut self) -> Option<Cow<'a, [u8]>> {
        let quoted = self.take(quoted_length(self.0)?);
        let inner = &quoted[1..quoted.len() - 1];
        if !inner.contains(&b'\\') {
            return Some(Cow::Borrowed(inner));
        }
        let mut bytes = inner.iter();
        let mut value = Vec::with_capacity(inner.len());
        while let Some(byte) = bytes.next() {
            // A backslash stands for the byte after it.
            value.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
        }
        Some(Cow::Owned(value))
    }

    /// Skips to the next comma that is not in a quoted string. A quoted string without an end has no comma after it.
    fn skip_to_comma(&mut self) {
        while !self.at_end_of_element() {
            let length = if self.0.starts_with(b"\"") { quoted_length(self.0).unwrap_or(self.0.len()) } else { 1 };
            self.take(length);
        }
    }
}

/// Returns the length of the quoted string at the beginning of `bytes`, its quotes included.
fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Returns whether a token may have this byte (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the challenges of a field as `scheme(name=value name=value) ...`.
    fn parsed(field: &[u8]) -> String {
        let write = |challenge: &Challenge<'_>| {
            let write = |param: &AuthParam<'_>| format!("{}={}", param.name.escape_ascii(), param.value.escape_ascii());
            let params: Vec<_> = challenge.params.iter().map(write).collect();
            format!("{}({})", challenge.scheme.escape_ascii(), params.join(" "))
        };
        parse(field).iter().map(write).collect::<Vec<_>>().join(" ")
    }

    fn assert_table(table: &[(&[u8], &str)]) {
        for (field, expected) in table {
            assert_eq!(parsed(field), *expected, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn single_challenge_is_parsed() {
        assert_table(&[
            (b"", ""),
            (b"Basic", "Basic()"),
            (b" \tBasic\t ", "Basic()"),
            (b"Digest realm=r", "Digest(realm=r)"),
            (b"Digest \t  \t realm=r", "Digest(realm=r)"),
            (b"Digest\trealm=r", "Digest(realm=r)"),
            (b"Digest realm = r\t,  nonce\t=\t\"n\" ", "Digest(realm=r nonce=n)"),
            (b"Digest realm=\"\",nonce=n", "Digest(realm= nonce=n)"),
            (b"Digest nonce=ab/cd==", "Digest(nonce=ab/cd==)"),
            (b"Digest realm=caf\xE9", r"Digest(realm=caf\xe9)"),
            (b"a!#$%&'*+-.^_`|~9 x=y", r"a!#$%&\'*+-.^_`|~9(x=y)"),
        ]);
    }

    #[test]
    fn quoted_string_may_have_any_byte() {
        assert_table(&[
            (b"D r=\"a, b\"", "D(r=a, b)"),
            (b"D r=\"a, Basic realm=x\", n=1", "D(r=a, Basic realm=x n=1)"),
            (b"D r=\"a\\\"b\\\\\", n=1", r#"D(r=a\"b\\ n=1)"#),
            (b"D r=\"\\,\\a\"", "D(r=,a)"),
            (b"D r=\"\\\\\", n=1", r"D(r=\\ n=1)"),
            (b"D r=\"caf\xE9\"", r"D(r=caf\xe9)"),
            (b"D r=\"caf\xC3\xA9\"", r"D(r=caf\xc3\xa9)"),
            (b"D r=\"\\\xFF\x80\"", r"D(r=\xff\x80)"),
            (b"D r=\"a\tb\"", r"D(r=a\tb)"),
            (b"D r=\"=\", n=\"==\"", "D(r== n===)"),
        ]);
    }

    #[test]
    fn token68_stands_alone_in_its_challenge() {
        assert_table(&[
            (b"Negotiate abc==", "Negotiate()"),
            (b"Negotiate abc==, Digest r=x", "Negotiate() Digest(r=x)"),
            (b"Negotiate a+b/c-d._~= , Digest r=x", "Negotiate() Digest(r=x)"),
            (b"Negotiate \t abc", "Negotiate()"),
            (b"Negotiate abc,Digest r=x", "Negotiate() Digest(r=x)"),
            (b"Negotiate ==, Digest r=x", "Digest(r=x)"),
            (b"Negotiate abc== def, Digest r=x", "Digest(r=x)"),
            // With a single `=` and a value it is a parameter.
            (b"Negotiate abc=def", "Negotiate(abc=def)"),
            (b"Negotiate abc = \"def\"", "Negotiate(abc=def)"),
            (b"Negotiate abc= def", "Negotiate(abc=def)"),
        ]);
    }

    #[test]
    fn list_may_have_several_challenges_and_empty_elements() {
        assert_table(&[
            (b"Basic realm=b, Digest realm=d, nonce=n", "Basic(realm=b) Digest(realm=d nonce=n)"),
            (b"Digest realm=d, nonce=n, Basic realm=b", "Digest(realm=d nonce=n) Basic(realm=b)"),
            (b"Basic, Negotiate, Digest realm=d", "Basic() Negotiate() Digest(realm=d)"),
            (b",, ,Basic realm=b, ,,\t, nonce=n,, Digest r=d,,", "Basic(realm=b nonce=n) Digest(r=d)"),
            (b"Digest ,, realm=r", "Digest(realm=r)"),
            (b"Digest r=1,Digest r=2,Digest r=3", "Digest(r=1) Digest(r=2) Digest(r=3)"),
            (b", , ,", ""),
        ]);
    }

    #[test]
    fn malformed_challenge_is_left_out_alone() {
        assert_table(&[
            (b"Digest realm=r nonce=n, Basic realm=b", "Basic(realm=b)"),
            (b"Digest realm=\"r\" \"s\", Basic", "Basic()"),
            (b"Digest \"a, Basic realm=x\", Basic realm=b", "Basic(realm=b)"),
            (b"Digest realm=, Basic realm=b", "Digest() Basic(realm=b)"),
            (b"Digest r=x, realm=, Basic realm=b", "Basic(realm=b)"),
            (b"Digest=x, Basic", "Basic()"),
            (b"Digest\"x\", Basic", "Basic()"),
            (b"realm=r, Basic", "Basic()"),
            (b"\xE9 realm=r, Basic", "Basic()"),
            (b"Basic realm=b, @, Digest r=d", "Digest(r=d)"),
            (b"Basic realm=b, Digest realm=\"r", "Basic(realm=b)"),
            (b"Basic realm=b, Digest realm=\"r\\", "Basic(realm=b)"),
            (b"Basic realm=b, Digest realm=\"r\\\"", "Basic(realm=b)"),
            (b"Digest realm=\"r, Basic realm=b", ""),
            (b",,,=,", ""),
            (b"\"", ""),
            (b"=", ""),
        ]);
    }

    #[test]
    fn every_beginning_of_a_field_is_parsed_without_a_panic() {
        let field = b" ,Negotiate aB+/==,Digest realm=\"a\\\"b, \\\\\xE9\" , n = \"\\\xFF\",\tx=y z,@;=\"\",Basic \"";
        for start in 0..field.len() {
            for end in start..=field.len() {
                parse(&field[start..end]);
            }
        }
    }

    #[test]
    fn first_of_equal_names_is_the_parameter() {
        let challenges = parse(b"digest Realm=\"a\", REALM=b");
        assert!(challenges[0].has_scheme("Digest") && !challenges[0].has_scheme("Basic"));
        assert_eq!((challenges[0].param("realm"), challenges[0].param("nonce")), (Some(&b"a"[..]), None));
    }
}
