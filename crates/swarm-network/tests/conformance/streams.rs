//! Streams of a connection, without nodes.

use std::future::poll_fn;
use std::io;

use futures_util::FutureExt;
use swarm_core::proto::{CloseCode, ResetCode};
use swarm_core::transport::{Connection, RecvStream, SendStream, Stream, StreamError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, config};

/// Both ends of a stream that the first has opened, and that has carried a byte each way.
async fn stream(opener: &dyn Connection, other: &dyn Connection) -> (Stream, Stream) {
    let open = async {
        let mut stream = opener.open_stream().await.unwrap();
        stream.send.write_all(b"?").await.unwrap();
        assert_eq!(stream.recv.read_u8().await.unwrap(), b'!');
        stream
    };
    let accept = async {
        let mut stream = other.accept_stream().await.unwrap();
        assert_eq!(stream.recv.read_u8().await.unwrap(), b'?');
        stream.send.write_all(b"!").await.unwrap();
        stream
    };
    tokio::join!(open, accept)
}

async fn read_error(recv: &mut Box<dyn RecvStream>) -> StreamError {
    let mut rest = Vec::new();
    StreamError::of(&recv.read_to_end(&mut rest).await.unwrap_err())
}

async fn stopped(send: &mut Box<dyn SendStream>) -> StreamError {
    poll_fn(|cx| send.poll_stopped(cx)).await
}

pub(crate) async fn bytes_come_in_order_and_end(world: World) {
    let pair = world.pair().await;
    for (opener, other) in [(&pair.dialled, &pair.accepted), (&pair.accepted, &pair.dialled)] {
        let (mut near, mut far) = stream(&**opener, &**other).await;

        near.send.write_all(b"one ").await.unwrap();
        near.send.write_all(b"two").await.unwrap();
        near.send.shutdown().await.unwrap();

        let mut heard = Vec::new();
        far.recv.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"one two");
        assert_eq!(far.recv.read(&mut [0; 8]).await.unwrap(), 0, "an end is one for good");
        // The other half goes on.
        far.send.write_all(b"three").await.unwrap();
        far.send.shutdown().await.unwrap();
        heard.clear();
        near.recv.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"three");
    }
}

pub(crate) async fn a_mebibyte_goes_both_ways_at_once(world: World) {
    const BYTES: usize = 1 << 20;
    let pair = world.pair().await;
    let (near, far) = stream(&*pair.dialled, &*pair.accepted).await;
    let say = async |mut send: Box<dyn SendStream>, first: u8| {
        let bytes: Vec<u8> = (0..BYTES).map(|n| (n % 251) as u8 ^ first).collect();
        send.write_all(&bytes).await?;
        send.shutdown().await
    };
    let hear = async |mut recv: Box<dyn RecvStream>, first: u8| {
        let mut heard = Vec::new();
        recv.read_to_end(&mut heard).await?;
        let wrong = heard.iter().enumerate().position(|(n, byte)| *byte != (n % 251) as u8 ^ first);
        assert_eq!((heard.len(), wrong), (BYTES, None));
        io::Result::Ok(())
    };

    let done = tokio::join!(say(near.send, 1), say(far.send, 2), hear(far.recv, 1), hear(near.recv, 2));

    assert!(matches!(done, (Ok(()), Ok(()), Ok(()), Ok(()))), "{done:?}");
}

pub(crate) async fn a_reset_tells_its_code(world: World) {
    let pair = world.pair().await;
    for (opener, other) in [(&pair.dialled, &pair.accepted), (&pair.accepted, &pair.dialled)] {
        let (mut near, mut far) = stream(&**opener, &**other).await;

        near.send.reset(ResetCode::DeadlineExceeded);
        far.send.reset(ResetCode::Internal);

        assert_eq!(read_error(&mut far.recv).await, StreamError::Reset(ResetCode::DeadlineExceeded));
        assert_eq!(read_error(&mut near.recv).await, StreamError::Reset(ResetCode::Internal));
        let error = near.send.write_all(b"late").await.unwrap_err();
        assert_eq!(StreamError::of(&error), StreamError::Closed);
    }
}

