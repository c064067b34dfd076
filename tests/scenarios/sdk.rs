//! The typed client of `examples/sdk`, on every platform.

#[path = "../../examples/sdk/src/lib.rs"]
mod client;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream;
use waterspout::{Body, Bytes, Client, ErrorKind};

use self::client::{Error, Item, Remote, Result, Store};
use super::{Lab, byte};

fn remote(lab: &Lab) -> Remote {
    Remote { client: Client::new(), base: lab.url("").parse().unwrap() }
}

/// The sum of the bytes in a body of the lab.
fn sum(length: usize) -> u64 {
    (0..length).map(|index| u64::from(byte(index))).sum()
}

pub async fn a_typed_client_asks_and_tells(lab: Lab) {
    let store = remote(&lab);
    assert_eq!(store.item("json").await.unwrap(), Item { name: "waterspout".to_owned(), sizes: vec![1, 2, 3] });
    let teapot = Item { name: "teapot".to_owned(), sizes: vec![418] };
    assert_eq!(store.save(&teapot).await.unwrap(), teapot);
}

pub async fn a_typed_client_streams_both_ways(lab: Lab) {
    let count = AtomicU64::new(0);
    let total = AtomicU64::new(0);
    let store = remote(&lab);
    let download = store.download(300_000, |chunk| {
        count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        total.fetch_add(chunk.iter().map(|byte| u64::from(*byte)).sum(), Ordering::Relaxed);
    });
    download.await.unwrap();
    assert_eq!((count.into_inner(), total.into_inner()), (300_000, sum(300_000)));
    let pieces = (0..10).map(|_| Ok::<_, std::io::Error>(Bytes::from((0..251).map(byte).collect::<Vec<_>>())));
    let body = Body::stream(stream::iter(pieces.collect::<Vec<_>>()));
    assert_eq!(store.upload(body).await.unwrap(), format!("2510 {}", sum(2510)));
}

pub async fn a_typed_client_has_errors_of_its_own(lab: Lab) {
    assert!(matches!(remote(&lab).item("status/404").await, Err(Error::NotFound)));
    let nowhere = Remote { client: Client::new(), base: "http://127.0.0.1:49151".parse().unwrap() };
    match nowhere.item("json").await {
        Err(Error::Http(error)) => assert!(error.is_network(), "{error}"),
        other => panic!("{other:?}"),
    }
    let closed = remote(&lab);
    closed.client.close();
    match closed.item("json").await {
        Err(Error::Http(error)) => assert_eq!(error.kind(), ErrorKind::Closed),
        other => panic!("{other:?}"),
    }
}

/// The tests of a program can implement the trait, so that they need no server.
pub async fn a_typed_client_can_be_replaced(_lab: Lab) {
    struct MockStore(Cell<u32>);
    impl Store for std::sync::Mutex<MockStore> {
        async fn item(&self, id: &str) -> Result<Item> {
            let calls = &self.lock().unwrap().0;
            calls.set(calls.get() + 1);
            Ok(Item { name: id.to_owned(), sizes: vec![calls.get()] })
        }
        async fn save(&self, item: &Item) -> Result<Item> {
            Ok(item.clone())
        }
        async fn upload(&self, _body: impl Into<Body> + waterspout::MaybeSend) -> Result<String> {
            Ok(String::new())
        }
        async fn download(&self, _count: u64, _on_chunk: impl FnMut(&[u8]) + waterspout::MaybeSend) -> Result<()> {
            Err(Error::NotFound)
        }
    }
    let store = std::sync::Mutex::new(MockStore(Cell::new(0)));
    assert_eq!(store.item("mock").await.unwrap().sizes, [1]);
    assert_eq!(store.item("mock").await.unwrap().sizes, [2]);
}
