//! Checks a file against the fields of HAR 1.2: each required field is there, each field has its type, and no field is
//! unknown. Fields that begin with an underscore are allowed.

use std::collections::BTreeMap;

use serde_json::Value;

/// The type of a field.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    /// A date and a time with a time zone.
    Time,
    /// A whole number, -1 or more.
    Size,
    /// A number, -1 or more: a time that may not apply.
    Optional,
    /// A number, 0 or more.
    Number,
    Object(&'static str),
    List(&'static str),
}

use Type::{List, Number, Object, Optional, Size, Text, Time};

/// The objects of the format with their fields. A `?` marks a field that may be missing.
const OBJECTS: &[(&str, &[(&str, Type)])] = &[
    ("file", &[("log", Object("log"))]),
    (
        "log",
        &[
            ("version", Text),
            ("creator", Object("program")),
            ("browser?", Object("program")),
            ("pages?", List("page")),
            ("entries", List("entry")),
            ("comment?", Text),
        ],
    ),
    ("program", &[("name", Text), ("version", Text), ("comment?", Text)]),
    (
        "entry",
        &[
            ("pageref?", Text),
            ("startedDateTime", Time),
            ("time", Number),
            ("request", Object("request")),
            ("response", Object("response")),
            ("cache", Object("cache")),
            ("timings", Object("timings")),
            ("serverIPAddress?", Text),
            ("connection?", Text),
            ("comment?", Text),
        ],
    ),
    (
        "request",
        &[
            ("method", Text),
            ("url", Text),
            ("httpVersion", Text),
            ("cookies", List("cookie")),
            ("headers", List("pair")),
            ("queryString", List("pair")),
            ("postData?", Object("post")),
            ("headersSize", Size),
            ("bodySize", Size),
            ("comment?", Text),
        ],
    ),
    (
        "response",
        &[
            ("status", Number),
            ("statusText", Text),
            ("httpVersion", Text),
            ("cookies", List("cookie")),
            ("headers", List("pair")),
            ("content", Object("content")),
            ("redirectURL", Text),
            ("headersSize", Size),
            ("bodySize", Size),
            ("comment?", Text),
        ],
    ),
    ("cookie", &[("name", Text), ("value", Text)]),
    ("pair", &[("name", Text), ("value", Text), ("comment?", Text)]),
    ("post", &[("mimeType", Text), ("params", List("pair")), ("text", Text), ("comment?", Text)]),
    (
        "content",
        &[
            ("size", Size),
            ("compression?", Size),
            ("mimeType", Text),
            ("text?", Text),
            ("encoding?", Text),
            ("comment?", Text),
        ],
    ),
    ("cache", &[("comment?", Text)]),
    (
        "timings",
        &[
            ("blocked?", Optional),
            ("dns?", Optional),
            ("connect?", Optional),
            ("send", Number),
            ("wait", Number),
            ("receive", Number),
            ("ssl?", Optional),
            ("comment?", Text),
        ],
    ),
];

/// Returns what is wrong with `value`, which should have this type.
fn fault(value: &Value, wanted: Type, path: &str) -> Option<String> {
    let is_right = match wanted {
        Text => value.is_string(),
        Time => value.as_str().is_some_and(is_time),
        Size => value.as_i64().is_some_and(|size| size >= -1),
        Optional => value.as_f64().is_some_and(|time| time >= 0.0 || time == -1.0),
        Number => value.as_f64().is_some_and(|number| number >= 0.0),
        Object(name) => return fault_of_object(value, name, path),
        List(name) => {
            let Some(items) = value.as_array() else { return Some(format!("{path} is no list")) };
            return items.iter().enumerate().find_map(|(n, item)| fault_of_object(item, name, &format!("{path}[{n}]")));
        }
    };
    (!is_right).then(|| format!("{path} is {value}, which is no {wanted:?}"))
}

fn fault_of_object(value: &Value, name: &str, path: &str) -> Option<String> {
    let Some(fields) = value.as_object() else { return Some(format!("{path} is no object")) };
    let (_, wanted) = OBJECTS.iter().find(|(object, _)| *object == name).unwrap();
    let wanted: BTreeMap<_, _> =
        wanted.iter().map(|(field, of)| (field.trim_end_matches('?'), (*field, *of))).collect();
    let missing = wanted.iter().find(|(field, (marked, _))| !marked.ends_with('?') && !fields.contains_key(**field));
    if let Some((field, _)) = missing {
        return Some(format!("{path}.{field} is missing"));
    }
    fields.iter().filter(|(field, _)| !field.starts_with('_')).find_map(|(field, value)| {
        match wanted.get(field.as_str()) {
            Some((_, of)) => fault(value, *of, &format!("{path}.{field}")),
            None => Some(format!("{path}.{field} is unknown")),
        }
    })
}

/// Whether the text is a date and a time of ISO 8601 in UTC.
fn is_time(text: &str) -> bool {
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { '0' } else { char::from(byte) });
    shape.collect::<String>() == "0000-00-00T00:00:00.000Z"
}

