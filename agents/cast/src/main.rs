//! The program `swarm-sim` with the cast of the scenarios in the box. Write one like it for agents of your own.

use std::process::ExitCode;

use agent_beacon::Beacon;
use agent_control::ControlAgent;
use agent_depot::{DepotAgent, Parcel};
use agent_greeter::Greeter;
use agent_language::LanguageAgent;
use agent_listener::Listener;
use agent_reasoner::{Puzzles, ReasonerAgent};
use agent_relay::RelayAgent;
use agent_rover::RoverAgent;
use agent_vision::VisionAgent;
use swarm_sim::{Question, Registry, Setup};

fn main() -> ExitCode {
    let cast = swarm_sim::soak::register(Registry::new())
        .agent("beacon", "broadcasts payloads of a fixed size at a fixed rate", |setup: Setup<'_, _>| {
            Ok(Beacon::new(setup.params, setup.seed))
        })
        .agent("control", "sends rovers about, each command until it is confirmed", |setup: Setup<'_, _>| {
            Ok(ControlAgent::new(setup.params, setup.seed))
        })
        .agent("depot", "hands out parcels of any size, so many at once", |setup: Setup<'_, _>| {
            Ok(DepotAgent::new(setup.params))
        })
        .agent("greeter", "greets everybody, and by name whoever asks", |setup: Setup<'_, _>| {
            Ok(Greeter::new(setup.params))
        })
        .agent("language", "tells what a sentence asks about a digit, word by word", |setup: Setup<'_, _>| {
            Ok(LanguageAgent::new(setup.params, setup.seed)?)
        })
        .agent("listener", "hears what it subscribed to, and takes its time", |setup: Setup<'_, _>| {
            Ok(Listener::new(setup.params))
        })
        .agent(
            "reasoner",
            "answers questions about pictures, with vision and language",
            |setup: Setup<'_, _>| Ok(ReasonerAgent::new(setup.params, setup.seed)),
        )
        .agent("relay", "passes requests on along a line; the last one works", |setup: Setup<'_, _>| {
            Ok(RelayAgent::new(setup.params, setup.index)?)
        })
        .agent("rover", "drives about, tells where it is, and takes commands", |setup: Setup<'_, _>| {
            Ok(RoverAgent::new(setup.params, setup.seed))
        })
        .agent(
            "vision",
            "reads digits from pictures, roughly at once and well after",
            |setup: Setup<'_, _>| Ok(VisionAgent::new(setup.params, setup.seed)?),
        )
        .questions("parcels", "a parcel of 3 MiB, for a depot, of which every byte is compared", |seed| {
            (0..).map(move |number| {
                let parcel = Parcel { number: seed.wrapping_add(number), bytes: 3 << 20 };
                Question::new(parcel.to_string(), move |reply| parcel.is(reply))
            })
        })
        .questions("puzzles", "a picture of a digit and a question about it, for a reasoner", |seed| {
            Puzzles::new(seed).filter_map(|puzzle| {
                let payload = puzzle.payload().ok()?;
                Some(Question::new(payload, move |reply| puzzle.is_solved_by(reply)))
            })
        });
    swarm_sim::cli::main(&cast)
}
