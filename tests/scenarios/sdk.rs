//! The typed client of `examples/sdk`, on every platform.

#[path = "../../examples/sdk/src/lib.rs"]
mod client;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream;
use waterspout::{Body, Bytes, Client, ErrorKind};

use self::client::{Error, Item, Remote, Result, Store, Sum};
use super::{Lab, byte};

fn remote(lab: &Lab) -> Remote {
    Remote::new(Client::new(), lab.url("").parse().unwrap())
}

fn sum(length: usize) -> Sum {
    Sum { count: length as u64, sum: (0..length).map(|index| u64::from(byte(index))).sum() }
}

pub async fn a_typed_client_asks_and_tells(lab: Lab) {
    let store = remote(&lab);
    assert_eq!(store.item().await.unwrap(), Item { name: "waterspout".to_owned(), sizes: vec![1, 2, 3] });
    let teapot = Item { name: "teapot".to_owned(), sizes: vec![418] };
    assert_eq!(store.save(&teapot).await.unwrap(), teapot);
}

pub async fn a_typed_client_streams_both_ways(lab: Lab) {
    let seen = AtomicU64::new(0);
    let store = remote(&lab);
    let download = store.download(300_000, |count| {
        assert!(seen.swap(count, Ordering::Relaxed) < count);
    });
    assert_eq!((download.await.unwrap(), seen.load(Ordering::Relaxed)), (sum(300_000), 300_000));
    let pieces = (0..10).map(|_| Ok::<_, std::io::Error>(Bytes::from((0..251).map(byte).collect::<Vec<_>>())));
    let sent = store.upload(Body::stream(stream::iter(pieces.collect::<Vec<_>>()))).await.unwrap();
    assert_eq!(sent, sum(2510));
}

pub async fn a_typed_client_has_errors_of_its_own(lab: Lab) {
    assert!(matches!(remote(&lab).missing().await, Err(Error::NotFound)));
    let nowhere = Remote::new(Client::new(), "http://127.0.0.1:49151".parse().unwrap());
    match nowhere.item().await {
        Err(Error::Http(error)) => assert!(error.is_network(), "{error}"),
        other => panic!("{other:?}"),
    }
    let closed = Client::new();
    closed.close();
    match Remote::new(closed, lab.url("").parse().unwrap()).item().await {
        Err(Error::Http(error)) => assert_eq!(error.kind(), ErrorKind::Closed),
        other => panic!("{other:?}"),
    }
}

/// The tests of a program can implement the trait, so that they need no server.
pub async fn a_typed_client_can_be_replaced(_lab: Lab) {
    struct MockStore(Cell<u32>);
    impl Store for std::sync::Mutex<MockStore> {
        async fn item(&self) -> Result<Item> {
            let calls = &self.lock().unwrap().0;
            calls.set(calls.get() + 1);
            Ok(Item { name: "mock".to_owned(), sizes: vec![calls.get()] })
        }
        async fn save(&self, item: &Item) -> Result<Item> {
            Ok(item.clone())
        }
        async fn upload(&self, _body: impl Into<Body> + waterspout::MaybeSend) -> Result<Sum> {
            Ok(Sum::default())
        }
        async fn download(&self, count: u64, mut on_progress: impl FnMut(u64) + waterspout::MaybeSend) -> Result<Sum> {
            on_progress(count);
            Ok(Sum { count, sum: 0 })
        }
        async fn missing(&self) -> Result<Item> {
            Err(Error::NotFound)
        }
    }
    let store = std::sync::Mutex::new(MockStore(Cell::new(0)));
    assert_eq!(store.item().await.unwrap().sizes, [1]);
    assert_eq!(store.item().await.unwrap().sizes, [2]);
}
