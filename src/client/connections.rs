//! The open connections of a client's backend.

use super::Client;
use crate::backend::OriginConnections;

impl Client {
    /// Returns how many connections are open at this moment: an entry for each origin and version of HTTP that has any,
    /// sorted by origin. A gauge of `http.client.open_connections` reads it, for example every 10 s.
    ///
    /// A connection of HTTP/2 that the server has retired is not counted while its last streams end: it takes no requests.
    ///
    /// # Platform
    /// A browser does not show its connections: there it is empty. So it is with a backend of the program's own that does
    /// not implement [`Backend::connections`](crate::Backend::connections).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// let script = Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    /// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
    /// let client = Client::builder().backend(agent).build()?;
    /// assert!(client.connections().is_empty());
    ///
    /// futures::executor::block_on(async { client.get("http://example.com/").await?.text().await })?;
    /// let counts = &client.connections()[0];
    /// assert_eq!(counts.origin.to_string(), "http://example.com");
    /// assert_eq!((counts.active, counts.idle), (0, 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn connections(&self) -> Vec<OriginConnections> {
        self.0.backend.connections()
    }
}
