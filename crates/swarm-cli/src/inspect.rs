//! `swarm inspect`: what something is, and whether it counts.

use std::path::Path;

use serde::Serialize;
use swarm_core::trust::{Access, Credentials, TrustAnchor, files};
use swarm_proto::{Grant, PublicKey, Revocations, Signed, SwarmName};

use crate::answer::{Answer, Sheet};
use crate::arguments::InspectArguments;
use crate::authority::SECRET;
use crate::error::CliError;
use crate::facts::{GrantFacts, KeyFacts, ListFacts, Verdict};
use crate::found::Found;
use crate::place;
use crate::root;
use crate::{Machine, Status};

/// Public keys, or a secret one of which nothing else is said.
#[derive(Serialize)]
struct Keys {
    kind: &'static str,
    keys: Vec<KeyFacts>,
}

/// What a node starts with.
#[derive(Serialize)]
struct Directory {
    kind: &'static str,
    directory: String,
    roots: Vec<PublicKey>,
    grant: GrantFacts,
    revocations: Option<ListFacts>,
}

pub(crate) fn inspect(arguments: &InspectArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    match Found::find(&arguments.what, machine.input)? {
        Found::Directory(path) if path.join(SECRET).exists() => root::show(&path),
        Found::Directory(path) => directory(&path, machine),
        Found::Secret(key) => Ok(keys("secret_key", "secret key of an agent or a root", &[key.public_key()])),
        Found::Public(found) if found.len() == 1 => {
            Ok(keys("public_keys", "public key of an agent or a root", &found))
        }
        Found::Public(found) => Ok(keys("public_keys", "public keys of agents or roots", &found)),
        Found::Grant(grant) => one_grant(&grant, arguments, machine),
        Found::Revocations(list) => {
            let anchor = anchor(arguments, &list.statement().swarm)?;
            let facts = ListFacts::new(&list, Verdict::of_list(&list, anchor.as_ref()));
            let mut sheet = Sheet::new(facts.title());
            facts.describe(&mut sheet);
            Ok(judged(Answer::new(&sheet, &facts), &facts.verdict))
        }
    }
}

fn keys(kind: &'static str, title: &str, found: &[PublicKey]) -> Answer {
    let facts = Keys { kind, keys: found.iter().map(KeyFacts::new).collect() };
    let mut sheet = Sheet::new(title);
    facts.keys.iter().for_each(|key| key.describe(&mut sheet));
    Answer::new(&sheet, &facts)
}

fn one_grant(
    grant: &Signed<Grant>,
    arguments: &InspectArguments,
    machine: &Machine<'_>,
) -> Result<Answer, CliError> {
    let anchor = anchor(arguments, &grant.statement().swarm)?;
    let list: Option<Signed<Revocations>> = arguments.list.as_deref().map(files::read_signed).transpose()?;
    if let (Some(anchor), Some(list), Some(path)) = (&anchor, &list, &arguments.list) {
        anchor.check(list).map_err(|source| CliError::List { path: path.clone(), source })?;
    }
    let verdict =
        Verdict::of_grant(grant, anchor.as_ref(), list.as_ref().map(Signed::statement), machine.now);
    let facts = GrantFacts::new(grant, verdict, machine.now);
    let mut sheet = Sheet::new(facts.title());
    facts.describe(&mut sheet);
    Ok(judged(Answer::new(&sheet, &facts), &facts.verdict))
}

/// The roots that are named, in the swarm that is named, or else in the one that it names itself.
fn anchor(arguments: &InspectArguments, own: &SwarmName) -> Result<Option<TrustAnchor>, CliError> {
    let Some(roots) = &arguments.roots else { return Ok(None) };
    let swarm = arguments.swarm.as_ref().unwrap_or(own).clone();
    Ok(Some(TrustAnchor::new(swarm, files::read_public(roots)?)?))
}

/// As a node would that starts with it.
fn directory(path: &Path, machine: &Machine<'_>) -> Result<Answer, CliError> {
    let credentials = Credentials::load(path)?;
    let (anchor, list) = (credentials.anchor(), credentials.revocations());
    let list_facts = list.map(|list| ListFacts::new(list, Verdict::of_list(list, Some(anchor))));
    let access = Access::new(&credentials);
    let verdict = match list.map(|list| access.revoke(list.clone())) {
        Some(Err(error)) => Verdict::unheeded(&error),
        _ => {
            let list = access.revocations();
            let revoked = list.as_deref().map(Signed::statement);
            Verdict::of_grant(credentials.grant(), Some(anchor), revoked, machine.now)
        }
    };
    let facts = Directory {
        kind: "credentials",
        directory: place::show(path),
        roots: anchor.roots().to_vec(),
        grant: GrantFacts::new(credentials.grant(), verdict, machine.now),
        revocations: list_facts,
    };
    let mut sheet = Sheet::new(format!("credentials for {}", anchor.swarm()));
    facts.grant.describe(&mut sheet);
    let roots = facts.roots.iter().map(PublicKey::fingerprint).collect::<Vec<_>>();
    sheet.row("roots", roots.join(", "));
    match list.map(Signed::statement) {
        Some(list) => {
            sheet.row("revocations", format!("version {}, {} agents", list.version, list.revoked.len()))
        }
        None => sheet.row("revocations", "none"),
    }
    Ok(judged(Answer::new(&sheet, &facts), &facts.grant.verdict))
}

fn judged(answer: Answer, verdict: &Verdict) -> Answer {
    let status = if verdict.counts == Some(false) { Status::Failed } else { Status::Good };
    Answer { status, ..answer }
}
