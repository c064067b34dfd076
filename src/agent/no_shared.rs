//! Without the feature `http2` no connection is shared: each has a single exchange at a time.

use std::convert::Infallible;
use std::sync::Arc;

use super::connect::Channel;
use super::pool::key::PoolKey;
use super::round_trip::RoundTrip;
use crate::backend::OriginConnections;
use crate::error::Result;
use crate::message::body::Body;
use crate::message::response::Response;
use crate::runtime::Timer;
use crate::transport::Transport;

/// No connections.
pub(super) type SharedPool = ();

/// No settings.
pub(super) type Http2Settings = ();

pub(super) fn set_windows((): &mut Http2Settings, _stream: u32, _connection: u32) {}

pub(super) fn set_connections((): &mut Http2Settings, _maximum: usize) {}

/// There are no connections of HTTP/2.
pub(super) fn connection_counts((): &SharedPool) -> Vec<OriginConnections> {
    Vec::new()
}

/// There is none.
pub(super) type Share = Infallible;

/// Finds no share.
pub(super) struct NoShares;

impl NoShares {
    pub(super) fn take(self) -> Option<Share> {
        None
    }
}

/// What a connect needs.
pub(super) struct OwnEntry {
    pub(super) key: PoolKey,
    pub(super) timer: Arc<dyn Timer>,
}

impl OwnEntry {
    pub(super) async fn add_http2(&self, _: Box<dyn Transport>) -> Result<()> {
        Ok(())
    }
}

impl RoundTrip<'_> {
    pub(super) fn share_access(&self) -> NoShares {
        // Both exist so that the agent and the configuration are the same with and without the feature.
        let ((), ()) = (&*self.agent.shared, &self.config.http2);
        NoShares
    }

    pub(super) async fn channel(&self) -> Result<Channel> {
        Ok(Channel::OwnConnection)
    }

    pub(super) async fn over_http2(&self, share: Share, _: &mut Option<Body>) -> Result<Response> {
        match share {}
    }

    pub(super) fn pool_entry(&self) -> OwnEntry {
        OwnEntry { key: self.key.clone(), timer: self.agent.timer.clone() }
    }
}
