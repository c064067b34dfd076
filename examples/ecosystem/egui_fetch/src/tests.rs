//! The interface without a display: a click starts the request, and the result shows.

use std::time::Duration;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use waterspout::testing::{Reply, Server, handler};

use super::*;

/// Draws frames until `label` shows. Between frames it waits for the end of a request, which asks for the next frame.
fn wait_for(harness: &mut Harness<'_, App>, repaints: &mpsc::Receiver<()>, label: &str) {
    harness.run();
    while harness.query_by_label_contains(label).is_none() {
        repaints.recv_timeout(Duration::from_secs(20)).expect("the label shows");
        harness.run();
    }
}

fn harness(url: String) -> (Harness<'static, App>, mpsc::Receiver<()>) {
    let harness = Harness::new_ui_state(|ui, app: &mut App| app.show(ui), App::new(Client::new(), url));
    let (sender, repaints) = mpsc::channel();
    harness.ctx.set_request_repaint_callback(move |_| sender.send(()).unwrap_or_default());
    (harness, repaints)
}

#[test]
fn button_starts_the_request_and_the_result_shows() {
    let server = Server::start(handler(|_| Box::pin(async { Reply::text("hello from the server") }))).unwrap();
    let (mut harness, repaints) = harness(server.url("/"));
    assert!(harness.query_by_label("Press the button").is_some());
    harness.get_by_label("Fetch").click();
    wait_for(&mut harness, &repaints, "hello from the server");
    assert!(harness.query_by_label("Loading").is_none());
}

#[test]
fn failure_shows_and_the_button_starts_again() {
    let server = Server::start(handler(|_| Box::pin(async { Reply::new(503, "") }))).unwrap();
    let (mut harness, repaints) = harness(server.url("/"));
    for _ in 0..2 {
        harness.get_by_label("Fetch").click();
        wait_for(&mut harness, &repaints, "503 Service Unavailable");
    }
}
