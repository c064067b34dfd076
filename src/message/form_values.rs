//! Forms and queries of values that serialize, such as structs.

use serde::Serialize;

use super::form::set_form;
use crate::error::{Error, ErrorKind, Result};
use crate::message::request::RequestBuilder;
use crate::message::url::Url;

impl<C> RequestBuilder<C> {
    /// Sets the body to `value` as a form, and the `content-type` unless it is already set.
    ///
    /// `value` is a struct, a map, or a sequence of pairs: `[("page", 2)]`. Texts, numbers, booleans and enum variants
    /// without fields are values. An `Option` that is `None` is left out, and a sequence repeats its name.
    ///
    /// # Errors
    /// On building or sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a value that is not a list of pairs, or
    /// has a value that is not a text, such as a struct in a struct.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::Serialize;
    /// use waterspout::Request;
    ///
    /// #[derive(Serialize)]
    /// struct Order {
    ///     name: String,
    ///     count: u32,
    ///     note: Option<String>,
    /// }
    ///
    /// let order = Order { name: "tea & biscuits".to_owned(), count: 2, note: None };
    /// let request = Request::post("http://example.com/").form(&order).build()?;
    /// # futures::executor::block_on(async {
    /// let body = request.body().try_clone().unwrap().collect(100).await?;
    /// assert_eq!(body, "name=tea+%26+biscuits&count=2");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn form(self, value: impl Serialize) -> Self {
        self.edit(|request| {
            let body = serialize(value, "form", request.url())?;
            set_form(request, body);
            Ok(())
        })
    }

    /// Adds `value` at the end of the URL's query, encoded as in [`form`](Self::form).
    ///
    /// The existing query stays as it is. A value without pairs leaves the URL as it is.
    ///
    /// # Errors
    /// The errors of [`form`](Self::form).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::get("http://example.com/?a=1").query([("page", 2), ("size", 50)]).build()?;
    /// assert_eq!(request.url().as_str(), "http://example.com/?a=1&page=2&size=50");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn query(self, value: impl Serialize) -> Self {
        self.edit(|request| {
            let added = serialize(value, "query", request.url())?;
            request.url_mut().append_query(&added);
            Ok(())
        })
    }
}

/// Encodes a value that serializes to pairs. `place` names where the pairs go.
fn serialize(value: impl Serialize, place: &str, url: &Url) -> Result<String> {
    serde_html_form::to_string(value).map_err(|error| {
        let message = format!("the {place} cannot be written as pairs of names and values");
        Error::request(ErrorKind::InvalidRequest, message).with_source(error).with_url(url)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;
    use crate::message::request::Request;

    #[derive(Serialize)]
    struct Search<'a> {
        text: &'a str,
        page: u32,
        price: f64,
        exact: bool,
        sort: Sort,
        tags: Vec<&'a str>,
        after: Option<i64>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Sort {
        MostRecent,
    }

    #[derive(Serialize)]
    struct Nested {
        inner: BTreeMap<&'static str, u8>,
    }

    fn added(value: impl Serialize) -> Result<String> {
        let request = Request::get("http://h/").query(value).build()?;
        Ok(request.url().query().unwrap_or("-").to_owned())
    }

    #[test]
    fn structs_maps_and_sequences_of_pairs_become_pairs() {
        let mut search = Search {
            text: "a b&\u{e9}",
            page: 2,
            price: 0.5,
            exact: true,
            sort: Sort::MostRecent,
            tags: vec!["x", "y"],
            after: None,
        };
        let whole = "text=a+b%26%C3%A9&page=2&price=0.5&exact=true&sort=most-recent&tags=x&tags=y";
        assert_eq!(added(&search).unwrap(), whole);
        search.after = Some(-1);
        search.tags.clear();
        let whole = "text=a+b%26%C3%A9&page=2&price=0.5&exact=true&sort=most-recent&after=-1";
        assert_eq!(added(search).unwrap(), whole);
        assert_eq!(added([("a", 1), ("b", 2)]).unwrap(), "a=1&b=2");
        assert_eq!(added(vec![("a", Some("x")), ("b", None)]).unwrap(), "a=x");
        assert_eq!(added(&[("a", "1")][..]).unwrap(), "a=1");
        assert_eq!(added((("a", 'c'), ("b", u128::MAX))).unwrap(), format!("a=c&b={}", u128::MAX));
        assert_eq!(added(BTreeMap::from([("k", "v")])).unwrap(), "k=v");
        for empty in [added(()), added(Vec::<(&str, &str)>::new()), added(BTreeMap::<&str, &str>::new())] {
            assert_eq!(empty.unwrap(), "-");
        }
    }

    #[test]
    fn value_that_is_no_list_of_pairs_is_an_invalid_request() {
        let nested = Nested { inner: BTreeMap::from([("a", 1)]) };
        let errors = [added(1), added("text"), added([1, 2]), added([("a", "b", "c")]), added(nested)];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
            assert!(error.to_string().contains("the query cannot be written as pairs"), "{error}");
        }
        let error = Request::post("http://h/").form(1).build().unwrap_err();
        assert!(error.to_string().contains("the form cannot be written as pairs"), "{error}");
    }
}
