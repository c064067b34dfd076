//! Requests, responses and bodies, which cross the interfaces between layers, and the values that describe them.
//!
//! Both backends, the client and the agent use these types. Nothing here connects, waits or spawns.

pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod call_context;
pub(crate) mod call_times;
mod conditional;
pub(crate) mod connection_info;
pub(crate) mod credentials;
pub(crate) mod default_fields;
pub(crate) mod extensions;
mod form;
#[cfg(feature = "form")]
mod form_values;
#[cfg(feature = "json")]
pub(crate) mod json;
pub mod multipart;
pub(crate) mod progress;
pub(crate) mod request;
pub(crate) mod response;
mod shown_headers;
pub(crate) mod tls_info;
pub(crate) mod trailers;
pub(crate) mod url;
