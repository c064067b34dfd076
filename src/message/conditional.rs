//! Requests that a server answers in full only if the page has changed.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::IF_MODIFIED_SINCE;

use crate::error::{Error, ErrorKind};
use crate::message::request::RequestBuilder;

/// The end of the year 9999 since 1970: the format of a date in a header has four digits for the year.
const MAX_DATE: Duration = Duration::from_secs(253_402_300_799);

impl<C> RequestBuilder<C> {
    /// Requests the page only if it has changed since `time`. Otherwise a server answers 304 (RFC 9110, section
    /// 13.1.3).
    ///
    /// Fractions of a second are dropped. The header replaces an `if-modified-since` header set before.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `time` is before 1970 or after 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use waterspout::Request;
    ///
    /// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    /// let request = Request::get("http://example.com/").if_modified_since(time).build()?;
    /// assert_eq!(request.headers()["if-modified-since"], "Sun, 06 Nov 1994 08:49:37 GMT");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn if_modified_since(self, time: SystemTime) -> Self {
        self.edit(|request| {
            let refused = || {
                Error::request(
                    ErrorKind::InvalidRequest,
                    "the time of `if_modified_since` is before 1970 or after 9999, which a header cannot express",
                )
            };
            let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| refused())?;
            if since.as_secs() > MAX_DATE.as_secs() {
                return Err(refused());
            }
            // Whole seconds, because the format has no fractions.
            let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()));
            let date = HeaderValue::from_str(&date).map_err(|error| refused().with_source(error))?;
            request.headers_mut().insert(IF_MODIFIED_SINCE, date);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::request::Request;

    fn header(time: SystemTime) -> Result<String, Error> {
        let request = Request::get("http://example.com/").if_modified_since(time).build()?;
        Ok(request.headers()[IF_MODIFIED_SINCE].to_str().unwrap().to_owned())
    }

    #[test]
    fn date_has_the_format_of_rfc_9110() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_999);
        assert_eq!(header(time).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(SystemTime::UNIX_EPOCH).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(header(SystemTime::UNIX_EPOCH + MAX_DATE).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn times_outside_the_range_of_a_header_are_refused() {
        let second = Duration::from_secs(1);
        for time in [SystemTime::UNIX_EPOCH - second, SystemTime::UNIX_EPOCH + MAX_DATE + second] {
            assert_eq!(header(time).unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }
}
