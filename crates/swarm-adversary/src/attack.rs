//! The kinds of attacks, by name.

use std::fmt;
use std::str::FromStr;

/// What an attacker has of the swarm.
///
/// ```
/// use swarm_adversary::{Attack, Standing};
///
/// assert_eq!(Attack::NoCertificate.standing(), Standing::Outsider);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing but addresses.
    Outsider,
    /// Grants that a root of the swarm has signed, whether they count or not.
    Member,
}

macro_rules! attacks {
    ($($variant:ident = $name:literal, $standing:ident, $sentence:literal;)+) => {
        /// What a bad peer does.
        ///
        /// ```
        /// use swarm_adversary::Attack;
        ///
        /// let attack: Attack = "half-hello".parse().unwrap();
        /// assert_eq!(attack.to_string(), "half-hello");
        /// assert!("half-a-hello".parse::<Attack>().is_err());
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Attack {
            $(#[doc = $sentence] $variant,)+
        }

        impl Attack {
            /// All that there are, from those of strangers to those of peers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What scenarios and tables call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it does, in a sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }

            /// What it takes.
            #[must_use]
            pub const fn standing(self) -> Standing {
                match self { $(Self::$variant => Standing::$standing,)+ }
            }
        }
    };
}

attacks! {
    GarbagePackets = "garbage-packets", Outsider, "Sends UDP packets of noise.";
    NoCertificate = "no-certificate", Outsider, "Opens TLS without a certificate and says hello all the same.";
    ForeignRoot = "foreign-root", Outsider, "Shows a grant that a root of its own has signed.";
    WrongSwarm = "wrong-swarm", Member, "Shows a grant of the right root for another swarm.";
    Expired = "expired", Member, "Shows a grant that has run out.";
    StolenId = "stolen-id", Member, "Shows the grant of another agent with a key of its own.";
    Revoked = "revoked", Member, "Joins, hands over a list that takes its grant back, and comes again.";
    Silent = "silent", Member, "Finishes TLS, keeps the connection alive and never says a word.";
    HalfConnect = "half-connect", Member, "Begins the request that opens a session and never ends it.";
    QpackBomb = "qpack-bomb", Member, "Opens the session with header blocks whose numbers overflow or lie.";
    HalfHello = "half-hello", Member, "Says half a hello and waits.";
    GarbageHello = "garbage-hello", Member, "Says noise in place of a hello.";
    Garbage = "garbage", Member, "Becomes a peer, then sends noise in datagrams, requests and control frames.";
    TruncatedFrames = "truncated-frames", Member, "Announces frames and ends its streams in their midst.";
    OversizedFrames = "oversized-frames", Member, "Announces frames of 4 GiB.";
    NestedValues = "nested-values", Member, "Sends MessagePack that nests tens of thousands of levels deep.";
    LyingLengths = "lying-lengths", Member, "Sends MessagePack that declares billions of elements and has none.";
    Replays = "replays", Member, "Sends the same observations again and again.";
    ForgedOrigin = "forged-origin", Member, "Sends observations in the name of another agent.";
    BeyondGrant = "beyond-grant", Member, "Publishes, asks for and offers what its grant does not cover.";
    DatagramFlood = "datagram-flood", Member, "Sends observations without end.";
    StreamFlood = "stream-flood", Member, "Opens streams without end and keeps them.";
    ResetFlood = "reset-flood", Member, "Opens streams and resets them at once, without end.";
    NeverReads = "never-reads", Member, "Asks for answers and never reads them.";
    NeverCredits = "never-credits", Member, "Grants no more flow control, not even for the goodbye.";
}

/// A name that no attack has.
///
/// ```
/// let unknown = "storm".parse::<swarm_adversary::Attack>().unwrap_err();
/// assert_eq!(unknown.to_string(), "no attack is called \"storm\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no attack is called {0:?}")]
pub struct UnknownAttack(
    /// The name.
    pub String,
);

impl FromStr for Attack {
    type Err = UnknownAttack;

    fn from_str(name: &str) -> Result<Self, UnknownAttack> {
        let attack = Self::ALL.iter().copied().find(|attack| attack.name() == name);
        attack.ok_or_else(|| UnknownAttack(name.to_owned()))
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Attack {
    /// Whether it lasts as long as it is let, rather than being over soon and tried again.
    pub(crate) const fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::GarbagePackets
                | Self::Replays
                | Self::ForgedOrigin
                | Self::BeyondGrant
                | Self::DatagramFlood
                | Self::StreamFlood
                | Self::ResetFlood
                | Self::NeverReads
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_is_found_by_its_name_and_says_what_it_does() {
        for attack in Attack::ALL {
            assert_eq!(attack.name().parse(), Ok(*attack));
            assert!(attack.sentence().ends_with('.'));
        }
    }
}
