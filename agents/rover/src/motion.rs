//! How a rover moves: turns towards its target, drives, brakes, and loses charge. Pure: time comes in as steps.

use std::f64::consts::{PI, TAU};

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use crate::messages::{Order, Telemetry};

/// Metres per second.
const TOP_SPEED_MPS: f64 = 2.0;

/// Metres per second, per second: top speed within two seconds.
const ACCELERATION_MPS2: f64 = 1.0;

/// Radians per second: half a turn within three seconds.
const TURN_RATE_RADPS: f64 = 1.0;

/// Metres: so near it has arrived.
const ARRIVED_M: f64 = 0.2;

/// Charge lost per metre: a full battery lasts ten kilometres.
const DRAIN_PER_M: f64 = 1e-4;

/// Charge gained per second of standing in the sun.
const SUN_PER_S: f64 = 1e-3;

/// Metres from the origin in each direction, beyond which nobody is sent.
const FARTHEST_M: f64 = 1e6;

/// Metres from the origin in each direction, within which rovers begin.
const START_WITHIN_M: f64 = 50.0;

/// A rover's body.
#[derive(Debug, Clone)]
pub(crate) struct Motion {
    x_m: f64,
    y_m: f64,
    heading_rad: f64,
    speed_mps: f64,
    battery: f64,
    target: Option<(f64, f64)>,
}

/// A place that no rover can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("no rover can go to ({x_m}, {y_m}): stay within a million metres of the origin")]
pub(crate) struct OutOfReach {
    x_m: f64,
    y_m: f64,
}

impl Motion {
    /// Somewhere near the origin, facing anywhere, nearly full.
    pub(crate) fn somewhere(rng: &mut Xoshiro256PlusPlus) -> Self {
        Self {
            x_m: rng.random_range(-START_WITHIN_M..START_WITHIN_M),
            y_m: rng.random_range(-START_WITHIN_M..START_WITHIN_M),
            heading_rad: rng.random_range(-PI..PI),
            speed_mps: 0.0,
            battery: rng.random_range(0.7..1.0),
            target: None,
        }
    }

    /// Whether an order can be obeyed at all.
    pub(crate) fn check(order: Order) -> Result<(), OutOfReach> {
        match order {
            Order::Goto { x_m, y_m } if !(x_m.abs() <= FARTHEST_M && y_m.abs() <= FARTHEST_M) => {
                Err(OutOfReach { x_m, y_m })
            }
            _ => Ok(()),
        }
    }

    /// Obeys: the course is set when this returns.
    pub(crate) fn obey(&mut self, order: Order) {
        match order {
            Order::Goto { x_m, y_m } => self.target = Some((x_m, y_m)),
            Order::Stop => self.target = None,
            Order::Report => {}
        }
    }

    /// Lets `seconds` pass.
    pub(crate) fn advance(&mut self, seconds: f64) {
        let wanted = self.steer(seconds);
        let change = ACCELERATION_MPS2 * seconds;
        self.speed_mps += (wanted - self.speed_mps).clamp(-change, change);
        let way = self.speed_mps * seconds;
        self.x_m += way * self.heading_rad.cos();
        self.y_m += way * self.heading_rad.sin();
        let sun = if self.speed_mps == 0.0 { SUN_PER_S * seconds } else { 0.0 };
        self.battery = (self.battery + sun - DRAIN_PER_M * way).clamp(0.0, 1.0);
    }

    /// Whether it stands where it was sent, and has not said so yet.
    pub(crate) fn has_arrived(&mut self) -> bool {
        let there =
            self.speed_mps == 0.0 && self.target.is_some_and(|target| self.distance(target) < ARRIVED_M);
        if there {
            self.target = None;
        }
        there
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        let Self { x_m, y_m, heading_rad, speed_mps, battery, .. } = *self;
        Telemetry { x_m, y_m, heading_rad, speed_mps, battery }
    }

    fn distance(&self, (x, y): (f64, f64)) -> f64 {
        (x - self.x_m).hypot(y - self.y_m)
    }

