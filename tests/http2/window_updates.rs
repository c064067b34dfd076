//! A server that reads an upload in small pieces, and returns the window of each piece to the stream and to the connection.

use waterspout::testing::{Http2Action, Http2Config, Http2Frame, Incoming, Reply, handler};
use waterspout::{Bytes, ErrorKind};

use crate::common::post;
use crate::served::{Gates, Served};

/// The size of the upload in bytes.
const SIZE: usize = 1 << 20;

/// Answers with the size of the body once the gate is open. The window is large enough for the whole body.
fn serve(gates: &Gates) -> Served {
    let inner = gates.clone();
    let config = Http2Config::new().initial_window_size(2 * SIZE as u32).connection_window_size(2 * SIZE as u32);
    Served::new(
        config,
        handler(move |request: &mut Incoming| {
            let gates = inner.clone();
            Box::pin(async move {
                gates.pass("read").await;
                Reply::text(request.body().await.unwrap_or_default().len().to_string())
            })
        }),
    )
}

fn updates(count: usize) -> Http2Action {
    let frames = [Http2Frame::window_update(1, 1), Http2Frame::window_update(0, 1)].map(|frame| frame.to_bytes());
    Http2Action::Bytes(Bytes::from(frames.concat().repeat(count)))
}

#[test]
fn window_update_for_each_piece_of_an_upload_is_accepted() {
    let gates = Gates::default();
    let mut served = serve(&gates);
    let upload = served.start(post(&served.client, "/", SIZE));
    // The pieces have 512 bytes.
    served.act(updates(SIZE / 512));
    assert!(upload.take().is_none());
    gates.open_all();
    served.tasks.run_until_stalled();
    assert_eq!(upload.take().unwrap().unwrap(), SIZE.to_string());
}

#[test]
fn more_window_updates_than_an_upload_has_pieces_are_refused() {
    let mut served = serve(&Gates::default());
    let upload = served.start(post(&served.client, "/", SIZE));
    served.act(updates(SIZE / 16));
    let error = upload.take().expect("the upload hangs").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().contains("WINDOW_UPDATE"), "{error}");
}
