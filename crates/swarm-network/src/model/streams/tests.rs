use std::collections::VecDeque;
use std::task::Waker;

use proptest::prelude::*;
use tokio::io::ReadBuf;

use super::*;

const WINDOWS: Windows = Windows { stream: 1000, connection: 2500, streams: 4 };

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Both ends of a connection.
struct Pair {
    dialler: Streams,
    acceptor: Streams,
}

impl Pair {
    fn new() -> Self {
        Self {
            dialler: Streams::new(true, WINDOWS, WINDOWS),
            acceptor: Streams::new(false, WINDOWS, WINDOWS),
        }
    }

    /// Carries frames both ways until nobody has any more.
    fn settle(&mut self) {
        while self.dialler.has_frames() || self.acceptor.has_frames() {
            for frame in frames(&mut self.dialler) {
                self.acceptor.received(frame);
            }
            for frame in frames(&mut self.acceptor) {
                self.dialler.received(frame);
            }
        }
    }
}

fn frames(of: &mut Streams) -> Vec<FrameKind> {
    std::iter::from_fn(|| of.next_control().or_else(|| of.next_data(100))).collect()
}

fn open(of: &mut Streams) -> u64 {
    match of.poll_open(&mut cx()) {
        Poll::Ready(stream) => stream,
        Poll::Pending => panic!("no more streams"),
    }
}

fn write(of: &mut Streams, stream: u64, bytes: &[u8]) -> usize {
    match of.poll_write(stream, &mut cx(), bytes) {
        Poll::Ready(written) => written.unwrap(),
        Poll::Pending => 0,
    }
}

/// Everything that can be read, and whether that was the end.
fn read(of: &mut Streams, stream: u64) -> Result<(Vec<u8>, bool), StreamError> {
    let mut all = Vec::new();
    loop {
        let mut room = [0; 300];
        let mut into = ReadBuf::new(&mut room);
        match of.poll_read(stream, &mut cx(), &mut into) {
            Poll::Pending => return Ok((all, false)),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(())) if into.filled().is_empty() => return Ok((all, true)),
            Poll::Ready(Ok(())) => all.extend_from_slice(into.filled()),
        }
    }
}

#[test]
fn what_is_written_is_read_in_order_with_its_end() {
    let mut pair = Pair::new();
    let stream = open(&mut pair.dialler);
    assert!(pair.acceptor.poll_take(&mut cx()).is_pending());

    let said: Vec<u8> = (0..=255).cycle().take(700).collect();
    for part in said.chunks(30) {
        assert_eq!(write(&mut pair.dialler, stream, part), part.len());
    }
    pair.dialler.finish(stream).unwrap();
    pair.settle();

    assert_eq!(pair.acceptor.poll_take(&mut cx()), Poll::Ready(stream));
    assert_eq!(read(&mut pair.acceptor, stream), Ok((said, true)));
    assert_eq!(pair.dialler.poll_write(stream, &mut cx(), b"more"), Poll::Ready(Err(StreamError::Closed)));
}

#[test]
fn a_stream_takes_one_window_and_more_only_once_it_is_read() {
    let mut pair = Pair::new();
    let stream = open(&mut pair.dialler);

    assert_eq!(write(&mut pair.dialler, stream, &[1; 1500]), 1000);
    pair.settle();
    assert_eq!(write(&mut pair.dialler, stream, &[1]), 0);

    assert_eq!(read(&mut pair.acceptor, stream).unwrap().0.len(), 1000);
    pair.settle();
    // It was told of all but less than an eighth of the window.
    let more = write(&mut pair.dialler, stream, &[1; 1500]);
    assert!((875..=1000).contains(&more), "{more}");
}

#[test]
fn all_streams_together_take_the_window_of_the_connection() {
    let mut pair = Pair::new();
    let streams = [open(&mut pair.dialler), open(&mut pair.dialler), open(&mut pair.dialler)];
    let written: usize = streams.iter().map(|stream| write(&mut pair.dialler, *stream, &[1; 1000])).sum();
    assert_eq!(written, 2500);
    pair.settle();

    // What was thrown away makes room too.
    pair.acceptor.drop_receiving(streams[0]);
    pair.settle();

    assert_eq!(write(&mut pair.dialler, streams[2], &[1; 1000]), 500);
}

#[test]
fn a_peer_opens_so_many_streams_and_another_for_each_that_is_over() {
    let mut pair = Pair::new();
    let streams: Vec<u64> = (0..4).map(|_| open(&mut pair.dialler)).collect();
    assert!(pair.dialler.poll_open(&mut cx()).is_pending());

    pair.dialler.drop_sending(streams[3]);
    pair.dialler.drop_receiving(streams[3]);
    pair.settle();
    assert_eq!(pair.acceptor.opened_by_peer, 4, "whoever opens one has opened those before");
    assert!(pair.dialler.poll_open(&mut cx()).is_pending(), "the other end still uses it");
    pair.acceptor.drop_sending(streams[3]);
    pair.acceptor.drop_receiving(streams[3]);
    pair.settle();

    open(&mut pair.dialler);
    assert!(pair.dialler.poll_open(&mut cx()).is_pending());
}

