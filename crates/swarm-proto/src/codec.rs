//! Any serde value to MessagePack and back, with the guard on both ways. Knows no message; frames and datagrams are
//! built on it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError};
use crate::guard::{GuardLimits, check};

/// Encodes `value` as MessagePack, structs as maps with named fields.
///
/// What it returns always passes the guard with default limits, so a value that no peer would take fails here, where
/// its author can still see it.
///
/// # Errors
/// [`EncodeError::Serialize`] if serde cannot write the value, [`EncodeError::Guard`] if it is nested or long beyond
/// the [limits](GuardLimits).
///
/// ```
/// assert_eq!(swarm_proto::to_vec(&("rover", 7))?, b"\x92\xa5rover\x07");
/// # Ok::<(), swarm_proto::EncodeError>(())
/// ```
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = rmp_serde::to_vec_named(value).map_err(|error| EncodeError::Serialize(error.to_string()))?;
    check(&bytes, &GuardLimits::default())?;
    Ok(bytes)
}

/// Decodes one MessagePack value that fills `bytes`.
///
/// # Errors
/// [`DecodeError::Guard`] if the bytes are unsound, too large or followed by others, [`DecodeError::Malformed`] if
/// they hold something other than a `T`.
///
/// ```
/// let (name, speed): (String, u8) = swarm_proto::from_slice(b"\x92\xa5rover\x07")?;
/// assert_eq!((name.as_str(), speed), ("rover", 7));
/// # Ok::<(), swarm_proto::DecodeError>(())
/// ```
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    check(bytes, &GuardLimits::default())?;
    rmp_serde::from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GuardError;

    #[test]
    fn a_list_that_no_peer_would_take_is_not_encoded() {
        let longest = vec![0_u8; 16_384];
        let too_long = vec![0_u8; 16_385];

        assert!(to_vec(&longest).is_ok());
        assert_eq!(
            to_vec(&too_long),
            Err(EncodeError::Guard(GuardError::TooManyNodes { offset: 0, max: 16_384 }))
        );
    }

    #[test]
    fn nothing_may_follow_the_value() {
        assert_eq!(
            from_slice::<u8>(&[1, 2]),
            Err(DecodeError::Guard(GuardError::TrailingBytes { offset: 1, left: 1 }))
        );
    }

    #[test]
    fn another_type_is_malformed() {
        assert!(matches!(from_slice::<u8>(b"\xa1a"), Err(DecodeError::Malformed(_))));
    }
}
