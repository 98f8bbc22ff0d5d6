//! Who a host is in one of its lives, and what it asks of others: what TLS would carry and check.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use swarm_core::identity::CertificateError;
use swarm_core::transport::webtransport::WebTransportConfig;
use swarm_core::transport::{Credential, Speaker};
use swarm_core::trust::Access;
use swarm_core::{AgentId, WallClock};
use swarm_proto::{Grant, Signed, UnixSeconds};

/// Certificates hold from an hour before they are made, for 13 days.
const BACKDATED: Duration = Duration::from_secs(3600);
const VALIDITY: Duration = Duration::from_secs(13 * 24 * 3600);

/// How many verified grants are remembered.
const VERIFIED: usize = 4096;

/// Who a host is in one of its lives.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) agent: AgentId,
    access: Arc<Access>,
    wall_clock: Arc<dyn WallClock>,
    pub(super) limits: Limits,
}

/// What it bears, in bytes and milliseconds.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) idle: u64,
    pub(super) initial_round_trip: u64,
    pub(super) stream_window: u64,
    pub(super) connection_window: u64,
    pub(super) streams: u64,
    pub(super) datagrams_sent: usize,
    pub(super) datagrams_received: usize,
    pub(super) half_open: usize,
}

impl Limits {
    fn new(config: &WebTransportConfig) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            idle: ms(config.idle_timeout),
            initial_round_trip: ms(config.initial_round_trip),
            stream_window: config.stream_window_bytes.into(),
            connection_window: config.connection_window_bytes.into(),
            streams: config.max_streams.into(),
            datagrams_sent: config.datagram_send_buffer_bytes,
            datagrams_received: config.datagram_receive_buffer_bytes,
            half_open: config.max_half_open,
        }
    }
}

impl Identity {
    pub(super) fn new(speaker: &Speaker, config: &WebTransportConfig) -> Self {
        Self {
            agent: speaker.identity.agent_id(),
            access: Arc::clone(&speaker.access),
            wall_clock: Arc::clone(&speaker.wall_clock),
            limits: Limits::new(config),
        }
    }
}

/// Signatures that were found right. The same few are shown over and over, and looking at one costs more than all else
/// of a handshake.
#[derive(Debug, Default)]
pub(super) struct Verified(Vec<(Arc<Access>, Arc<Signed<Grant>>)>);

impl Verified {
    /// Looks at what another shows, as TLS would: its clock, its grant, and whether it is whom was `expected`.
    pub(super) fn look_at(
        &mut self,
        ours: &Identity,
        theirs: &Identity,
        expected: Option<AgentId>,
    ) -> Result<Credential, CertificateError> {
        let now = ours.wall_clock.now();
        if !holds(theirs.wall_clock.now(), now) {
            return Err(CertificateError::NotValidNow);
        }
        let (grant, seconds) = (theirs.access.grant(), UnixSeconds::from_system_time(now));
        if self.knows(&ours.access, &grant) {
            ours.access.holds(grant.statement(), seconds)?;
        } else {
            ours.access.admit(&grant, seconds)?;
            self.remember(&ours.access, &grant);
        }
        match expected {
            Some(expected) if expected != theirs.agent => {
                Err(CertificateError::OtherAgent { expected, found: theirs.agent })
            }
            _ => Ok(Credential::Certificate { agent: theirs.agent, grant }),
        }
    }

    fn knows(&self, access: &Access, grant: &Arc<Signed<Grant>>) -> bool {
        let known = self.0.binary_search_by_key(&Arc::as_ptr(grant), |(_, known)| Arc::as_ptr(known));
        known.ok().and_then(|index| self.0.get(index)).is_some_and(|(by, _)| by.anchor() == access.anchor())
    }

    fn remember(&mut self, access: &Arc<Access>, grant: &Arc<Signed<Grant>>) {
        if self.0.len() >= VERIFIED {
            // Of those of lives that have ended nobody else has a copy.
            self.0.retain(|(_, grant)| Arc::strong_count(grant) > 1);
        }
        let found = self.0.binary_search_by_key(&Arc::as_ptr(grant), |(_, known)| Arc::as_ptr(known));
        let entry = (Arc::clone(access), Arc::clone(grant));
        match found {
            Ok(index) => {
                if let Some(known) = self.0.get_mut(index) {
                    *known = entry;
                }
            }
            Err(index) if self.0.len() < VERIFIED => self.0.insert(index, entry),
            Err(_) => {}
        }
    }
}

/// Whether a certificate that was made just now by one clock is valid by another.
fn holds(made: SystemTime, now: SystemTime) -> bool {
    let from = made - BACKDATED;
    now >= from && now <= from + VALIDITY
}
