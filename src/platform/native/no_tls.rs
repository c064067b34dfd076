//! What stands in for TLS in a build without the feature `tls`: the refusal to go on without it.

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::transport::Transport;
use crate::url::Origin;

/// Nothing to configure.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsConfig;

impl TlsConfig {
    /// Refuses before anything is sent in the clear.
    pub(super) fn check(&self) -> Result<()> {
        Err(self.refusal())
    }

    fn refusal(&self) -> Error {
        let message = "this build has no TLS: enable the feature `tls`, or give the agent a connector that has it";
        Error::new(ErrorKind::UnsupportedScheme, Phase::Connect, message)
    }
}

/// Never reached: [`TlsConfig::check`] comes first.
pub(super) async fn start<T: Transport>(
    _stream: T,
    _origin: &Origin,
    config: &TlsConfig,
) -> Result<Box<dyn Transport>> {
    Err(config.refusal())
}
