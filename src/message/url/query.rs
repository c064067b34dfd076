//! The query of a URL as pairs of names and values.

use std::borrow::{Borrow, Cow};

use form_urlencoded::Serializer;

use super::{Url, slice};

impl Url {
    /// Returns the pairs of the query, decoded as `URLSearchParams` of the URL standard decodes them.
    ///
    /// A `+` is a space, and bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    ///
    /// let url = Url::parse("http://example.com/?q=a+b%26c&page=2")?;
    /// let pairs: Vec<_> = url.query_pairs().collect();
    /// assert_eq!(pairs, [("q".into(), "a b&c".into()), ("page".into(), "2".into())]);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
    }

    /// Returns the same URL with these pairs as its query. Without pairs the URL has no query.
    ///
    /// A space becomes `+`. Other characters are percent-encoded in UTF-8, as in a form. To add pairs to the query of a
    /// request, use [`RequestBuilder::query_pairs`](crate::RequestBuilder::query_pairs).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    ///
    /// let url = Url::parse("http://example.com/search?old#top")?;
    /// let url = url.with_query_pairs([("q", "a & b"), ("page", "2")]);
    /// assert_eq!(url.as_str(), "http://example.com/search?q=a+%26+b&page=2#top");
    /// let none: [(&str, &str); 0] = [];
    /// assert_eq!(url.with_query_pairs(none).as_str(), "http://example.com/search#top");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn with_query_pairs<K, V>(mut self, pairs: impl IntoIterator<Item: Borrow<(K, V)>>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        self.replace_query(&query);
        self
    }

    /// Adds pairs that are encoded as a form to the query.
    pub(crate) fn append_query(&mut self, added: &str) {
        let query = match self.query() {
            _ if added.is_empty() => return,
            // The empty query of `?` needs no separator.
            None | Some("") => format!("?{added}"),
            Some(query) => format!("?{query}&{added}"),
        };
        self.replace_query(&query);
    }

    /// Replaces the query, with its `?`. The characters of an encoded form need no change within a URL.
    fn replace_query(&mut self, query: &str) {
        let before = slice(&self.href, 0..self.parts.query);
        let after = slice(&self.href, self.parts.fragment..self.href.len());
        self.href = [before, query, after].concat().into();
        self.parts.fragment = self.parts.query + query.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URLS: [&str; 6] = [
        "http://h/",
        "http://h/?",
        "http://h/#f?g",
        "http://u:p@h/p?x=%20y#f",
        "https://[::1]:8080/a/b?a=1&b=2",
        "http://h/?#",
    ];

    #[test]
    fn changed_query_leaves_a_url_that_parses_to_itself() {
        for text in URLS {
            let url = Url::parse(text).unwrap();
            let mut longer = url.clone();
            longer.append_query("c=d+e");
            for changed in [url.clone().with_query_pairs([("\u{e9} &=#?+", "*'\"<>%")]), longer] {
                assert_eq!(Url::parse(changed.as_str()).unwrap(), changed);
                assert_eq!((changed.path(), changed.fragment()), (url.path(), url.fragment()), "{text}");
            }
        }
    }

    #[test]
    fn pairs_come_back_as_they_were_set() {
        let pairs = [("a", ""), ("", "b"), ("\u{e9} &=#?+", "*'\"<>%"), ("a", "again")];
        for text in URLS {
            let url = Url::parse(text).unwrap().with_query_pairs(pairs);
            let read: Vec<_> = url.query_pairs().collect();
            assert_eq!(read, pairs.map(|(name, value)| (name.into(), value.into())), "{text}");
        }
    }

    #[test]
    fn query_that_is_no_form_is_read_as_far_as_possible() {
        let table: [(&str, &[(&str, &str)]); 6] = [
            ("", &[]),
            ("&&", &[]),
            ("a", &[("a", "")]),
            ("a=b=c", &[("a", "b=c")]),
            ("%FF=%zz", &[("\u{fffd}", "%zz")]),
            ("a=1&b", &[("a", "1"), ("b", "")]),
        ];
        for (query, expected) in table {
            let url = Url::parse(&format!("http://h/?{query}")).unwrap();
            let read: Vec<_> = url.query_pairs().collect();
            let read: Vec<_> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(read, expected, "{query}");
        }
        assert_eq!(Url::parse("http://h/").unwrap().query_pairs().count(), 0);
    }
}
