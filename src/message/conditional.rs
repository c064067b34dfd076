//! Requests that are answered only if something has changed.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::IF_MODIFIED_SINCE;

use crate::error::{Error, ErrorKind};
use crate::message::request::RequestBuilder;

/// The end of the year 9999, the last that a date in a header can say.
const LAST: Duration = Duration::from_secs(253_402_300_799);

impl<C> RequestBuilder<C> {
    /// Asks for the page only if it has changed since `time`: a server answers 304 if not (RFC 9110, section 13.1.3).
    ///
    /// Parts of a second are left out. It replaces an `if-modified-since` header set before.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `time` is before 1970 or after 9999.
    pub fn if_modified_since(self, time: SystemTime) -> Self {
        self.edit(|request| {
            let refused = || Error::request(ErrorKind::InvalidRequest, "a date in a header is one from 1970 to 9999");
            let since = time.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| refused())?;
            if since.as_secs() > LAST.as_secs() {
                return Err(refused());
            }
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
    fn the_date_is_written_as_rfc_9110_has_it() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_999);
        assert_eq!(header(time).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(SystemTime::UNIX_EPOCH).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(header(SystemTime::UNIX_EPOCH + LAST).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn times_that_no_header_can_say_are_refused() {
        let second = Duration::from_secs(1);
        for time in [SystemTime::UNIX_EPOCH - second, SystemTime::UNIX_EPOCH + LAST + second] {
            assert_eq!(header(time).unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }
}
