//! URL parsing by the engine, which saves the download of a parser and its tables.

use wasm_bindgen::JsValue;

use super::global::{self, EngineUrl};
use super::js_failure::JsFailure;
use crate::error::Source;
use crate::message::url::Url;

/// A base that makes every relative URL valid.
const ANY_BASE: &str = "http://a";

/// Returns `None`: the engine parses every URL, because another parser would enlarge the module.
pub(crate) const fn parse_normal_url(_input: &str) -> Option<Url> {
    None
}

/// Returns `None`, as [`parse_normal_url`] does.
pub(crate) const fn join_normal_url(_base: &Url, _link: &str) -> Option<Url> {
    None
}

/// Returns the normalized text of `input`, resolved against `base`.
///
/// # Errors
/// The reason why `input` is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Source> {
    parse(input, &base.into()).map_err(|thrown| {
        // Engines say only that the URL is invalid.
        let is_relative = base.is_none() && parse(input, &ANY_BASE.into()).is_ok();
        // Not the error that the standard library makes of a text: its debug output links tables of Unicode.
        JsFailure::from(if is_relative { "relative URL without a base".into() } else { thrown }).into()
    })
}

/// Returns the normalized text of `input`, the URL of a request. As in `fetch`, a relative URL resolves against the
/// base of the page or worker.
///
/// # Errors
/// As [`parse_url`].
pub(crate) fn resolve_url(input: &str) -> Result<String, Source> {
    // The base may be no URL, or a URL such as `about:blank` that cannot be a base. An absolute URL needs no base.
    parse(input, &base_url()).or_else(|_| parse_url(input, None))
}

/// Parses `input` against a base, which is a text or `undefined`.
fn parse(input: &str, base: &JsValue) -> Result<String, JsValue> {
    let href = global::get(EngineUrl::new(input, base)?.as_ref(), "href")?;
    href.as_string().ok_or_else(|| "the engine's URL has no text".into())
}

/// Returns the base URL of the page, or the URL of the worker's script, or `undefined`: Node has neither.
fn base_url() -> JsValue {
    let text = |value: Result<JsValue, JsValue>| value.ok().filter(JsValue::is_string);
    // `document` first: a `<base>` element makes its base differ from the page's location.
    text(global::base_uri()).or_else(|| text(global::location_href())).unwrap_or_default()
}
