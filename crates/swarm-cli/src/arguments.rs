//! What may stand on the command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use swarm_proto::{CapabilityPattern, Permissions, Role, SwarmName, TopicPattern, UnixSeconds};

use crate::moment;

/// Makes, shows and takes back the keys and grants of a swarm.
#[derive(Debug, Parser)]
#[command(
    name = "swarm",
    version,
    arg_required_else_help = true,
    after_help = "\
A swarm from nothing; the secret of each machine stays on it:
  root's machine   swarm root new --swarm harbour-7 --out harbour-7
  node             swarm key new --out /etc/swarm/rover-7
  root's machine   swarm grant --root harbour-7 --key <PUBLIC KEY> --publish 'rover.**' --days 30 --out rover-7.grant
  node             put rover-7.grant there as `grant`, and root.pub.pem as `roots.pem`
                   swarm inspect /etc/swarm/rover-7

Exit status: 0 when it is done, 1 when it could not be done or what was inspected does not count, 2 when the command
line is wrong."
)]
pub(crate) struct Arguments {
    /// Say it in JSON, on the standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make or show the root of a swarm, whose key says who belongs to it.
    Root {
        #[command(subcommand)]
        command: RootCommand,
    },
    /// Make or show the key of an agent.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Sign what the agent with a key may do, or a token for a guest without one.
    Grant(GrantArguments),
    /// Sign a grant again as it is, for another while.
    Renew(RenewArguments),
    /// Make key, roots and grant of an agent in one go, on the root's machine.
    Enrol(EnrolArguments),
    /// Take back the grants of agents.
    Revoke(RevokeArguments),
    /// Say what a file or text is, and whether it counts now.
    Inspect(InspectArguments),
    /// Show the root of local work, which is made if it is not there.
    Dev,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RootCommand {
    /// Make the root of a new swarm: root.pem, which is secret, root.pub.pem, and the name in root.swarm.
    #[command(after_help = "Example:\n  swarm root new --swarm harbour-7 --out harbour-7")]
    New(RootNewArguments),
    /// Show the public key of a root.
    #[command(after_help = "Example:\n  swarm root show harbour-7")]
    Show {
        /// Its directory, or the file root.pem or root.pub.pem.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RootNewArguments {
    /// Name of the swarm.
    #[arg(long, value_name = "NAME")]
    pub(crate) swarm: SwarmName,
    /// Directory for the files; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make the key of a new agent, and show its public half.
    #[command(after_help = "Example:\n  swarm key new --out /etc/swarm/rover-7")]
    New {
        /// Directory, for a file identity.pem in it, or a file that ends in .pem.
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
    },
    /// Show the id and the public half of an agent's key.
    #[command(after_help = "Example:\n  swarm key show /etc/swarm/rover-7")]
    Show {
        /// Directory with a file identity.pem, or that file.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
}

/// The root that signs, and what is known of its swarm.
#[derive(Debug, Args)]
pub(crate) struct AuthorityArguments {
    /// The root: its directory, or the file root.pem.
    #[arg(long, value_name = "PATH")]
    pub(crate) root: PathBuf,
    /// Name of the swarm [default: the one in root.swarm beside root.pem].
    #[arg(long, value_name = "NAME")]
    pub(crate) swarm: Option<SwarmName>,
    /// The list of revocations [default: revocations beside root.pem].
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// Public key of the root whose place this one takes: its grants and lists are believed, and signed anew.
    #[arg(long, value_name = "FILE")]
    pub(crate) old_root: Option<PathBuf>,
}

/// What may be done.
#[derive(Debug, Args)]
#[group(id = "permissions", required = true, multiple = true)]
pub(crate) struct PermissionArguments {
    /// Topics that it may publish observations of, such as 'rover.**'; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) publish: Vec<TopicPattern>,
    /// Topics that it may be sent observations of; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) subscribe: Vec<TopicPattern>,
    /// Capabilities that it may offer, such as 'vision.**@*'; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) serve: Vec<CapabilityPattern>,
    /// Capabilities that it may ask others for; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) call: Vec<CapabilityPattern>,
    /// It may do everything.
    #[arg(long, conflicts_with_all = ["publish", "subscribe", "serve", "call"])]
    pub(crate) all: bool,
}

impl PermissionArguments {
    pub(crate) fn permissions(&self) -> Permissions {
        if self.all {
            return Permissions::everything();
        }
        Permissions {
            publish: self.publish.clone(),
            subscribe: self.subscribe.clone(),
            serve: self.serve.clone(),
            call: self.call.clone(),
        }
    }
}

/// For how long.
#[derive(Debug, Args)]
#[group(id = "term", required = true, multiple = false)]
pub(crate) struct TermArguments {
    /// It holds for so many days.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) days: Option<u32>,
    /// It holds until then, in UTC: 2027-01-31, to the end of that day, or 2027-01-31T12:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = moment::parse)]
    pub(crate) until: Option<UnixSeconds>,
}

/// For how long, if it may be a token.
#[derive(Debug, Args)]
#[group(id = "term_or_minutes", required = true, multiple = false)]
pub(crate) struct GrantTermArguments {
    /// It holds for so many days.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "bearer")]
    pub(crate) days: Option<u32>,
    /// It holds until then, in UTC: 2027-01-31, to the end of that day, or 2027-01-31T12:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = moment::parse, conflicts_with = "bearer")]
    pub(crate) until: Option<UnixSeconds>,
    /// A token holds for so many minutes, 60 at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60), requires = "bearer")]
    pub(crate) minutes: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleArgument {
    /// A node among nodes: introduced to others, and introducing them.
    Member,
    /// A guest: connected to those that it dials alone.
    Observer,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Member => Self::Member,
            RoleArgument::Observer => Self::Observer,
        }
    }
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").args(["key", "bearer"]).required(true)), after_help = "\
Quote patterns, or the shell looks for files that fit.

Examples:
  swarm grant --root harbour-7 --key ea4a6c63… --publish 'rover.**' --subscribe '**' --days 30 --out rover-7.grant
  swarm grant --root harbour-7 --key ea4a6c63… --all --until 2027-01-31 > rover-7.grant
  swarm grant --root harbour-7 --bearer --subscribe 'map.**' --minutes 5")]
pub(crate) struct GrantArguments {
    #[command(flatten)]
    pub(crate) authority: AuthorityArguments,
    /// Whom it is for: 64 hexadecimal digits, a file with a key, public or secret, or the directory with it.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// It is for whoever has it: a token for one guest, who is an observer and comes in once.
    #[arg(long, conflicts_with_all = ["role", "out", "after_revocation"])]
    pub(crate) bearer: bool,
    /// What it is in the swarm.
    #[arg(long, value_name = "ROLE", default_value = "member")]
    pub(crate) role: RoleArgument,
    #[command(flatten)]
    pub(crate) permissions: PermissionArguments,
    #[command(flatten)]
    pub(crate) term: GrantTermArguments,
    /// Its peers take no more datagrams of it in a second.
    #[arg(long, value_name = "N")]
    pub(crate) datagrams_per_second: Option<NonZeroU32>,
    /// The agent's grants were revoked, and now it gets one again.
    #[arg(long)]
    pub(crate) after_revocation: bool,
    /// Write it into this file, or the file `grant` of this directory, in place of the agent's grant there.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  swarm renew --root harbour-7 rover-7.grant --days 30 --out rover-7.grant"
)]
pub(crate) struct RenewArguments {
    #[command(flatten)]
    pub(crate) authority: AuthorityArguments,
    /// The grant, which may have ended: its file, the directory with it, its text, or - for the standard input.
    #[arg(value_name = "GRANT")]
    pub(crate) grant: String,
    #[command(flatten)]
    pub(crate) term: TermArguments,
    /// Write it into this file, or the file `grant` of this directory, in place of the agent's grant there.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The secret key is then made on the root's machine and has to be carried to the node. Where that matters, make it on the
node (`swarm key new`) and carry its public half here (`swarm grant`).

Example:
  swarm enrol --root harbour-7 --out rover-7 --publish 'rover.**' --subscribe '**' --days 30")]
pub(crate) struct EnrolArguments {
    #[command(flatten)]
    pub(crate) authority: AuthorityArguments,
    /// Directory for the files that a node starts with; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What it is in the swarm.
    #[arg(long, value_name = "ROLE", default_value = "member")]
    pub(crate) role: RoleArgument,
    #[command(flatten)]
    pub(crate) permissions: PermissionArguments,
    #[command(flatten)]
    pub(crate) term: TermArguments,
    /// Its peers take no more datagrams of it in a second.
    #[arg(long, value_name = "N")]
    pub(crate) datagrams_per_second: Option<NonZeroU32>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The list gets the next version. Put it into the credentials of any node as the file `revocations`: within a second it
heeds the list and passes it on to the others.

Examples:
  swarm revoke --root harbour-7 --agent d8847d91-4101-8863-8914-2419781bbbdd
  swarm revoke --root harbour-7 --agent rover-7.grant --agent rover-8.grant
  swarm revoke --root harbour-7 --drop-before 2026-01-31")]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    pub(crate) authority: AuthorityArguments,
    /// Whose grants: the id of an agent, or its key or a grant of it, as a text or a file; may be given several times.
    #[arg(long, value_name = "AGENT", required_unless_present = "drop_before")]
    pub(crate) agent: Vec<String>,
    /// Those are void that hold from then on or from earlier, in UTC [default: now].
    #[arg(long, value_name = "DATE", value_parser = moment::parse)]
    pub(crate) until: Option<UnixSeconds>,
    /// Make the list shorter by what it says of grants that all hold from before then. Do so when none of them holds
    /// any more.
    #[arg(long, value_name = "DATE", value_parser = moment::parse)]
    pub(crate) drop_before: Option<UnixSeconds>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  swarm inspect /etc/swarm/rover-7
  swarm inspect rover-7.grant --roots harbour-7/root.pub.pem --list harbour-7/revocations
  echo \"$token\" | swarm inspect -")]
pub(crate) struct InspectArguments {
    /// A key, a grant, a token or a list of revocations, as a file or a text; a directory with credentials; or - for
    /// the standard input.
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Public keys of the roots: says whether it counts.
    #[arg(long, value_name = "FILE")]
    pub(crate) roots: Option<PathBuf>,
    /// Name of the swarm in which it should [default: the one that it names].
    #[arg(long, value_name = "NAME", requires = "roots")]
    pub(crate) swarm: Option<SwarmName>,
    /// The list of revocations that is known.
    #[arg(long, value_name = "FILE", requires = "roots")]
    pub(crate) list: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    /// Commands as they stand in a text, one a line, without the shell's quotes and remarks.
    fn commands_in(text: &str) -> Vec<Vec<String>> {
        let text = text.replace("\\\n", " ");
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("swarm "));
        let words = |line: &str| {
            let words = line.split_whitespace().take_while(|word| !["#", ">"].contains(word));
            words.map(|word| word.trim_matches('\'').to_owned()).collect()
        };
        lines.map(words).collect()
    }

    #[test]
    fn examples_are_commands() {
        let mut program = Arguments::command();
        let help = program.get_subcommands_mut().map(|command| command.render_long_help().to_string());
        let help = help.collect::<Vec<_>>().concat();
        let (ours, of_guide) = (commands_in(&help), commands_in(include_str!("../../../docs/security.md")));
        assert!(ours.len() >= 10 && of_guide.len() >= 4, "{ours:?} {of_guide:?}");

        for command in [ours, of_guide].concat() {
            let parsed = Arguments::try_parse_from(&command);
            assert!(parsed.is_ok(), "{command:?}: {}", parsed.unwrap_err());
        }
    }
}
