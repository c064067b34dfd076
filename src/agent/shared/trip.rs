//! A request and its response on a stream of a shared connection.

use http::Version;

use super::{Share, body};
use crate::agent::connect::{Carrier, PooledConnection};
use crate::agent::round_trip::RoundTrip;
use crate::agent::{OnInformational, default_fields};
use crate::error::{Error, ErrorKind, Result, Transfer};
use crate::http1::RequestHead;
use crate::http1::encode::framing as body_framing;
use crate::http1::upload::Upload;
use crate::http2::{self, BodyFields, Http2Failure, Http2Request, Http2Response, Http2Upload, InformationalHeads};
use crate::message::body::Body;
use crate::message::connection_info::ExchangeInfo;
use crate::message::response::lazy_headers::LazyHeaders;
use crate::message::response::{ReceivedHead, Response};
use crate::runtime::{BoxFuture, Instant};

/// Maximum number of times that a request is sent again because a server has not processed it.
const MAX_REPLAYS: usize = 2;

/// Maximum number of times that a request is sent again in addition because the server has retired connections after
/// other requests of them.
///
/// nginx retires a connection after `keepalive_requests`, 1,000 by default. With a limit of 10 and 64 requests at once,
/// the last requests need 7 connections. Each of these connections has processed requests, so the requests come to an
/// end.
const MAX_MOVES: usize = 100;

