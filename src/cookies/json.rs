//! A jar as JSON: a list with an object for each cookie.

use serde_json::{Value, json};

use super::matching::is_public_suffix;
use super::octets;
use super::set_cookie::trim;
use super::storage::{StoredCookie, check_pair, check_prefix};
use crate::error::{Error, ErrorKind, Phase, Result};

/// Writes cookies as JSON.
pub(super) fn write<'a>(cookies: impl Iterator<Item = &'a StoredCookie>) -> String {
    let list = cookies.map(|cookie| {
        json!({
            "name": cookie.name,
            "value": cookie.value,
            "domain": cookie.domain,
            "hostOnly": cookie.host_only,
            "path": cookie.path,
            "secure": cookie.secure,
            "expires": cookie.expires,
        })
    });
    Value::Array(list.collect()).to_string()
}

/// Reads the cookies that [`write`] has written. Cookies for all subdomains of a public suffix are left out.
pub(super) fn read(text: &str) -> Result<Vec<StoredCookie>> {
    let failed =
        || Error::new(ErrorKind::Decode, Phase::Request, "the text is not a cookie jar that `to_json` has written");
    let list: Value = serde_json::from_str(text).map_err(|error| failed().with_source(error))?;
    let cookies: Option<Vec<StoredCookie>> = list.as_array().and_then(|list| list.iter().map(cookie).collect());
    let mut cookies = cookies.ok_or_else(failed)?;
    // The text may be older than the list of public suffixes, and than the rules of this version.
    cookies.retain(|cookie| cookie.host_only || !is_public_suffix(&cookie.domain));
    Ok(cookies)
}

// Foreign text: each field is checked as if it came in a `set-cookie` header, so that no value can break a header.
fn cookie(object: &Value) -> Option<StoredCookie> {
    // Only a text that `octets` makes is unique: other texts stand for the same bytes.
    let normal = |text: &str| octets::decode(&octets::encode(text));
    let text = |name: &str| object.get(name)?.as_str().filter(|text| is_plain(text)).map(normal);
    let flag = |name: &str| object.get(name)?.as_bool();
    let expires = match object.get("expires")? {
        Value::Null => None,
        number => Some(number.as_u64()?),
    };
    let name = text("name").filter(|name| !name.contains('=') && trim(name) == name)?;
    let value = text("value").filter(|value| trim(value) == value)?;
    check_pair(&name, &value).ok()?;
    let cookie = StoredCookie {
        name,
        value,
        domain: text("domain").filter(|domain| !domain.is_empty())?,
        host_only: flag("hostOnly")?,
        path: text("path").filter(|path| path.starts_with('/'))?,
        secure: flag("secure")?,
        expires,
    };
    check_prefix(&cookie.name, cookie.secure, cookie.host_only && cookie.path == "/").ok()?;
    Some(cookie)
}

/// Returns whether a text can be part of a `set-cookie` header.
fn is_plain(text: &str) -> bool {
    !text.contains(|character: char| character == ';' || (character.is_ascii_control() && character != '\t'))
}

#[cfg(test)]
mod tests {
    use super::super::CookieJar;
    use super::*;
    use crate::message::url::Url;

    #[test]
    fn jar_is_restored_from_json() {
        let jar = CookieJar::new();
        let url = Url::parse("https://a.example.com/x/y").unwrap();
        jar.add(&url, "session=\"1\"; HttpOnly").unwrap();
        jar.add(&url, "lasting=\u{e9}; domain=example.com; path=/; secure; max-age=1000").unwrap();
        let text = jar.to_json();
        let copy = CookieJar::from_json(&text).unwrap();
        assert_eq!((copy.to_json(), copy.len()), (text, 2));
        assert_eq!(copy.get(&Url::parse("https://b.example.com/").unwrap(), "lasting").as_deref(), Some("\u{e9}"));
        assert_eq!(copy.get(&Url::parse("https://b.example.com/x/").unwrap(), "session"), None);
        assert_eq!(copy.get(&Url::parse("https://a.example.com/x/").unwrap(), "session").as_deref(), Some("\"1\""));
    }

