//! The native network over real sockets on loopback: names, addresses, TLS, proxies, files.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod abandoned_look_ups;
#[cfg(all(feature = "http2", feature = "tls"))]
mod alpn;
mod builder;
#[cfg(feature = "tls")]
mod builder_tls;
mod connect_steps;
mod error_texts;
mod files;
mod forgotten_names;
mod host_map;
#[cfg(feature = "tls")]
mod http_versions;
mod look_up_model;
mod name_cache;
mod names_and_addresses;
#[cfg(feature = "tls")]
mod proxy;
#[cfg(target_os = "linux")]
mod refused_thread;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_authorities;
#[cfg(feature = "tls")]
mod tls_facts;
#[cfg(feature = "tls")]
mod tls_failures;
#[cfg(feature = "tls")]
mod tls_first_use;
#[cfg(feature = "tls")]
mod tls_interrupted;
#[cfg(feature = "tls")]
mod tls_pem;
#[cfg(feature = "tls")]
mod tls_provider;
#[cfg(feature = "tls")]
mod tls_streams;
#[cfg(feature = "tls")]
mod tls_transfers;
#[cfg(feature = "tls")]
mod tls_trust;
#[cfg(unix)]
mod unix_socket;
