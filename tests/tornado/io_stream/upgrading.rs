//! Streams whose transport is replaced.

use std::rc::Rc;

use futures::executor::block_on;
use futures::future::FutureExt;
use waterspout::tornado::IoStream;
use waterspout::{ErrorKind, Result, Transport};

use super::{Tasks, Wire, receiving};

/// Starts an upgrade that never ends.
fn upgrade(stream: &IoStream) -> Result<()> {
    stream.upgrade(|transport| async move {
        let _transport = transport;
        std::future::pending().await
    })
}

#[test]
fn only_an_idle_stream_is_upgraded() {
    let refused = |stream: &IoStream, reason: &str| {
        let error = upgrade(stream).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(reason), "{error}");
    };
    let (wire, stream) = receiving(&["ab"]);
    block_on(stream.read_exact(1)).unwrap();
    refused(&stream, "received and not read");
    assert_eq!(block_on(stream.read_exact(1)).unwrap(), "b");
    let mut read = stream.read_exact(1).boxed();
    assert!((&mut read).now_or_never().is_none());
    refused(&stream, "being read");
    drop(read);
    upgrade(&stream).unwrap();
    assert!(!wire.is_dropped());
    refused(&stream, "still connecting");

    let wire = Wire::narrow(0);
    let stream = wire.stream();
    let write = stream.write("a");
    refused(&stream, "written and not sent");
    wire.widen(1);
    block_on(write).unwrap();
    upgrade(&stream).unwrap();
    stream.close();
    assert_eq!(upgrade(&stream).unwrap_err().kind(), ErrorKind::ConnectionClosed);
}

#[test]
fn bytes_after_an_upgrade_use_the_new_connection() {
    let mut tasks = Tasks::default();
    let (old, new) = (Wire::new(), Wire::new());
    new.send("welcome");
    let stream = Rc::new(old.stream());
    let (go, gone) = futures::channel::oneshot::channel::<()>();
    let transport = new.transport();
    let upgrading = stream.clone();
    let upgraded = tasks.spawn(async move {
        upgrading.upgrade(|old| async move {
            let _old = old;
            gone.await.unwrap();
            Ok(Box::new(transport) as Box<dyn Transport>)
        })?;
        upgrading.connected().await
    });
    let writing = stream.clone();
    let write = tasks.spawn(async move { writing.write("secret").await });
    assert!(!upgraded.is_done() && !write.is_done());
    go.send(()).unwrap();
    tasks.run();
    assert!(upgraded.take().unwrap().is_ok() && write.take().unwrap().is_ok());
    assert_eq!((old.written().as_str(), new.written().as_str()), ("", "secret"));
    assert_eq!(block_on(stream.read_exact(7)).unwrap(), "welcome");
}
