//! The number of open connections of HTTP/1.1 of each origin.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::http1::OpenToken;
use crate::message::url::Origin;
use crate::runtime::lock::Lock;

/// Counts the open connections of an agent, in the pool or not. A connection of HTTP/2 is counted in `agent::shared`.
///
/// Each connection holds a token of its origin until it is closed. The number of tokens is the number of connections, so
/// no request pays for the count.
#[derive(Default)]
pub(super) struct OpenConnections(Lock<BTreeMap<Origin, OpenToken>>);

impl OpenConnections {
    /// Returns the token for a new connection to `origin`.
    pub(super) fn token(&self, origin: &Origin) -> OpenToken {
        let mut tokens = self.0.lock();
        if let Some(token) = tokens.get(origin) {
            return token.clone();
        }
        // Origins without connections leave when the map may have doubled, so that each is looked at a few times only.
        if tokens.len().is_power_of_two() {
            tokens.retain(|_, token| Arc::strong_count(token) > 1);
        }
        tokens.entry(origin.clone()).or_default().clone()
    }

    /// Returns the number of open connections of each origin that has any.
    pub(super) fn counts(&self) -> Vec<(Origin, usize)> {
        let tokens = self.0.lock();
        // The map has a token of its own.
        let counts = tokens.iter().map(|(origin, token)| (origin.clone(), Arc::strong_count(token) - 1));
        counts.filter(|(_, open)| *open > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::url::Url;

    #[test]
    fn origins_without_connections_are_forgotten() {
        let open = OpenConnections::default();
        let origin = |n: u32| Url::parse(&format!("http://h{n}/")).unwrap().origin();
        let kept = open.token(&origin(0));
        for n in 1..1000 {
            drop(open.token(&origin(n)));
        }
        assert!(open.0.lock().len() < 4);
        assert_eq!(open.counts(), [(origin(0), 1)]);
        drop(kept);
        assert_eq!(open.counts(), []);
    }
}