/// Checks the file of the example: its fields, its times, and what each entry is about.
pub(crate) fn check(file: &str) {
    assert!(!file.contains("secret"), "{file}");
    let file: Value = serde_json::from_str(file).unwrap();
    assert_eq!(fault_of_object(&file, "file", "file"), None);
    assert_eq!(file["log"]["version"], "1.2");
    let entries = file["log"]["entries"].as_array().unwrap();
    for entry in entries {
        let timings = entry["timings"].as_object().unwrap();
        // TLS is a part of connecting.
        let parts = timings.iter().filter(|(name, _)| *name != "ssl").filter_map(|(_, time)| time.as_f64());
        let sum: f64 = parts.filter(|time| *time > 0.0).sum();
        assert!((sum - entry["time"].as_f64().unwrap()).abs() < 0.001, "{entry}");
    }
    let path = |entry: &Value| entry["request"]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry["request"]["method"], path(entry), entry["response"]["status"]))
        .collect();
    let wanted =
        ["\"POST\" old 302", "\"GET\" moved 303", "\"GET\" page?from=old 200", "\"GET\" missing 404", "\"GET\"  0"];
    assert_eq!(lines, wanted);
    // The wait for the slot belongs to the first exchange of a request. The first exchange connects, the others do not.
    let applies = |entry: &Value, name: &str| entry["timings"][name].as_f64().unwrap() >= 0.0;
    let blocked: Vec<_> = entries.iter().map(|entry| applies(entry, "blocked")).collect();
    assert_eq!(blocked, [true, false, false, true, false]);
    let connects: Vec<_> = entries.iter().map(|entry| applies(entry, "connect")).collect();
    assert_eq!(connects, [true, false, false, false, false]);
    assert_eq!(entries[0]["request"]["postData"]["text"], "a note");
    assert_eq!(entries[1]["request"].get("postData"), None);
    assert!(entries[0]["response"]["redirectURL"].as_str().unwrap().ends_with("/moved"));
    assert_eq!(entries[2]["response"]["content"]["text"], "<p>hello</p>");
    assert_eq!(entries[2]["request"]["queryString"][0]["value"], "old");
}

#[test]
fn check_of_the_format_finds_faults() {
    let entry = |timings: &str| {
        let text = format!(r#"{{"blocked": 1, "send": 0, "wait": 0.5, "receive": 0{timings}}}"#,);
        fault_of_object(&serde_json::from_str(&text).unwrap(), "timings", "timings")
    };
    assert_eq!(entry(""), None);
    assert_eq!(entry(r#", "_own": 1"#), None);
    assert!(entry(r#", "dns": -2"#).unwrap().contains("dns is -2"));
    assert!(entry(r#", "ssl": "1""#).unwrap().contains("ssl"));
    assert!(entry(r#", "queue": 1"#).unwrap().contains("queue is unknown"));
    let missing = fault_of_object(&serde_json::from_str(r#"{"name": "a"}"#).unwrap(), "pair", "pair");
    assert!(missing.unwrap().contains("value is missing"));
    assert!(is_time("2024-02-29T00:00:00.000Z") && !is_time("2024-02-29 00:00:00"));
}
