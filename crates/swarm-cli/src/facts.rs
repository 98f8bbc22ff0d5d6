//! What can be said about keys, grants and lists: the same for people and for programs.

use std::path::Path;

use serde::Serialize;
use swarm_core::trust::{GrantError, RevocationError, TrustAnchor};
use swarm_core::{agent_id_of, agent_id_of_subject};
use swarm_proto::{
    AgentId, CapabilityPattern, Grant, PublicKey, Revocations, Role, Signed, Subject, TopicPattern,
    UnixSeconds,
};

use crate::answer::Sheet;
use crate::moment;
use crate::place;

/// A public key.
#[derive(Debug, Serialize)]
pub(crate) struct KeyFacts {
    /// Whose it is, if it is that of an agent.
    agent: AgentId,
    public_key: PublicKey,
    fingerprint: String,
    /// Where the secret half is.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl KeyFacts {
    pub(crate) fn new(key: &PublicKey) -> Self {
        Self { agent: agent_id_of(key), public_key: *key, fingerprint: key.fingerprint(), secret: None }
    }

    pub(crate) fn in_file(self, secret: &Path) -> Self {
        Self { secret: Some(place::show(secret)), ..self }
    }

    pub(crate) fn describe(&self, sheet: &mut Sheet) {
        sheet.row("agent", self.agent);
        sheet.row("public key", self.public_key);
        sheet.row("fingerprint", &self.fingerprint);
        self.secret.iter().for_each(|path| sheet.row("secret", path));
    }
}

/// Whether something counts now.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// Unknown as long as nobody says who the roots are.
    pub(crate) counts: Option<bool>,
    /// In a word, why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip)]
    words: String,
}

impl Verdict {
    fn good() -> Self {
        Self { counts: Some(true), reason: None, words: "yes".to_owned() }
    }

    fn bad(reason: &'static str, words: &str) -> Self {
        Self { counts: Some(false), reason: Some(reason), words: format!("no: {words}") }
    }

    /// Good, if somebody is a root of whom that is not known.
    fn open(signer: &PublicKey) -> Self {
        let words = format!("if {} is a root: name the roots with --roots", signer.fingerprint());
        Self { counts: None, reason: None, words }
    }

    /// Whether nodes with these roots would take a grant now; or with those who signed it, if nobody says who they are.
    pub(crate) fn of_grant(
        grant: &Signed<Grant>,
        anchor: Option<&TrustAnchor>,
        revoked: Option<&Revocations>,
        now: UnixSeconds,
    ) -> Self {
        let signer = TrustAnchor::of(grant.statement().swarm.clone(), grant.signer());
        match anchor.unwrap_or(&signer).admit(grant, revoked, now) {
            Ok(_) if anchor.is_some() => Self::good(),
            Ok(_) => Self::open(&grant.signer()),
            Err(error) => Self::refused(&error, now),
        }
    }

    fn refused(error: &GrantError, now: UnixSeconds) -> Self {
        let words = error.to_string();
        match error {
            GrantError::UnknownRoot { .. } => Self::bad("unknown_root", &words),
            GrantError::BadSignature => Self::bad("bad_signature", &words),
            GrantError::WrongSwarm { .. } => Self::bad("wrong_swarm", &words),
            GrantError::OtherAgent { .. } => Self::bad("other_agent", &words),
            GrantError::Revoked { .. } => Self::bad("revoked", &words),
            GrantError::TooLong => Self::bad("too_long", &words),
            // Their own words have seconds in them, for logs.
            GrantError::NotYetValid { from } => Self::bad(
                "not_yet_valid",
                &format!("it does not hold before {}", moment::show_from(*from, now)),
            ),
            GrantError::Expired { until } => {
                Self::bad("expired", &format!("it ended at {}", moment::show_from(*until, now)))
            }
            _ => Self::bad("other", &words),
        }
    }

    pub(crate) fn of_list(list: &Signed<Revocations>, anchor: Option<&TrustAnchor>) -> Self {
        let signer = TrustAnchor::of(list.statement().swarm.clone(), list.signer());
        match anchor.unwrap_or(&signer).check(list) {
            Ok(()) if anchor.is_some() => Self::good(),
            Ok(()) => Self::open(&list.signer()),
            Err(error) => Self::unheeded(&error),
        }
    }

    pub(crate) fn unheeded(error: &RevocationError) -> Self {
        let reason = match error {
            RevocationError::UnknownRoot { .. } => "unknown_root",
            RevocationError::BadSignature => "bad_signature",
            RevocationError::WrongSwarm { .. } => "wrong_swarm",
            _ => "other",
        };
        Self::bad(reason, &error.to_string())
    }

