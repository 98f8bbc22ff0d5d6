//! `swarm grant` and `swarm renew`: what an agent may do, signed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt;
use serde::Serialize;
use swarm_core::agent_id_of_subject;
use swarm_core::trust::{GrantError, files};
use swarm_proto::{Grant, Role, Signed, Subject, UnixSeconds, Validity};

use crate::Machine;
use crate::answer::{Answer, Sheet};
use crate::arguments::{GrantArguments, RenewArguments, TermArguments};
use crate::authority::{Authority, same_subject};
use crate::error::CliError;
use crate::facts::{GrantFacts, Verdict};
use crate::found;
use crate::place;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);
/// Clocks differ: a grant holds a little before it was made.
const BACKDATED: u64 = 3600;

/// A grant and where it is now.
#[derive(Serialize)]
struct Made {
    #[serde(flatten)]
    facts: GrantFacts,
    text: String,
    file: Option<String>,
}

pub(crate) fn grant(arguments: &GrantArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let (authority, now) = (Authority::open(&arguments.authority)?, machine.now);
    let (subject, role, valid) = match &arguments.key {
        Some(key) => {
            let subject = Subject::Key(found::key(key, machine.input)?);
            let term = TermArguments { days: arguments.term.days, until: arguments.term.until };
            let mut valid = validity(&term, now);
            if arguments.after_revocation {
                let revoked = authority.revoked_until(agent_id_of_subject(&subject));
                let after = revoked.map(|until| until.saturating_add(Duration::from_secs(1)));
                valid.from = after.map_or(valid.from, |after| after.max(valid.from));
            }
            (subject, arguments.role.into(), valid)
        }
        None => {
            let minutes = arguments.term.minutes.unwrap_or(1);
            let valid = Validity { from: now, until: now.saturating_add(MINUTE * minutes) };
            (Subject::Bearer(machine.rng.random()), Role::Observer, valid)
        }
    };
    let grant = authority.sign(
        Grant {
            swarm: authority.swarm(),
            subject,
            role,
            permissions: arguments.permissions.permissions(),
            datagrams_per_second: arguments.datagrams_per_second,
            valid,
        },
        now,
    )?;
    hand_over(&authority, &grant, arguments.out.as_deref(), now)
}

pub(crate) fn renew(arguments: &RenewArguments, machine: &mut Machine<'_>) -> Result<Answer, CliError> {
    let (authority, now) = (Authority::open(&arguments.authority)?, machine.now);
    let old = found::grant(&arguments.grant, machine.input)?;
    // As it was when it began: that it has ended since is why it is renewed.
    let counted = authority.anchor.admit(&old, authority.revocations(), old.statement().valid.from);
    match (counted, &old.statement().subject) {
        (Ok(_), Subject::Key(_)) => {}
        (Ok(_), Subject::Bearer(_)) => return Err(CliError::NotRenewable(GrantError::TooLong)),
        (Err(error), _) => return Err(CliError::NotRenewable(error)),
    }
    let valid = validity(&arguments.term, now);
    let from = valid.from.max(old.statement().valid.from);
    let valid = Validity { from, ..valid };
    let grant = authority.sign(Grant { valid, ..old.statement().clone() }, now)?;
    hand_over(&authority, &grant, arguments.out.as_deref(), now)
}

/// From an hour ago until then.
pub(crate) fn validity(term: &TermArguments, now: UnixSeconds) -> Validity {
    let from = UnixSeconds::new(now.get().saturating_sub(BACKDATED));
    let until = term.until.unwrap_or_else(|| now.saturating_add(DAY * term.days.unwrap_or(1)));
    Validity { from, until }
}

fn hand_over(
    authority: &Authority,
    grant: &Signed<Grant>,
    out: Option<&Path>,
    now: UnixSeconds,
) -> Result<Answer, CliError> {
    let verdict = Verdict::of_grant(grant, Some(&authority.anchor), authority.revocations(), now);
    let facts = GrantFacts::new(grant, verdict, now);
    let (mut sheet, file) = (Sheet::new(facts.title()), out.map(file_of));
    facts.describe(&mut sheet);
    if let Some(file) = &file {
        write(file, grant)?;
        sheet.row("file", file.display());
    }
    let text = grant.to_string();
    let made = Made { facts, file: file.map(|file| place::show(&file)), text };
    let token = made.file.is_none().then(|| made.text.clone());
    Ok(Answer { token, ..Answer::new(&sheet, &made) })
}

fn file_of(out: &Path) -> PathBuf {
    if out.is_dir() { out.join(files::GRANT) } else { out.to_owned() }
}

/// In place of an older grant of the same agent, and of nothing else.
fn write(path: &Path, grant: &Signed<Grant>) -> Result<(), CliError> {
    if path.exists() {
        let same = files::read_signed::<Grant>(path)
            .is_ok_and(|old| same_subject(&old.statement().subject, &grant.statement().subject));
        if !same {
            return Err(CliError::OtherContent(path.to_owned()));
        }
    }
    place::make_room(path)?;
    Ok(files::write_signed(path, grant)?)
}
