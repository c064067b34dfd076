//! Server-sent events.

use futures::StreamExt;
use waterspout::sse::{Events, ReadyState};
use waterspout::{Client, ErrorKind, Request};

use super::Lab;

/// Returns the data of the next event, after a check of its type and ID.
async fn data(events: &mut Events) -> String {
    let event = events.next().await.expect("the stream has not ended").unwrap();
    assert_eq!(event.event, "count");
    assert!(event.data.starts_with(&*event.id), "{event:?}");
    event.data
}

pub async fn events_arrive_as_they_are_sent(lab: Lab) {
    let mut events = Client::new().events(Request::get(lab.url("events?total=2&stay=1")));
    assert_eq!(events.ready_state(), ReadyState::Connecting);
    assert_eq!(data(&mut events).await, "1\nGET ");
    assert_eq!(events.ready_state(), ReadyState::Open);
    assert_eq!((data(&mut events).await, events.last_event_id()), ("2\nGET ".to_owned(), "2"));
}

pub async fn a_stream_of_events_that_ends_goes_on_after_the_last(lab: Lab) {
    let events = Client::new().events(Request::get(lab.url("events?total=5&burst=2")));
    // The third response has only the fifth event, and the fourth response is a 204.
    let events: Vec<_> = events.map(|event| event.unwrap().id.to_string()).collect().await;
    assert_eq!(events, ["1", "2", "3", "4", "5"]);
}

pub async fn events_that_are_asked_for_by_post_are_asked_for_again(lab: Lab) {
    let mut events = Client::new().post(lab.url("events?total=2&burst=1")).body("question").events().reconnect(true);
    assert_eq!(data(&mut events).await, "1\nPOST question");
    assert_eq!(data(&mut events).await, "2\nPOST question");
    assert!(events.next().await.is_none());
    assert_eq!(events.ready_state(), ReadyState::Closed);
}

pub async fn what_is_no_stream_of_events_is_an_error(lab: Lab) {
    let client = Client::new();
    for (experiment, kind) in [("hello", ErrorKind::Decode), ("status/503", ErrorKind::Status)] {
        let mut events = client.events(Request::get(lab.url(experiment)));
        assert_eq!(events.next().await.unwrap().unwrap_err().kind(), kind);
        assert!(events.next().await.is_none());
    }
    assert_eq!(client.stats().active, 0);
}

pub async fn dropping_the_events_frees_their_slot(lab: Lab) {
    let client = Client::builder().max_active(1).build().unwrap();
    let mut events = client.events(Request::get(lab.url("events?total=9&burst=1&stay=1")));
    assert_eq!(data(&mut events).await, "1\nGET ");
    assert_eq!(client.stats().active, 1);
    drop(events);
    assert_eq!(client.get(lab.url("hello")).await.unwrap().text().await.unwrap(), "hello");
}
