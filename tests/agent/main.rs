//! Tasks that a browser does itself and the agent does natively: redirects, credentials, cookies and content codings.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

#[cfg(all(feature = "cookies", feature = "digest"))]
mod credentials;
#[cfg(feature = "gzip")]
mod cut_short;
#[cfg(feature = "gzip")]
mod decoder_turns;
#[cfg(feature = "gzip")]
mod encoding;
mod final_request;
mod locations;
mod redirect_connections;
mod redirect_credentials;
mod redirect_policy;
mod redirects;
#[path = "../support/mod.rs"]
mod support;
