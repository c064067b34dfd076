//! The table of the servers that speak HTTP/2, over TLS or by prior knowledge.

table! {
    $ each_http2_check run
    nginx = NGINX_H2 {
        a_digest_challenge_is_answered: "nginx supports only Basic",
        a_stale_nonce_is_replaced: "nginx supports only Basic",
        a_body_waits_for_100_continue: "nginx sends no 100 Continue over HTTP/2",
        trailers_are_sent: "nginx closes a connection on which a request has trailers",
        trailers_are_received: "nginx sends trailers of other servers alone",
    }
    apache = APACHE_H2 {
        trailers_are_received: "Apache sends trailers of modules alone",
    }
    node = NODE_H2 {
        a_range_request_returns_the_range: "Node's server has no ranges: the test would check its own code",
        basic_credentials_are_accepted: "Node's server has no authentication: the test would check its own code",
        a_digest_challenge_is_answered: "Node's server has no authentication: the test would check its own code",
        a_stale_nonce_is_replaced: "Node's server has no authentication: the test would check its own code",
    }
    nghttpd = NGHTTPD {
        a_gzip_response_is_decoded: "nghttpd sends files as they are",
        a_chunked_response_is_read: "nghttpd sends only files",
        a_range_request_returns_the_range: "nghttpd sends only whole files",
        a_308_redirect_keeps_the_body: "nghttpd redirects with the status 301 alone",
        cookies_are_stored_and_sent: "nghttpd has no cookies",
        basic_credentials_are_accepted: "nghttpd has no authentication",
        a_digest_challenge_is_answered: "nghttpd has no authentication",
        a_stale_nonce_is_replaced: "nghttpd has no authentication",
        a_body_waits_for_100_continue: "nghttpd sends no 100 Continue",
        a_refused_body_is_not_sent: "nghttpd refuses no body",
        a_refusal_is_read_while_the_body_is_sent: "nghttpd refuses no body",
        responses_without_a_body_are_read: "nghttpd has no ETag, and no response without a body",
        many_fields_are_sent: "nghttpd does not show the fields that it gets",
        many_fields_are_received: "nghttpd sends few fields",
    }
    caddy = CADDY {
        a_digest_challenge_is_answered: "Caddy supports only Basic",
        a_stale_nonce_is_replaced: "Caddy supports only Basic",
    }
    caddy_tls = CADDY_TLS {
        a_digest_challenge_is_answered: "Caddy supports only Basic",
        a_stale_nonce_is_replaced: "Caddy supports only Basic",
    }
    h2o = H2O {
        a_digest_challenge_is_answered: "h2o supports only Basic",
        a_stale_nonce_is_replaced: "h2o supports only Basic",
        a_body_waits_for_100_continue: "h2o sends no 100 Continue over HTTP/2",
        a_refused_body_is_not_sent: "h2o sends no 100 Continue over HTTP/2, and answers after the whole body",
        trailers_are_received: "h2o drops the trailers of the server behind it",
    }
    h2o_tls = H2O_TLS {
        a_digest_challenge_is_answered: "h2o supports only Basic",
        a_stale_nonce_is_replaced: "h2o supports only Basic",
        a_body_waits_for_100_continue: "h2o sends no 100 Continue over HTTP/2",
        a_refused_body_is_not_sent: "h2o sends no 100 Continue over HTTP/2, and answers after the whole body",
        trailers_are_received: "h2o drops the trailers of the server behind it",
    }
    haproxy = HAPROXY {
        a_range_request_returns_the_range: "the server behind HAProxy is Node's, which has no ranges",
        a_digest_challenge_is_answered: "HAProxy supports only Basic",
        a_stale_nonce_is_replaced: "HAProxy supports only Basic",
    }
    haproxy_tls = HAPROXY_TLS {
        a_digest_challenge_is_answered: "HAProxy supports only Basic",
        a_stale_nonce_is_replaced: "HAProxy supports only Basic",
        trailers_are_received: "nginx, the server behind HAProxy, sends no trailers",
    }
    hypercorn = HYPERCORN {
        a_range_request_returns_the_range: "Hypercorn has no ranges: the test would check its own code",
        basic_credentials_are_accepted: "Hypercorn has no authentication: the test would check its own code",
        a_digest_challenge_is_answered: "Hypercorn has no authentication: the test would check its own code",
        a_stale_nonce_is_replaced: "Hypercorn has no authentication: the test would check its own code",
        a_body_waits_for_100_continue: "Hypercorn sends no 100 Continue over HTTP/2",
        a_refusal_is_read_while_the_body_is_sent: "Hypercorn closes the connection of a body that it has answered",
    }
    hypercorn_tls = HYPERCORN_TLS {
        a_range_request_returns_the_range: "Hypercorn has no ranges: the test would check its own code",
        basic_credentials_are_accepted: "Hypercorn has no authentication: the test would check its own code",
        a_digest_challenge_is_answered: "Hypercorn has no authentication: the test would check its own code",
        a_stale_nonce_is_replaced: "Hypercorn has no authentication: the test would check its own code",
        a_body_waits_for_100_continue: "Hypercorn sends no 100 Continue over HTTP/2",
        a_refusal_is_read_while_the_body_is_sent: "Hypercorn closes the connection of a body that it has answered",
    }
}
