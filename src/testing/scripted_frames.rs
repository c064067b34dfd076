//! Steps of scripted connections in frames of HTTP/2.

use super::{Http2Frame, Script, ScriptedConnector};

impl Script {
    /// Adds a step: waits until the client has written another complete frame of this type, such as
    /// [`Http2Frame::HEADERS`]. Frames of a type are counted from the beginning of the connection.
    ///
    /// # Examples
    ///
    /// A server that refuses the first stream:
    ///
    /// ```
    /// use waterspout::testing::{Http2ErrorCode, Http2Frame, Script, ScriptedConnector};
    ///
    /// let script = Script::new()
    ///     .send(Http2Frame::settings(&[]))
    ///     .expect_frame(Http2Frame::HEADERS)
    ///     .send(Http2Frame::rst_stream(1, Http2ErrorCode::REFUSED_STREAM))
    ///     .silence();
    /// let connector = ScriptedConnector::new([script]);
    /// assert!(connector.frames(0).is_empty(), "no connection was made");
    /// ```
    #[must_use]
    pub fn expect_frame(self, kind: u8) -> Self {
        self.expect_counted(kind, |bytes, kind| {
            Http2Frame::parse(bytes).into_iter().filter(|frame| frame.kind == kind).count()
        })
    }
}

impl ScriptedConnector {
    /// Returns the complete frames that the client has written to a connection, counted from 0, after the preface.
    pub fn frames(&self, connection: usize) -> Vec<Http2Frame> {
        Http2Frame::parse(&self.written_bytes(connection))
    }
}
