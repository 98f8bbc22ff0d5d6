//! What crosses between this agent and others: names, labels and the MessagePack values behind them. No behaviour.
//!
//! ```text
//! rover.telemetry   observation: Telemetry, many times a second; only the newest counts
//! rover.vibration   observation: Vibration, many times a second; any may be lost
//! rover.event       observation: Event, when something happens; none may be lost
//! fleet.order       observation to rovers: Order, for all of them
//! rover.command     body: Command {id, order}     reply: accepted Accepted {id}, done Done {id, repeated, telemetry}
//! ```

use serde::{Deserialize, Serialize};

/// The topic of the observations; each carries a [`Telemetry`].
pub const TELEMETRY: &str = "rover.telemetry";

/// The topic of the observations that carry a [`Vibration`].
pub const VIBRATION: &str = "rover.vibration";

/// The topic of the observations that carry an [`Event`].
pub const EVENT: &str = "rover.event";

/// The topic of what is said to all rovers; each observation carries an [`Order`].
pub const FLEET_ORDER: &str = "fleet.order";

/// The capability: take a [`Command`].
pub const COMMAND: &str = "rover.command";

/// The label of the first chunk of the reply, an [`Accepted`]: the command was understood.
pub const ACCEPTED: &str = "accepted";

/// The label of the second chunk of the reply, a [`Done`]: the command has taken effect.
pub const DONE: &str = "done";

/// Where a rover is and how it does. A map with the fields' names on the wire; readers ignore keys they do not know.
///
/// ```
/// use agent_rover::messages::Telemetry;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let telemetry = Telemetry { x_m: 1.0, y_m: -2.0, heading_rad: 0.0, speed_mps: 1.5, battery: 0.8 };
/// let bytes = to_vec(&telemetry)?;
/// assert_eq!(from_slice::<Telemetry>(&bytes)?, telemetry);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Metres east of the origin.
    pub x_m: f64,
    /// Metres north of the origin.
    pub y_m: f64,
    /// Where it faces, in radians from east towards north, from -π to π.
    pub heading_rad: f64,
    /// Metres per second.
    pub speed_mps: f64,
    /// What is left of its charge, 0 to 1.
    pub battery: f64,
}

/// How much a rover shakes. A map with the fields' names on the wire.
///
/// ```
/// use agent_rover::messages::Vibration;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let vibration = Vibration { rms_mps2: 0.4, peak_mps2: 1.1 };
/// assert_eq!(from_slice::<Vibration>(&to_vec(&vibration)?)?, vibration);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Vibration {
    /// Root of the mean square of the acceleration since the last one, in metres per second, per second.
    pub rms_mps2: f64,
    /// The largest acceleration since the last one.
    pub peak_mps2: f64,
}

/// Something that happened to a rover, with its number. A map with the fields' names on the wire.
///
/// Numbers count from 1 in each life of the rover, so that whoever hears them can tell whether one is missing.
///
/// ```
/// use agent_rover::messages::{Event, Incident};
/// use swarm_core::proto::{from_slice, to_vec};
///
/// let event = Event { number: 1, incident: Incident::Departed };
/// assert_eq!(from_slice::<Event>(&to_vec(&event)?)?, event);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number among the events of this life of the rover.
    pub number: u64,
    /// What happened.
    pub incident: Incident,
}

/// What may happen to a rover. On the wire `"departed"`, `"halted"` or `"arrived"`.
///
/// ```
/// use agent_rover::messages::Incident;
/// use swarm_core::proto::from_slice;
///
/// assert_eq!(from_slice::<Incident>(b"\xa7arrived")?, Incident::Arrived);
/// # Ok::<(), swarm_core::proto::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Incident {
    /// It was given a new place to go to.
    Departed,
    /// It was told to stand still.
    Halted,
    /// It stands where it was sent.
    Arrived,
}

/// What a rover shall do. On the wire `"stop"`, `"report"` or `{"goto": {"x_m": …, "y_m": …}}`.
///
/// ```
/// use agent_rover::messages::Order;
/// use swarm_core::proto::{from_slice, to_vec};
///
/// assert_eq!(from_slice::<Order>(b"\xa4stop")?, Order::Stop);
/// assert!(to_vec(&Order::Goto { x_m: 1.0, y_m: 2.0 })?.starts_with(b"\x81\xa4goto\x82\xa3x_m"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Set course for this place, in metres, each at most a million from the origin. Replaces the target before.
    Goto {
        /// Metres east of the origin.
        x_m: f64,
        /// Metres north of the origin.
        y_m: f64,
    },
    /// Stand still.
    Stop,
    /// Change nothing; the confirmation tells how it does.
    Report,
}

/// An order with its number. A map with the fields' names on the wire.
///
/// A requester numbers its commands upwards and repeats a command under its number until it is confirmed. Numbers may
/// overtake one another by less than 128.
///
/// ```
/// use agent_rover::messages::{Command, Order};
/// use swarm_core::Chunk;
///
/// let command = Command { id: 1, order: Order::Goto { x_m: 3.0, y_m: 4.0 } };
/// assert_eq!(Chunk::encode("", &command)?.decode::<Command>()?, command);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Its number among the commands of this life of its requester to this rover.
    pub id: u64,
    /// What to do.
    pub order: Order,
}

/// A command was understood. A map with the field's name on the wire.
///
/// ```
/// use agent_rover::messages::{ACCEPTED, Accepted};
/// use swarm_core::Chunk;
///
/// assert_eq!(Chunk::encode(ACCEPTED, &Accepted { id: 7 })?.decode::<Accepted>()?.id, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Which command.
    pub id: u64,
}

/// A command has taken effect. A map with the fields' names on the wire.
///
/// ```
/// use agent_rover::messages::{DONE, Done, Telemetry};
/// use swarm_core::Chunk;
///
/// let telemetry = Telemetry { x_m: 0.0, y_m: 0.0, heading_rad: 0.0, speed_mps: 0.0, battery: 1.0 };
/// let done = Done { id: 7, repeated: false, telemetry };
/// assert_eq!(Chunk::encode(DONE, &done)?.decode::<Done>()?, done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Which command.
    pub id: u64,
    /// Whether it had been executed before, so that nothing was done this time.
    pub repeated: bool,
    /// How the rover does with it.
    pub telemetry: Telemetry,
}
