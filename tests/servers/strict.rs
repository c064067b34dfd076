//! The table of servers with strict limits, and the servers that retire each connection after 10 requests.

use crate::limits::no_request_is_lost_when_the_server_retires_connections;
use crate::sites::{HYPERCORN_RETIRING, NGINX_RETIRING};

table! {
    $ each_strict_check run_alone
    nginx = NGINX_STRICT {}
    apache = APACHE_STRICT {
        no_request_is_lost_when_the_server_reloads: "Apache resets new connections at a reload, and a request that is alone on a new connection is not sent again",
    }
    node = NODE_STRICT {}
    nghttpd = NGHTTPD_STRICT {
        a_request_succeeds_when_the_server_closes_idle_connections: "nghttpd has no setting for idle connections",
        running_requests_finish_when_the_server_stops: "nghttpd ends at once",
        no_request_is_lost_when_the_server_reloads: "nghttpd has no configuration to reload",
    }
    caddy = CADDY_STRICT {}
    h2o = H2O_STRICT {}
    haproxy = HAPROXY_STRICT {}
    hypercorn = HYPERCORN_STRICT {
        requests_before_the_limit_of_streams_is_known_are_answered: "Hypercorn closes the connection then",
        running_requests_finish_when_the_server_stops: "Hypercorn closes connections before it has sent the responses",
        no_request_is_lost_when_the_server_reloads: "Hypercorn closes a new connection with more requests than it allows",
    }
}

#[test]
fn no_request_is_lost_when_nginx_retires_connections() {
    crate::run(&NGINX_RETIRING, no_request_is_lost_when_the_server_retires_connections);
}

#[test]
#[ignore = "Hypercorn sends no response after its GOAWAY, not even to the requests that it has accepted"]
fn no_request_is_lost_when_hypercorn_retires_connections() {
    crate::run(&HYPERCORN_RETIRING, no_request_is_lost_when_the_server_retires_connections);
}