#[test]
fn a_reset_takes_back_what_was_not_read_and_a_stop_is_told() {
    let mut pair = Pair::new();
    let stream = open(&mut pair.dialler);
    write(&mut pair.dialler, stream, b"half a");
    pair.settle();

    pair.dialler.reset(stream, ResetCode::Cancelled);
    pair.settle();
    assert_eq!(read(&mut pair.acceptor, stream), Err(StreamError::Reset(ResetCode::Cancelled)));

    write(&mut pair.acceptor, stream, b"an answer");
    pair.settle();
    assert!(pair.acceptor.poll_stopped(stream, &mut cx()).is_pending());
    pair.dialler.stop(stream, ResetCode::ShutDown);
    pair.settle();
    assert_eq!(pair.acceptor.poll_stopped(stream, &mut cx()), Poll::Ready(ResetCode::ShutDown));
    let refused = pair.acceptor.poll_write(stream, &mut cx(), b"more");
    assert_eq!(refused, Poll::Ready(Err(StreamError::Stopped(ResetCode::ShutDown))));
}

#[test]
fn nobody_is_told_to_stop_who_has_said_everything() {
    let mut pair = Pair::new();
    let stream = open(&mut pair.dialler);
    write(&mut pair.dialler, stream, b"all");
    pair.dialler.finish(stream).unwrap();
    pair.settle();

    pair.acceptor.drop_receiving(stream);
    pair.settle();

    assert!(pair.dialler.poll_stopped(stream, &mut cx()).is_pending());
}

#[test]
fn what_is_dropped_before_its_end_is_reset() {
    let mut pair = Pair::new();
    let stream = open(&mut pair.dialler);
    write(&mut pair.dialler, stream, b"half a");

    pair.dialler.drop_sending(stream);
    pair.settle();

    assert_eq!(read(&mut pair.acceptor, stream), Err(StreamError::Reset(ResetCode::Cancelled)));
}

#[test]
fn the_highest_priority_goes_first_and_equals_take_turns() {
    let mut pair = Pair::new();
    let streams: Vec<u64> = (0..3).map(|_| open(&mut pair.dialler)).collect();
    for stream in &streams {
        write(&mut pair.dialler, *stream, &[1; 200]);
    }
    pair.dialler.set_priority(streams[2], 5);

    let order: Vec<u64> = frames(&mut pair.dialler)
        .iter()
        .map(|frame| match frame {
            FrameKind::Data { stream, .. } => *stream / 2,
            other => panic!("{other:?}"),
        })
        .collect();

    assert_eq!(order, [2, 2, 0, 1, 0, 1]);
}

#[test]
fn nothing_is_left_of_streams_that_are_over() {
    let mut pair = Pair::new();
    for round in 0..100 {
        let stream = open(&mut pair.dialler);
        write(&mut pair.dialler, stream, b"question");
        pair.dialler.finish(stream).unwrap();
        pair.settle();
        assert_eq!(pair.acceptor.poll_take(&mut cx()), Poll::Ready(stream));
        assert_eq!(read(&mut pair.acceptor, stream), Ok((b"question".to_vec(), true)));
        match round % 3 {
            0 => pair.acceptor.finish(stream).unwrap(),
            1 => pair.acceptor.reset(stream, ResetCode::Cancelled),
            _ => {}
        }
        pair.settle();
        for end in [&mut pair.acceptor, &mut pair.dialler] {
            end.drop_sending(stream);
            end.drop_receiving(stream);
        }
        pair.settle();
    }
    assert!(pair.dialler.streams.is_empty() && pair.acceptor.streams.is_empty());
    assert_eq!((pair.dialler.ready.len(), pair.dialler.opened), (0, 100));
}

proptest! {
    /// Frames come late and in another order, as they do when some are lost and sent again.
    #[test]
    fn streams_are_whole_however_their_frames_come(
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 400),
        sizes in proptest::collection::vec(1_usize..400, 1..20),
    ) {
        let mut pair = Pair::new();
        let stream = open(&mut pair.dialler);
        let said: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|n| n as u8).collect();
        let (mut heard, mut ended, mut unsaid) = (Vec::new(), false, &said[..]);
        let mut sizes = sizes.into_iter();
        let mut under_way: VecDeque<(bool, FrameKind)> = VecDeque::new();
        let mut finished = false;
        let mut picks = picks.into_iter();
        let mut idle = 0;
        while !ended && idle < 3 {
            let part = sizes.next().unwrap_or(unsaid.len()).min(unsaid.len());
            if part > 0 {
                let written = write(&mut pair.dialler, stream, &unsaid[..part]);
                unsaid = &unsaid[written..];
            }
            if unsaid.is_empty() && !finished {
                finished = true;
                pair.dialler.finish(stream).unwrap();
            }
            under_way.extend(frames(&mut pair.dialler).into_iter().map(|frame| (true, frame)));
            under_way.extend(frames(&mut pair.acceptor).into_iter().map(|frame| (false, frame)));
            idle = if under_way.is_empty() { idle + 1 } else { 0 };
            if !under_way.is_empty() {
                let next = picks.next().map_or(0, |pick| pick.index(under_way.len()));
                match under_way.remove(next) {
                    Some((true, frame)) => pair.acceptor.received(frame),
                    Some((false, frame)) => pair.dialler.received(frame),
                    None => {}
                }
            }
            if pair.acceptor.opened_by_peer > 0 {
                let (more, is_end) = read(&mut pair.acceptor, stream).unwrap();
                heard.extend(more);
                ended = is_end;
            }
        }
        prop_assert!(ended);
        prop_assert_eq!(heard, said);
        prop_assert_eq!(pair.acceptor.read, pair.dialler.written);
    }
}
