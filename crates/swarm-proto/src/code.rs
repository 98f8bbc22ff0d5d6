//! Why a connection or stream ended, as numbers that both sides know. Says why, and leaves what to do about it to the
//! reader.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Defines an enum of codes with their numbers and texts, open for numbers that are not defined yet.
macro_rules! codes {
    (
        $(#[$type_attribute:meta])* $name:ident {
            $($(#[$attribute:meta])* $variant:ident = $number:literal, $text:literal;)*
        }
    ) => {
        $(#[$type_attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u32", into = "u32")]
        pub enum $name {
            $($(#[$attribute])* $variant,)*
            /// A code that this version does not define. Made by [`from_u32`](Self::from_u32), which never puts a
            /// defined number here.
            Other(u32),
        }

        impl $name {
            /// The code with this number; every number has one.
            #[must_use]
            pub const fn from_u32(number: u32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                }
            }

            /// The number of this code, as it travels.
            #[must_use]
            pub const fn to_u32(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self::from_u32(number)
            }
        }

        impl From<$name> for u32 {
            fn from(code: $name) -> Self {
                code.to_u32()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => formatter.write_str($text),)*
                    Self::Other(number) => write!(formatter, "code {number}"),
                }
            }
        }
    };
}

codes! {
    /// Why a connection was closed: the code of the close itself, and of the [`Goodbye`](crate::Goodbye) before it.
    ///
    /// ```
    /// use swarm_proto::CloseCode;
    ///
    /// assert_eq!(CloseCode::from_u32(3), CloseCode::WrongSwarm);
    /// assert_eq!(CloseCode::WrongSwarm.to_string(), "wrong swarm");
    /// assert_eq!(CloseCode::from_u32(77).to_u32(), 77);
    /// ```
    CloseCode {
        /// The connection is no longer wanted. 0.
        Normal = 0, "normal";
        /// The peer sent something that the protocol does not allow. 1.
        ProtocolViolation = 1, "protocol violation";
        /// No protocol version is spoken by both. 2.
        UnsupportedVersion = 2, "unsupported version";
        /// The peer belongs to another swarm. 3.
        WrongSwarm = 3, "wrong swarm";
        /// The hello did not come in time. 4.
        HelloDeadline = 4, "hello deadline passed";
        /// Another connection to the same peer stays. 5.
        Duplicate = 5, "duplicate connection";
        /// The peer is not the agent that it says it is, or that was expected. 6.
        IdentityMismatch = 6, "identity mismatch";
        /// No room for another peer now; try later. 7.
        Overloaded = 7, "overloaded";
        /// The node ends. 8.
        ShutDown = 8, "shut down";
        /// Nothing was heard for too long. 9.
        IdleTimeout = 9, "idle timeout";
        /// The peer has no grant that is valid here, or goes beyond it. 10.
        NotPermitted = 10, "not permitted";
    }
}

codes! {
    /// Why one direction of a stream was reset, or is no longer read.
    ///
    /// ```
    /// use swarm_proto::ResetCode;
    ///
    /// assert_eq!(ResetCode::Cancelled.to_u32(), 1);
    /// assert_eq!(ResetCode::from_u32(0), ResetCode::Other(0));
    /// ```
    ResetCode {
        /// The requester no longer wants the answer. 1.
        Cancelled = 1, "cancelled";
        /// The deadline of the request passed. 2.
        DeadlineExceeded = 2, "deadline exceeded";
        /// A frame could not be decoded, or came where it may not. 3.
        Malformed = 3, "malformed";
        /// The node ends. 4.
        ShutDown = 4, "shut down";
        /// No room for the request now; try later. 5.
        Overloaded = 5, "overloaded";
        /// The side that resets failed at its own work. 6.
        Internal = 6, "internal failure";
        /// Nothing moved for as long as the request allows. 7.
        Idle = 7, "idle";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_close_codes_stay_what_they_are() {
        let names: Vec<_> = (0..=11).map(|number| CloseCode::from_u32(number).to_string()).collect();

        assert_eq!(
            names,
            [
                "normal",
                "protocol violation",
                "unsupported version",
                "wrong swarm",
                "hello deadline passed",
                "duplicate connection",
                "identity mismatch",
                "overloaded",
                "shut down",
                "idle timeout",
                "not permitted",
                "code 11",
            ]
        );
    }

    #[test]
    fn the_numbers_of_reset_codes_stay_what_they_are() {
        let names: Vec<_> = (0..=8).map(|number| ResetCode::from_u32(number).to_string()).collect();

        assert_eq!(
            names,
            [
                "code 0",
                "cancelled",
                "deadline exceeded",
                "malformed",
                "shut down",
                "overloaded",
                "internal failure",
                "idle",
                "code 8",
            ]
        );
    }

    #[test]
    fn every_number_comes_back() {
        for number in (0..20).chain([u32::MAX]) {
            assert_eq!(CloseCode::from_u32(number).to_u32(), number);
            assert_eq!(ResetCode::from_u32(number).to_u32(), number);
        }
    }
}