    pub(crate) fn describe(&self, sheet: &mut Sheet) {
        sheet.row("counts", &self.words);
    }
}

/// A grant.
#[derive(Debug, Serialize)]
pub(crate) struct GrantFacts {
    kind: &'static str,
    swarm: String,
    agent: AgentId,
    /// None if whoever has it may use it.
    public_key: Option<PublicKey>,
    role: Role,
    publish: Vec<TopicPattern>,
    subscribe: Vec<TopicPattern>,
    serve: Vec<CapabilityPattern>,
    call: Vec<CapabilityPattern>,
    datagrams_per_second: Option<u32>,
    from: String,
    until: String,
    signer: PublicKey,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    #[serde(skip)]
    now: UnixSeconds,
    #[serde(skip)]
    moments: (UnixSeconds, UnixSeconds),
}

impl GrantFacts {
    pub(crate) fn new(grant: &Signed<Grant>, verdict: Verdict, now: UnixSeconds) -> Self {
        let statement = grant.statement();
        let (kind, public_key) = match statement.subject {
            Subject::Key(key) => ("grant", Some(key)),
            Subject::Bearer(_) => ("token", None),
        };
        let permissions = statement.permissions.clone();
        Self {
            kind,
            swarm: statement.swarm.to_string(),
            agent: agent_id_of_subject(&statement.subject),
            public_key,
            role: statement.role,
            publish: permissions.publish,
            subscribe: permissions.subscribe,
            serve: permissions.serve,
            call: permissions.call,
            datagrams_per_second: statement.datagrams_per_second.map(std::num::NonZero::get),
            from: moment::show(statement.valid.from),
            until: moment::show(statement.valid.until),
            signer: grant.signer(),
            verdict,
            now,
            moments: (statement.valid.from, statement.valid.until),
        }
    }

    /// What it is, in a few words.
    pub(crate) fn title(&self) -> String {
        format!("{} of {}", self.kind, self.swarm)
    }

    pub(crate) fn describe(&self, sheet: &mut Sheet) {
        sheet.row("agent", self.agent);
        match &self.public_key {
            Some(key) => sheet.row("public key", key),
            None => sheet.row("for", "whoever has it, once"),
        }
        sheet.row("role", self.role);
        sheet.row("publish", patterns(&self.publish));
        sheet.row("subscribe", patterns(&self.subscribe));
        sheet.row("serve", patterns(&self.serve));
        sheet.row("call", patterns(&self.call));
        if let Some(most) = self.datagrams_per_second {
            sheet.row("datagrams", format!("{most} a second at most"));
        }
        sheet.row("from", moment::show_from(self.moments.0, self.now));
        sheet.row("until", moment::show_from(self.moments.1, self.now));
        sheet.row("signed by", self.signer.fingerprint());
        self.verdict.describe(sheet);
    }
}

fn patterns<T: ToString>(patterns: &[T]) -> String {
    if patterns.is_empty() {
        return "nothing".to_owned();
    }
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A list of revocations.
#[derive(Debug, Serialize)]
pub(crate) struct ListFacts {
    kind: &'static str,
    swarm: String,
    version: u64,
    revoked: Vec<RevocationFacts>,
    signer: PublicKey,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Serialize)]
struct RevocationFacts {
    agent: AgentId,
    until: String,
}

impl ListFacts {
    pub(crate) fn new(list: &Signed<Revocations>, verdict: Verdict) -> Self {
        let statement = list.statement();
        let revoked = statement.revoked.iter();
        let revoked =
            revoked.map(|entry| RevocationFacts { agent: entry.agent, until: moment::show(entry.until) });
        Self {
            kind: "revocations",
            swarm: statement.swarm.to_string(),
            version: statement.version,
            revoked: revoked.collect(),
            signer: list.signer(),
            verdict,
        }
    }

    pub(crate) fn title(&self) -> String {
        format!("list of revocations of {}", self.swarm)
    }

    pub(crate) fn describe(&self, sheet: &mut Sheet) {
        sheet.row("version", self.version);
        for RevocationFacts { agent, until } in &self.revoked {
            sheet.row("revoked", format!("{agent}, what holds from {until} or earlier"));
        }
        if self.revoked.is_empty() {
            sheet.row("revoked", "nobody");
        }
        sheet.row("signed by", self.signer.fingerprint());
        self.verdict.describe(sheet);
    }
}
