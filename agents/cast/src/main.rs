//! The program `swarm-sim` with the cast of the scenarios in the box. Write one like it for agents of your own.

use std::process::ExitCode;

use agent_beacon::Beacon;
use agent_control::ControlAgent;
use agent_depot::{DepotAgent, Parcel};
use agent_greeter::Greeter;
use agent_language::LanguageAgent;
use agent_listener::Listener;
use agent_platoon::{MemberAgent, WitnessAgent};
use agent_reasoner::{Puzzles, ReasonerAgent};
use agent_relay::RelayAgent;
use agent_rover::RoverAgent;
use agent_searcher::{RefereeAgent, SearcherAgent};
use agent_shop::{ClerkAgent, CustomerAgent};
use agent_studio::{FusionAgent, Scene, StageAgent};
use agent_vision::VisionAgent;
use swarm_sim::{Question, Registry, Setup};

fn main() -> ExitCode {
    let cast = swarm_sim::soak::register(Registry::new())
        .agent("beacon", "broadcasts payloads of a fixed size at a fixed rate", |setup: Setup<'_, _>| {
            Ok(Beacon::new(setup.params, setup.seed))
        })
        .agent("clerk", "sells what customers order, and tells everybody", |setup: Setup<'_, _>| {
            Ok(ClerkAgent::new(setup.params)?)
        })
        .agent("control", "sends rovers about, each command until it is confirmed", |setup: Setup<'_, _>| {
            Ok(ControlAgent::new(setup.params, setup.seed))
        })
        .agent("customer", "orders of whichever clerk has time", |setup: Setup<'_, _>| {
            Ok(CustomerAgent::new(setup.params, setup.seed)?)
        })
        .agent("depot", "hands out parcels of any size, so many at once", |setup: Setup<'_, _>| {
            Ok(DepotAgent::new(setup.params))
        })
        .agent(
            "fusion",
            "shows scenes of a stage as well as can be in a given time",
            |setup: Setup<'_, _>| Ok(FusionAgent::new(setup.params)),
        )
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
            "platoon",
            "elects a commander with others, obeys while it hears it, commands if elected",
            |setup: Setup<'_, _>| Ok(MemberAgent::new(setup.params, setup.seed)?),
        )
        .agent(
            "reasoner",
            "answers questions about pictures, with vision and language",
            |setup: Setup<'_, _>| Ok(ReasonerAgent::new(setup.params, setup.seed)),
        )
        .agent("referee", "measures how much sooner one team has seen everything", |setup: Setup<'_, _>| {
            Ok(RefereeAgent::new(setup.params)?)
        })
        .agent("relay", "passes requests on along a line; the last one works", |setup: Setup<'_, _>| {
            Ok(RelayAgent::new(setup.params, setup.index)?)
        })
        .agent("rover", "drives about, tells where it is, and takes commands", |setup: Setup<'_, _>| {
            Ok(RoverAgent::new(setup.params, setup.seed))
        })
        .agent("searcher", "explores a place, and shares with its team what it saw", |setup: Setup<'_, _>| {
            Ok(SearcherAgent::new(setup.params)?)
        })
        .agent("stage", "has scenes of sound, words and pictures in layers", |setup: Setup<'_, _>| {
            Ok(StageAgent::new(setup.params))
        })
        .agent(
            "vision",
            "reads digits from pictures, roughly at once and well after",
            |setup: Setup<'_, _>| Ok(VisionAgent::new(setup.params, setup.seed)?),
        )
        .agent(
            "witness",
            "hears all commanders, and finds out whether ever there are two",
            |setup: Setup<'_, _>| Ok(WitnessAgent::new(setup.params)?),
        )
        .questions("boxes", "a parcel of 100 KB, for a depot, of which every byte is compared", |seed| {
            parcels(seed, 100_000)
        })
        .questions("parcels", "a parcel of 3 MiB, for a depot, of which every byte is compared", |seed| {
            parcels(seed, 3 << 20)
        })
        .questions("puzzles", "a picture of a digit and a question about it, for a reasoner", |seed| {
            Puzzles::new(seed).filter_map(|puzzle| {
                let payload = puzzle.payload().ok()?;
                Some(Question::new(payload, move |reply| puzzle.is_solved_by(reply)))
            })
        })
        .questions("scenes", "a scene, for a fusion, of which all that is shown is compared", |seed| {
            (0..).map(move |number| {
                let scene = Scene(seed.wrapping_add(number));
                Question::new(scene.0.to_string(), move |reply| scene.is_shown_by(reply))
            })
        });
    swarm_sim::cli::main(&cast)
}

fn parcels(seed: u64, bytes: u32) -> impl Iterator<Item = Question> {
    (0..).map(move |number| {
        let parcel = Parcel { number: seed.wrapping_add(number), bytes };
        Question::new(parcel.to_string(), move |reply| parcel.is(reply))
    })
}