impl RoundTrip<'_> {
    /// Sends the request on a stream. If the server has not processed the request, sends it again on another connection.
    pub(in crate::agent) async fn over_http2(&self, mut share: Share, one_shot: &mut Option<Body>) -> Result<Response> {
        let (mut replays, mut moves) = (0, 0);
        loop {
            let reused = share.connection().begin_use();
            if one_shot.is_some() {
                let _connecting = self.progress.connecting();
                share.stream().first_settings(&*self.agent.timer).await;
            }
            let is_fit = !reused || self.is_fit(&mut share, one_shot).await;
            if is_fit {
                let started = self.agent.timer.now();
                let failure = match self.exchange_on(&mut share, one_shot).await {
                    Ok(response) => return self.http2_response(share, response, reused, started),
                    Err(failure) => failure,
                };
                if failure.is_connection {
                    share.connection().retire();
                }
                let has_body = one_shot.is_some() || self.request.body().is_replayable();
                let is_over = if failure.has_progress { moves == MAX_MOVES } else { replays == MAX_REPLAYS };
                let is_shared = share.connection().is_shared();
                let may_repeat = has_body && self.may_repeat(&failure, is_shared);
                if is_over || !may_repeat {
                    // Closed first, as if the request had a connection of its own.
                    drop(share);
                    let error = failure.error.with_transfer(Transfer::on_connection(reused));
                    return Err(if may_repeat { sent_too_often(error, replays, moves) } else { error });
                }
                replays += usize::from(!failure.has_progress);
                moves += usize::from(failure.has_progress);
            } else {
                // The request was not sent, so it does not count as sent again.
                share.connection().retire();
            }
            // Closed first: a request has a single stream at a time.
            drop(share);
            // Boxed, because a request seldom comes here.
            share = match Box::pin(self.connect_or_share()).await? {
                Carrier::Share(share) => share,
                Carrier::Connection(PooledConnection { connection, .. }) => {
                    return self.on_new(connection, one_shot).await;
                }
            };
        }
    }

    /// Returns whether the request can be sent again after any failure of its connection.
    fn may_send_twice(&self, one_shot: &Option<Body>) -> bool {
        one_shot.is_none() && self.request.method().is_idempotent()
    }

    /// Returns whether a connection that has carried other requests can carry this request. A doubtful connection has to
    /// answer a PING: it may be dead, or it may have no window for a body. The wait belongs to the connect.
    async fn is_fit(&self, share: &mut Share, one_shot: &Option<Body>) -> bool {
        let timer = &self.agent.timer;
        let has_body = one_shot.is_some() || self.request.body().length() != Some(0);
        let may_be_dead = share.connection().is_silent(timer.now()) && !self.may_send_twice(one_shot);
        let lacks_window = has_body && share.connection().has_low_window();
        if !may_be_dead && !lacks_window {
            return true;
        }
        let _connecting = self.progress.connecting();
        share.stream().is_fit(has_body, &**timer).await
    }

    /// Returns whether the request may be sent again after a failure: for each method if the server has not processed it
    /// (RFC 9113, section 8.7), and otherwise as after a stale connection (RFC 9110, section 9.2.2). `is_shared` is whether
    /// the connection has carried another request. Requests that share a connection fail alike, so it makes no difference
    /// which request was the first.
    fn may_repeat(&self, failure: &Http2Failure, is_shared: bool) -> bool {
        let is_stale = failure.is_connection
            && is_shared
            && failure.error.kind() == ErrorKind::ConnectionClosed
            && !self.progress.exchange().is_answered()
            && self.request.method().is_idempotent();
        !failure.is_calm && (failure.is_unprocessed || is_stale)
    }

    /// Sends the request on a stream, and receives the head of the response. A body of which nothing was taken goes back
    /// to `one_shot`.
    async fn exchange_on(
        &self,
        share: &mut Share,
        one_shot: &mut Option<Body>,
    ) -> std::result::Result<Http2Response, Http2Failure> {
        let request = self.request;
        let is_one_shot = one_shot.is_some();
        let body = one_shot.take().or_else(|| request.body().try_clone()).ok_or_else(|| {
            let message = "the request cannot be sent again: its body has been sent";
            Error::request(ErrorKind::BodyNotReplayable, message)
        })?;
        let length = body.length();
        self.progress.exchange().begin(length);
        let trailers = request.trailers_after(&body).cloned();
        let framing = body_framing(request.method(), &body, trailers.as_ref());
        let expects_continue = request.options().expect_continue.unwrap_or_default();
        let continue_wait: Option<BoxFuture<'static, ()>> = expects_continue.then(|| self.continue_wait());
        let upload = Upload::new(body, framing, trailers, continue_wait);
        let body_fields = BodyFields { framing, expects_continue: upload.is_waiting() };
        let head = share.connection().origin().request(&self.request_head(), body_fields)?;
        // A body of no bytes ends with the head.
        let has_body = framing.is_some() && !upload.is_complete();
        let mut exchange = Http2Request {
            head,
            upload: has_body.then(|| Http2Upload::new(upload)),
            method: request.method(),
            limits: &self.config.http1,
            informational: InformationalHeads::default(),
            progress: self.progress,
            on_informational: request.options().extension::<OnInformational>().map(OnInformational::callback),
        };
        let outcome = http2::exchange(share.stream(), &mut exchange).await;
        if outcome.is_err() && is_one_shot {
            // A body of no bytes is not taken from its source.
            *one_shot =
                if has_body { exchange.upload.and_then(Http2Upload::into_untouched) } else { Some(Body::empty()) };
        }
        outcome
    }

    /// Returns the request's head as the encoders take it.
    fn request_head(&self) -> RequestHead<'_> {
        RequestHead {
            method: self.request.method(),
            target: self.request.url().target(),
            authority: self.request.url().authority(),
            headers: self.request.headers(),
            defaults: Some(default_fields::of(self.request)),
        }
    }

    /// Makes the response that the caller receives. Its body takes over the stream.
    fn http2_response(
        &self,
        share: Share,
        response: Http2Response,
        reused: bool,
        started: Instant,
    ) -> Result<Response> {
        let Http2Response { status, headers, length, upload } = response;
        let first_byte = self.agent.timer.now().since(started);
        let has_coding = headers.contains_key(http::header::CONTENT_ENCODING);
        let mut headers = LazyHeaders::from(headers);
        let pipeline = if has_coding { self.pipeline_of(status, &mut headers)? } else { None };
        let exchange =
            ExchangeInfo::OnConnection { connection: share.connection().connection_info(), first_byte, reused };
        let upload = upload.map(|upload| (upload, self.progress.clone()));
        let (body, trailers) = body::receive(share, length.left(), pipeline, upload);
        let received = ReceivedHead {
            status,
            version: Version::HTTP_2,
            reason: None,
            headers,
            exchange,
            trailers: Some(trailers),
        };
        Ok(Response::received(received, self.request.url().clone(), body))
    }
}

/// Adds to the error of a request how often it was sent.
fn sent_too_often(error: Error, replays: usize, moves: usize) -> Error {
    let sent = 1 + replays + moves;
    let limit = match moves {
        MAX_MOVES => format!("{MAX_MOVES} connections that the server retires before it processes the request"),
        _ => format!("{MAX_REPLAYS} repetitions on connections whose server processes no request"),
    };
    let message = format!("{}; the request was sent {sent} times, and the limit is {limit}", error.message());
    error.with_message(message)
}

#[cfg(test)]
mod tests {
    use super::{MAX_MOVES, sent_too_often};
    use crate::error::{Error, ErrorKind, Phase};

    #[test]
    fn error_names_the_limit_that_was_reached() {
        let error = || Error::new(ErrorKind::ConnectionClosed, Phase::Head, "the server closed the connection");
        let refused = sent_too_often(error(), 2, 7).to_string();
        assert!(refused.contains("sent 10 times") && refused.contains("2 repetitions"), "{refused}");
        let moved = sent_too_often(error(), 1, MAX_MOVES).to_string();
        assert!(moved.contains("sent 102 times") && moved.contains("100 connections"), "{moved}");
    }
}
