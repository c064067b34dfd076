//! Tests of the WINDOW_UPDATE frames that answer an upload.

use super::*;

#[test]
fn window_updates_for_sent_frames_may_come_at_once() {
    for (sent, expected) in [(0, OVERHEAD), (1, OVERHEAD + 2), (10_000, OVERHEAD + 20_000)] {
        let mut rig = Rig::new();
        rig.request(1);
        (0..sent).for_each(|_| rig.meter.sent(&frame(DATA, 0, 1, 1)));
        // Empty frames are not answered.
        (0..sent).for_each(|_| rig.meter.sent(&frame(DATA, 0, 1, 0)));
        let (count, flood) = rig.accepted(&frame(WINDOW_UPDATE, 0, 1, 4), 100_000);
        assert_eq!((count, flood), (expected, Some(FrameFlood::Overhead("WINDOW_UPDATE"))), "{sent}");
    }
}

#[test]
fn window_updates_for_the_pieces_of_an_upload_are_accepted() {
    let update = frame(WINDOW_UPDATE, 0, 0, 4);
    for piece in [32, 512, 4_096, 16_384] {
        let mut rig = Rig::new();
        rig.request(1);
        for _ in 0..100 {
            // A whole MiB is on its way before the server reads a part of it.
            rig.meter.sent(&frame(DATA, 0, 1, 16_384).repeat(64));
            // For the stream and for the connection.
            let updates = 2 * (1 << 20) / piece;
            assert_eq!(rig.accepted(&update, updates), (updates, None), "pieces of {piece} bytes");
        }
    }
}

#[test]
fn window_updates_beyond_the_uploads_are_bounded() {
    for (frames, allowed) in [(0, 0), (1, 4_098), (10, 40_980), (16, 65_536), (1_000, 65_536)] {
        let mut rig = Rig::new();
        rig.request(1);
        rig.meter.sent(&frame(DATA, 0, 1, 16_384).repeat(frames));
        let (count, flood) = rig.accepted(&frame(WINDOW_UPDATE, 0, 0, 4), 100_000);
        assert_eq!((count, flood), (OVERHEAD + allowed, Some(FrameFlood::Overhead("WINDOW_UPDATE"))));
        let mut rig = Rig::new();
        rig.meter.sent(&frame(DATA, 0, 1, 16_384).repeat(frames));
        assert_eq!(rig.accepted(&frame(PING, 0, 0, 8), 100_000).0, OVERHEAD, "other frames are not for uploads");
    }
}
