//! The two readers of observations, the one for speed and the general one, against each other.

use std::iter;
use std::ops::Range;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

use super::tests::observation;
use super::*;

/// A number in any form, the shortest or not, negative or not.
fn number() -> impl Strategy<Value = Vec<u8>> {
    let marker = select(vec![0xcc_u8, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3]);
    let marked = (marker, any::<[u8; 8]>(), any::<bool>()).prop_map(|(marker, bytes, small)| {
        let mut number = [&[marker], &bytes[..1 << (marker & 3)]].concat();
        if small {
            number[1..1 << (marker & 3)].fill(0);
        }
        number
    });
    prop_oneof![(0..=0x7f_u8).prop_map(|small| vec![small]), marked]
}

/// A text or binary with its length in any form.
fn bytes_as(
    markers: Vec<(u8, usize)>,
    content: impl Strategy<Value = Vec<u8>>,
) -> impl Strategy<Value = Vec<u8>> {
    (select(markers), content).prop_map(|((marker, width), content)| {
        let length = (content.len() as u64).to_be_bytes();
        let header =
            if width == 0 { vec![marker | length[7]] } else { [&[marker], &length[8 - width..]].concat() };
        [header, content].concat()
    })
}

fn class() -> impl Strategy<Value = Vec<u8>> {
    let known_low_byte = (0..=3_u8).prop_map(|low| vec![0xcd, 1, low]);
    prop_oneof![8 => (0..=3_u8).prop_map(|class| vec![class]), 1 => known_low_byte, 1 => number()]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![4 => "[a-z]{1,9}", 1 => "[a-zA-Z.é]{0,15}"].prop_map(String::into_bytes);
    bytes_as(vec![(0xa0, 0), (0xa0, 0), (0xa0, 0), (0xd9, 1), (0xda, 2), (0xdb, 4)], content)
}

fn binary(length: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    bytes_as(vec![(0xc4, 1), (0xc5, 2), (0xc6, 4)], vec(any::<u8>(), length))
}

fn origin() -> impl Strategy<Value = Vec<u8>> {
    let id = any::<[u8; 32]>().prop_map(|digest| AgentId::from_key_digest(digest).as_bytes().to_vec());
    bytes_as(vec![(0xc4, 1), (0xc5, 2), (0xc6, 4)], id)
}

/// Arrays whose elements mostly make an observation, in whatever form.
fn nearly_an_observation() -> impl Strategy<Value = Vec<u8>> {
    let elements =
        (origin(), number(), number(), text(), number(), number(), binary(0..20), class(), text(), number());
    let spoilt = weighted(0.3, (any::<Index>(), prop_oneof![number(), text(), binary(0..20)]));
    (elements, spoilt, select(vec![6, 7, 8, 9, 10, 10]), weighted(0.1, Just(()))).prop_map(
        |(elements, spoilt, count, long)| {
            let (a, b, c, d, e, f, g, h, i, j) = elements;
            let mut elements = vec![a, b, c, d, e, f, g, h, i, j];
            if let Some((index, other)) = spoilt {
                *index.get_mut(&mut elements) = other;
            }
            let header = if long.is_some() { vec![0xdc, 0, count as u8] } else { vec![0x90 | count as u8] };
            [header, elements[..count].concat()].concat()
        },
    )
}

/// What the reader for speed reads, the general one must read alike.
fn agree(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let bytes = Bytes::from(bytes);
    if check(&bytes, &GuardLimits::default()).is_ok()
        && let Some(observation) = read_flat(&bytes, &bytes, None)
    {
        let read = ArrayReader::begin(&bytes).and_then(|reader| read_any(reader, &bytes));
        prop_assert_eq!(read, Ok(observation));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(2_000)
    })]

    #[test]
    fn both_readers_agree_on_what_is_nearly_an_observation(bytes in nearly_an_observation()) {
        agree(bytes)?;
    }

    #[test]
    fn both_readers_agree_on_arbitrary_bytes(header in 0x90..=0x9f_u8, bytes in vec(any::<u8>(), 0..100)) {
        agree(iter::once(header).chain(bytes).collect())?;
    }

    #[test]
    fn what_is_encoded_here_is_read_by_the_reader_for_speed(
        numbers in any::<[u64; 3]>(),
        hops in any::<u8>(),
        topic in "[a-z]{1,60}(\\.[a-z]{1,60})?",
        key in "[a-zé]{0,32}",
        way in 0..3,
        expiry in any::<Option<NonZeroU32>>(),
        payload in vec(any::<u8>(), 0..300),
    ) {
        let (delivery, expires_ms) = match way {
            0 => (Delivery::Lossy, expiry),
            1 => (Delivery::Latest { key: Key::try_from(key.as_str()).unwrap() }, expiry),
            _ => (Delivery::Reliable, None),
        };
        let [epoch, sequence, sent_at] = numbers;
        let sent = Observation {
            epoch: Epoch::new(epoch),
            sequence: Sequence::new(sequence),
            sent_at: UnixMicros::new(sent_at),
            topic: TopicName::try_from(topic.as_str()).unwrap(),
            hops,
            payload: payload.into(),
            delivery,
            expires_ms,
            ..observation()
        };
        let encoded = encode_observation(&sent);
        for known in [None, Some(&sent.topic), Some(&TopicName::try_from("other").unwrap())] {
            let read = read_flat(&encoded, &encoded, known);
            prop_assert_eq!(read.as_ref(), Some(&sent));
        }
        agree(encoded.to_vec())?;
    }
}
