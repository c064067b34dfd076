//! The debug output of requests, their builders and their options: a short line without secrets.

use std::fmt;

use super::{Request, RequestBuilder, RequestOptions};
use crate::message::shown_headers::ShownHeaders;

/// Shows the method, the URL, the headers and the body, and the options that are set.
///
/// It hides the values of headers with credentials, also before the request is sent and they are marked, the values of
/// the URL's query, and the URL's fragment.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Request");
        self.show(&mut debug);
        debug.finish()
    }
}

impl Request {
    fn show(&self, debug: &mut fmt::DebugStruct<'_, '_>) {
        let parts = &*self.0;
        debug.field("method", &parts.method).field("url", &parts.url);
        if !parts.headers.is_empty() {
            debug.field("headers", &ShownHeaders(&parts.headers));
        }
        debug.field("body", &parts.body);
        if parts.trailers.is_some() {
            // Their fields may be unknown until the body ends, and may be secret.
            debug.field("trailers", &format_args!("set"));
        }
        let options = parts.options.get();
        if options.is_any_set() {
            debug.field("options", options);
        }
        if parts.authenticator.is_some() {
            // Its own debug output may show the credentials.
            debug.field("authenticator", &format_args!("set"));
        }
    }
}

/// Shows the request as its own debug output does, or the mistake made while building.
impl<C> fmt::Debug for RequestBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RequestBuilder");
        match &self.request {
            Ok(request) => request.show(&mut debug),
            Err(error) => {
                debug.field("error", error);
            }
        }
        if let Some(name) = self.call_options.name_of_set() {
            debug.field(name, &format_args!("set"));
        }
        debug.finish()
    }
}

/// Shows the options that are set.
impl fmt::Debug for RequestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RequestOptions");
        self.each_set(&mut |name, value| {
            debug.field(name, value);
        });
        debug.finish()
    }
}

impl RequestOptions {
    fn is_any_set(&self) -> bool {
        let mut found = false;
        self.each_set(&mut |_, _| found = true);
        found
    }

    /// Calls `show` with the name and the value of each option that is set.
    fn each_set(&self, show: &mut dyn FnMut(&str, &dyn fmt::Debug)) {
        // Taken apart, so that a new option does not compile until it is shown.
        let Self {
            queue_timeout,
            priority,
            connect_timeout,
            head_timeout,
            attempt_timeout,
            idle_timeout,
            timeout,
            total_timeout,
            body_limit,
            stream_limit,
            decompress,
            redirect,
            expect_continue,
            retry,
            min_download_rate,
            extensions,
        } = self;
        let times = [
            ("queue_timeout", queue_timeout),
            ("connect_timeout", connect_timeout),
            ("head_timeout", head_timeout),
            ("attempt_timeout", attempt_timeout),
            ("idle_timeout", idle_timeout),
            ("timeout", timeout),
            ("total_timeout", total_timeout),
        ];
        for (name, time) in times {
            show_if_set(show, name, time);
        }
        show_if_set(show, "priority", priority);
        show_if_set(show, "body_limit", body_limit);
        show_if_set(show, "stream_limit", stream_limit);
        show_if_set(show, "decompress", decompress);
        show_if_set(show, "redirect", redirect);
        show_if_set(show, "expect_continue", expect_continue);
        show_if_set(show, "retry", retry);
        show_if_set(show, "min_download_rate", min_download_rate);
        if !extensions.is_empty() {
            show("extensions", extensions);
        }
    }
}

fn show_if_set<T: fmt::Debug>(show: &mut dyn FnMut(&str, &dyn fmt::Debug), name: &str, option: &Option<T>) {
    if let Some(value) = option {
        show(name, value);
    }
}
