//! The policies that limit redirects.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use waterspout::ErrorKind;
use waterspout::agent::{RedirectAction, RedirectPolicy};

use crate::support::client::scripted;
use crate::support::client::{HELLO, URL, answers, once, redirect, text};

#[test]
fn redirects_beyond_the_limit_fail_and_redirects_up_to_it_are_followed() {
    let run = |limit: usize| {
        let wire = scripted([once(redirect(302, "/b")), once(redirect(302, "/c")), answers([HELLO; 1])]);
        let result = text(wire.client.get(URL).extension(RedirectPolicy::new().limit(limit)));
        (result.map_err(|error| error.kind()), wire.connector.connections())
    };
    assert_eq!(run(2), (Ok("hello".to_owned()), 3));
    assert_eq!(run(1), (Err(ErrorKind::Redirect), 2));
    assert_eq!(run(0), (Err(ErrorKind::Redirect), 1));
}

#[test]
fn a_function_decides_about_each_redirect() {
    for (choice, expected) in [
        (RedirectAction::Follow, Ok((200, 2))),
        (RedirectAction::Stop, Ok((302, 1))),
        (RedirectAction::Refuse, Err(ErrorKind::Redirect)),
    ] {
        let wire = scripted([once(redirect(302, "/a")), once(redirect(302, "http://b.example/")), answers([HELLO; 1])]);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let redirects = RedirectPolicy::new().decide(move |step| {
            seen.lock().unwrap().push((step.from.to_string(), step.to.to_string(), step.followed));
            if step.to.host() == "b.example" { choice } else { RedirectAction::Follow }
        });
        let response = block_on(wire.client.get(URL).extension(redirects).send());
        let got = response.map(|response| (response.status().as_u16(), response.history().len()));
        assert_eq!(got.map_err(|error| error.kind()), expected);
        assert_eq!(
            *asked.lock().unwrap(),
            [(URL.to_owned(), format!("{URL}a"), 0), (format!("{URL}a"), "http://b.example/".to_owned(), 1)]
        );
    }
}

#[test]
fn a_downgrade_is_followed_only_if_it_is_allowed() {
    let run = |redirects: RedirectPolicy| {
        let wire = scripted([once(redirect(302, URL)), answers([HELLO; 1])]);
        text(wire.client.get("https://example.com/").extension(redirects)).map_err(|error| error.kind())
    };
    assert_eq!(run(RedirectPolicy::new()), Err(ErrorKind::Redirect));
    assert_eq!(run(RedirectPolicy::new().allow_downgrade(true)), Ok("hello".to_owned()));
}
