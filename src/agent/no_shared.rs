//! Without the feature `http2` no connection is shared: each has a single exchange at a time.

use std::convert::Infallible;
use std::sync::Arc;

use super::pool::key::PoolKey;
use super::round_trip::RoundTrip;
use crate::error::Result;
use crate::http1::Connection;
use crate::message::body::Body;
use crate::message::response::Response;
use crate::runtime::Timer;
use crate::transport::Transport;

/// No connections.
#[derive(Default)]
pub(super) struct SharedPool;

/// No settings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Http2Settings;

/// There is none.
pub(super) struct Share(Infallible);

/// There is none.
pub(super) struct ShareAccess;

impl ShareAccess {
    pub(super) fn take(self) -> Option<Share> {
        None
    }
}

/// What carries a request.
#[allow(dead_code, reason = "only the feature `http2` creates a share or a connection here")]
pub(super) enum Channel {
    Http1(Box<Connection>),
    Http2(Share),
    OwnConnection,
}

/// What a connect needs.
pub(super) struct PoolEntry {
    pub(super) key: PoolKey,
    pub(super) timer: Arc<dyn Timer>,
}

impl PoolEntry {
    pub(super) async fn add_http2(&self, _: Box<dyn Transport>) -> Result<()> {
        Ok(())
    }
}

impl RoundTrip<'_> {
    pub(super) fn share_access(&self) -> ShareAccess {
        ShareAccess
    }

    pub(super) async fn channel(&self) -> Result<Channel> {
        Ok(Channel::OwnConnection)
    }

    pub(super) async fn over_http2(&self, share: Share, _: &mut Option<Body>) -> Result<Response> {
        match share.0 {}
    }

    pub(super) fn pool_entry(&self) -> PoolEntry {
        PoolEntry { key: self.key.clone(), timer: self.agent.timer.clone() }
    }
}