pub(crate) async fn a_stop_tells_its_code(world: World) {
    let pair = world.pair().await;
    for (opener, other) in [(&pair.dialled, &pair.accepted), (&pair.accepted, &pair.dialled)] {
        let (mut near, mut far) = stream(&**opener, &**other).await;

        near.recv.stop(ResetCode::Overloaded);

        assert_eq!(stopped(&mut far.send).await, StreamError::Stopped(ResetCode::Overloaded));
        let error = far.send.write_all(&vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(StreamError::of(&error), StreamError::Stopped(ResetCode::Overloaded));
        // The other direction goes on.
        near.send.write_all(b"on").await.unwrap();
        near.send.shutdown().await.unwrap();
        let mut heard = Vec::new();
        far.recv.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"on");
    }
}

pub(crate) async fn what_is_dropped_is_reset(world: World) {
    let pair = world.pair().await;
    let (near, mut far) = stream(&*pair.dialled, &*pair.accepted).await;

    drop(near);

    assert_eq!(read_error(&mut far.recv).await, StreamError::Reset(ResetCode::Cancelled));
    assert_eq!(stopped(&mut far.send).await, StreamError::Stopped(ResetCode::Cancelled));
}

pub(crate) async fn who_does_not_read_is_not_sent_more_than_the_window(world: World) {
    let pair = world.pair().await;
    let window = config().web_transport.stream_window_bytes as usize;
    let (mut near, mut far) = stream(&*pair.dialled, &*pair.accepted).await;
    let bytes = vec![7; 8 * window];

    let mut sent = 0;
    let stuck = async {
        while sent < bytes.len() {
            sent += near.send.write(&bytes[sent..]).await.unwrap();
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), stuck).await;

    assert!(waited.is_err(), "{sent} bytes were taken");
    assert!((window / 2..=2 * window).contains(&sent), "{sent} of {window}");
    // Reading makes room.
    let read = async {
        let mut heard = vec![0; bytes.len()];
        far.recv.read_exact(&mut heard).await.unwrap();
        heard
    };
    let (heard, wrote) = tokio::join!(read, near.send.write_all(&bytes[sent..]));
    wrote.unwrap();
    assert!(heard == bytes);
}

pub(crate) async fn more_streams_than_are_granted_wait(world: World) {
    let pair = world.pair().await;
    let granted = config().web_transport.max_streams as usize;
    let mut open = Vec::new();
    // The session has one for itself.
    while open.len() < granted
        && let Some(mut stream) = pair.dialled.open_stream().now_or_never().map(Result::unwrap)
    {
        stream.send.write_all(b"?").await.unwrap();
        open.push(stream);
    }
    assert!((granted - 4..=granted).contains(&open.len()), "{} of {granted}", open.len());
    let mut taken = Vec::new();
    for _ in 0..open.len() {
        taken.push(pair.accepted.accept_stream().await.unwrap());
    }
    assert!(pair.dialled.open_stream().now_or_never().is_none());

    // Those that have ended in both directions make room, an eighth of them at a time.
    for (mut near, mut far) in open.drain(granted / 2..).zip(taken.drain(granted / 2..)) {
        near.send.shutdown().await.unwrap();
        far.send.shutdown().await.unwrap();
        far.recv.read_to_end(&mut Vec::new()).await.unwrap();
        near.recv.read_to_end(&mut Vec::new()).await.unwrap();
    }

    pair.dialled.open_stream().await.unwrap();
}

pub(crate) async fn a_lost_connection_ends_its_streams(world: World) {
    let pair = world.pair().await;
    let (mut near, mut far) = stream(&*pair.dialled, &*pair.accepted).await;

    pair.accepted.close(CloseCode::Normal, "");

    assert_eq!(read_error(&mut near.recv).await, StreamError::ConnectionLost);
    assert_eq!(stopped(&mut near.send).await, StreamError::ConnectionLost);
    assert_eq!(read_error(&mut far.recv).await, StreamError::ConnectionLost);
}
