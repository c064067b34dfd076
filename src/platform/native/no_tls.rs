//! Stands in for `tls` in a build without the feature `tls`: it refuses `https` before anything is sent in the clear.

use std::io;

use super::http_versions::HttpVersions;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::Timer;
use crate::transport::Transport;

pub(super) use self::NoTlsConfig as TlsConfig;

/// The configuration of TLS in a build without TLS: nothing to configure.
#[derive(Clone, Debug, Default)]
pub(super) struct NoTlsConfig {}

impl NoTlsConfig {
    /// Refuses the connection.
    ///
    /// # Errors
    /// Always [`UnsupportedScheme`](ErrorKind::UnsupportedScheme).
    pub(super) fn check(&self) -> Result<()> {
        Err(self.refusal())
    }

    /// Returns false: nothing is offered.
    #[allow(clippy::unused_self, reason = "a build with TLS looks at the protocols that are set")]
    pub(super) fn offers_http2(&self) -> bool {
        false
    }

    fn refusal(&self) -> Error {
        let message = "this build has no TLS: enable the feature `tls`, or give the agent a connector that has it";
        Error::new(ErrorKind::UnsupportedScheme, Phase::Connect, message)
    }
}

/// Never reached: [`check`](NoTlsConfig::check) is called before and fails.
pub(super) async fn start<T: Transport>(
    _stream: T,
    _host: &str,
    config: &TlsConfig,
    _versions: Option<HttpVersions>,
    _timer: &dyn Timer,
) -> Result<Box<dyn Transport>> {
    Err(config.refusal())
}

/// Returns whether a server has interrupted a handshake: never in a build without TLS.
pub(super) fn is_interrupted(_error: &Error) -> bool {
    false
}

/// Returns whether an I/O error holds an error of TLS: never in a build without TLS.
pub(crate) fn is_tls_failure(_error: &io::Error) -> bool {
    false
}