    /// A header is trimmed of spaces and tabs alone. No cookie of a server may make the jar of all others unreadable.
    #[test]
    fn cookie_with_white_space_of_unicode_is_restored() {
        let url = Url::parse("https://example.com/").unwrap();
        let spaces: Vec<char> = ('\u{80}'..='\u{ffff}').filter(|character| character.is_whitespace()).collect();
        assert!(spaces.len() > 15, "{spaces:?}");
        for space in spaces {
            for header in ["Xa=b", "aX=b", "a=Xb", "a=bX", "X", "a=X", "X=a", " X a = b X ; path=/X"] {
                let header = header.replace('X', &space.to_string());
                let jar = CookieJar::new();
                jar.add(&url, "other=kept").unwrap();
                jar.add(&url, &header).unwrap();
                let copy = CookieJar::from_json(&jar.to_json()).unwrap_or_else(|_| panic!("{header:?}"));
                assert_eq!((copy.to_json(), copy.len()), (jar.to_json(), 2), "{header:?}");
            }
        }
    }

    /// The list of public suffixes grows, and an earlier version let a trailing dot pass.
    #[test]
    fn restored_cookies_of_public_suffixes_are_dropped() {
        for (domain, host_only, host, kept) in [
            ("com", false, "victim.com", false),
            ("com.", false, "victim.com.", false),
            ("co.uk.", false, "bar.co.uk.", false),
            (".com", false, "victim..com", false),
            ("com..", false, "victim.com..", false),
            ("com.", true, "com.", true),
            ("localhost", true, "localhost", true),
            ("example.com.", false, "a.example.com.", true),
        ] {
            let text = format!(
                r#"[{{"name":"a","value":"b","domain":"{domain}","hostOnly":{host_only},"path":"/","secure":false,"expires":null}}]"#
            );
            let jar = CookieJar::from_json(&text).unwrap();
            let url = Url::parse(&format!("http://{host}/")).unwrap();
            assert_eq!((jar.get(&url, "a").is_some(), jar.len()), (kept, usize::from(kept)), "{domain}");
        }
    }

    #[test]
    fn json_of_another_shape_is_refused() {
        let good = r#"{"name":"a","value":"b","domain":"h","hostOnly":true,"path":"/","secure":false,"expires":null}"#;
        let nameless = good.replace("\"a\"", "\"\"");
        assert_eq!(CookieJar::from_json(&format!("[{good}, {nameless}]")).unwrap().len(), 2);
        let secure = good.replace("\"a\"", "\"__Host-a\"").replace("false", "true");
        assert_eq!(CookieJar::from_json(&format!("[{secure}]")).unwrap().len(), 1);
        assert!(CookieJar::from_json("[]").unwrap().is_empty());
        let bad = [
            good.replace("\"a\"", "\"\"").replace("\"b\"", "\"\""),
            good.replace("\"a\"", "\"\"").replace("\"b\"", "\"__Host-b=c\""),
            good.replace("\"a\"", "\"a=b\""),
            good.replace("\"a\"", "\" a\""),
            good.replace("\"b\"", "\"b \""),
            good.replace("\"a\"", "\"\"").replace("\"b\"", "\" __Host-b=c\""),
            good.replace("\"a\"", "\"__Host-a\""),
            good.replace("\"a\"", "\"__secure-a\""),
            secure.replace("true,\"path\"", "false,\"path\""),
            secure.replace("\"/\"", "\"/x\""),
            good.replace("\"b\"", "\"b\\r\\nx: y\""),
            good.replace("\"b\"", "\"b; c\""),
            good.replace("\"/\"", "\"x\""),
            good.replace("null", "\"soon\""),
            good.replace("true", "1"),
            "{}".to_owned(),
        ];
        for bad in bad.map(|object| format!("[{object}]")).into_iter().chain(["".to_owned(), "{}".to_owned()]) {
            assert_eq!(CookieJar::from_json(&bad).unwrap_err().kind(), ErrorKind::Decode, "{bad}");
        }
    }
}
