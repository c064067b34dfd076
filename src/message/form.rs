//! Pairs of names and values in the encoding of HTML forms, `application/x-www-form-urlencoded`, in a body or a query.

use std::borrow::Borrow;

use form_urlencoded::Serializer;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::message::request::{Request, RequestBuilder};

impl<C> RequestBuilder<C> {
    /// Sets the body to these pairs as a form, in order, and the `content-type` unless it is already set.
    ///
    /// A space becomes `+`. Other characters are percent-encoded in UTF-8, as in a browser.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::post("http://example.com/").form_pairs([("name", "J\u{fc}rgen"), ("to", "a&b c")]).build()?;
    /// assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    /// # futures::executor::block_on(async {
    /// let body = request.body().try_clone().unwrap().collect(100).await?;
    /// assert_eq!(body, "name=J%C3%BCrgen&to=a%26b+c");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn form_pairs<K, V>(self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let body = encode(pairs);
        self.edit(|request| {
            set_form(request, body);
            Ok(())
        })
    }

    /// Adds these pairs at the end of the URL's query, encoded as in [`form_pairs`](Self::form_pairs).
    ///
    /// The existing query stays as it is. Without pairs the URL stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::get("http://example.com/?a=1#top").query_pairs([("b", "2 & 3")]).build()?;
    /// assert_eq!(request.url().as_str(), "http://example.com/?a=1&b=2+%26+3#top");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn query_pairs<K, V>(self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let added = encode(pairs);
        self.edit(|request| {
            request.url_mut().append_query(&added);
            Ok(())
        })
    }
}

/// Sets the body of a request to an encoded form.
pub(super) fn set_form(request: &mut Request, body: String) {
    *request.body_mut() = body.into();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().entry(CONTENT_TYPE).or_insert(form);
}

fn encode<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(url: &str, pairs: &[(&str, &str)]) -> String {
        Request::get(url).query_pairs(pairs).build().unwrap().url().to_string()
    }

    #[test]
    fn pairs_are_appended_to_the_query_and_nothing_else_changes() {
        let pairs = [("a b", "\u{e9}"), ("c", "#")];
        assert_eq!(query("http://h/", &pairs), "http://h/?a+b=%C3%A9&c=%23");
        assert_eq!(query("http://h/?", &pairs[1..]), "http://h/?c=%23");
        assert_eq!(query("http://u:p@h/p?x=%20y#f", &pairs[1..]), "http://u:p@h/p?x=%20y&c=%23#f");
        assert_eq!(query("http://h/#f?g", &pairs[1..]), "http://h/?c=%23#f?g");
        assert_eq!(query("http://h/#f", &[]), "http://h/#f");
    }

    #[test]
    fn content_type_of_the_caller_stays() {
        let request =
            Request::post("http://h/").header("content-type", "x/y").form_pairs([("a", "b")]).build().unwrap();
        assert_eq!(request.headers()[CONTENT_TYPE], "x/y");
    }
}
