//! The error codes of HTTP/2.

use std::fmt;

/// An error code of RST_STREAM and GOAWAY frames (RFC 9113, section 7). Each number is allowed, so that a test can send
/// a code that no document defines.
///
/// # Examples
///
/// ```
/// use waterspout::testing::Http2ErrorCode;
///
/// assert_eq!(format!("{:?}", Http2ErrorCode::REFUSED_STREAM), "REFUSED_STREAM");
/// assert_eq!(format!("{:?}", Http2ErrorCode(4711)), "4711");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Http2ErrorCode(pub u32);

macro_rules! codes {
    ($($name:ident $number:literal $doc:literal,)*) => {
        impl Http2ErrorCode {
            $(
                #[doc = $doc]
                pub const $name: Self = Self($number);
            )*

            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    NO_ERROR 0x0 "The end is not due to an error.",
    PROTOCOL_ERROR 0x1 "The peer broke a rule of the protocol.",
    INTERNAL_ERROR 0x2 "The sender has an internal problem.",
    FLOW_CONTROL_ERROR 0x3 "The peer sent more than its window allowed.",
    SETTINGS_TIMEOUT 0x4 "The peer did not acknowledge SETTINGS in time.",
    STREAM_CLOSED 0x5 "A frame arrived on a closed stream.",
    FRAME_SIZE_ERROR 0x6 "A frame has a wrong size.",
    REFUSED_STREAM 0x7 "The stream was refused before any processing.",
    CANCEL 0x8 "The stream is not needed any more.",
    COMPRESSION_ERROR 0x9 "The state of header compression is lost.",
    CONNECT_ERROR 0xa "The connection of a CONNECT request was reset.",
    ENHANCE_YOUR_CALM 0xb "The peer causes too much load.",
    INADEQUATE_SECURITY 0xc "The transport is not secure enough.",
    HTTP_1_1_REQUIRED 0xd "The request requires HTTP/1.1.",
}

impl fmt::Debug for Http2ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl From<Http2ErrorCode> for h2::Reason {
    fn from(code: Http2ErrorCode) -> Self {
        code.0.into()
    }
}
