//! How requests share the writes of a connection.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use futures::task::LocalSpawnExt;

use crate::net::{Net, text};

#[test]
fn requests_of_many_tasks_are_written_together() {
    let mut net = Net::serve(h2::server::Builder::new(), |received| received.answer("hello"));
    assert_eq!(net.run(text(&net.client, "/")).unwrap().unwrap(), "hello");
    let before = net.writes.load(Ordering::Relaxed);
    let spawner = net.tasks.spawner();
    let tasks = (0..64).map(|_| {
        let client = net.client.clone();
        let requests = async move {
            for _ in 0..10 {
                assert_eq!(text(&client, "/").await.unwrap(), "hello");
            }
        };
        spawner.spawn_local_with_handle(requests).unwrap()
    });
    let tasks = join_all(tasks.collect::<Vec<_>>());
    net.run(tasks).unwrap();
    let writes = net.writes.load(Ordering::Relaxed) - before;
    // Sixteen requests at most are written at once, so that the server begins before all have been made.
    assert!((40..64).contains(&writes), "{writes} writes for 640 requests");
    assert_eq!(net.connects(), 1);
}