    /// Turns towards the target, and gives the speed to drive at.
    fn steer(&mut self, seconds: f64) -> f64 {
        let Some((x, y)) = self.target else { return 0.0 };
        let (east, north) = (x - self.x_m, y - self.y_m);
        let distance = self.distance((x, y));
        if distance < ARRIVED_M || self.battery == 0.0 {
            return 0.0;
        }
        let off = wrapped(north.atan2(east) - self.heading_rad);
        let turn = TURN_RATE_RADPS * seconds;
        self.heading_rad = wrapped(self.heading_rad + off.clamp(-turn, turn));
        // Slow in bends, or it would circle its target; and slow enough to brake in time.
        let braking = (2.0 * ACCELERATION_MPS2 * distance).sqrt();
        (TOP_SPEED_MPS * off.cos().max(0.0)).min(braking)
    }
}

/// The same angle, from -π to π.
fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const STEP_S: f64 = 0.05;

    fn rover(seed: u64) -> Motion {
        Motion::somewhere(&mut Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn drive(rover: &mut Motion, seconds: u32) {
        (0..seconds * 20).for_each(|_| rover.advance(STEP_S));
    }

    #[test]
    fn it_says_once_that_it_has_arrived() {
        let mut rover = rover(1);
        assert!(!rover.has_arrived(), "it was sent nowhere");
        rover.obey(Order::Goto { x_m: 3.0, y_m: -4.0 });
        let arrivals = (0..20 * 300).filter(|_| {
            rover.advance(STEP_S);
            rover.has_arrived()
        });
        assert_eq!(arrivals.count(), 1);
    }

    #[test]
    fn it_arrives_and_stands_still_there() {
        for seed in 0..20 {
            let mut rover = rover(seed);
            rover.obey(Order::Goto { x_m: 30.0, y_m: -40.0 });
            drive(&mut rover, 120);
            let Telemetry { x_m, y_m, speed_mps, .. } = rover.telemetry();
            assert!((x_m - 30.0).hypot(y_m + 40.0) < 1.0, "seed {seed}: ({x_m}, {y_m})");
            assert_eq!(speed_mps, 0.0, "seed {seed}");
        }
    }

    #[test]
    fn it_stops_when_told_and_a_report_changes_nothing() {
        let mut rover = rover(1);
        rover.obey(Order::Goto { x_m: 1e6, y_m: 1e6 });
        drive(&mut rover, 10);
        rover.obey(Order::Report);
        drive(&mut rover, 1);
        assert!(rover.telemetry().speed_mps > 1.9);
        rover.obey(Order::Stop);
        drive(&mut rover, 3);
        assert_eq!(rover.telemetry().speed_mps, 0.0);
    }

    #[test]
    fn driving_costs_charge_and_an_empty_rover_rests_in_the_sun() {
        let mut rover = rover(2);
        let before = rover.telemetry().battery;
        rover.obey(Order::Goto { x_m: 1e6, y_m: 0.0 });
        drive(&mut rover, 60);
        assert!(rover.telemetry().battery < before);
        rover.battery = 0.0;
        drive(&mut rover, 10);
        assert!(rover.telemetry().battery > 0.0);
    }

    #[test]
    fn its_telemetry_stays_within_bounds() {
        let mut rover = rover(3);
        for n in 0..50_u8 {
            rover
                .obey(Order::Goto { x_m: f64::from(n % 7) * 9.0 - 20.0, y_m: f64::from(n % 5) * 9.0 - 20.0 });
            drive(&mut rover, 3);
            let Telemetry { x_m, y_m, heading_rad, speed_mps, battery } = rover.telemetry();
            assert!(x_m.is_finite() && y_m.is_finite() && heading_rad.abs() <= PI);
            assert!((0.0..=TOP_SPEED_MPS).contains(&speed_mps) && (0.0..=1.0).contains(&battery));
        }
    }

    #[test]
    fn places_that_do_not_exist_are_out_of_reach() {
        for (x_m, y_m) in [(f64::NAN, 0.0), (0.0, f64::INFINITY), (-2e6, 0.0)] {
            assert!(Motion::check(Order::Goto { x_m, y_m }).is_err());
        }
        assert_eq!(Motion::check(Order::Goto { x_m: 1e6, y_m: -1e6 }), Ok(()));
    }
}
