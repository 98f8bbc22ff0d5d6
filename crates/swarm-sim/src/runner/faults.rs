//! What goes wrong at the moment, and how it is put right.

use std::time::Duration;

use swarm_network::{FaultId, Scope};

use crate::{
    clock,
    cluster::Launcher,
    scenario::{Rate, Target},
};

/// What went wrong in a run so far, by number. What was put right keeps its number.
#[derive(Debug, Default)]
pub(super) struct Faults {
    all: Vec<Option<Active>>,
}

/// Something that is wrong.
#[derive(Debug)]
pub(super) struct Active {
    /// What `heal` calls it.
    pub(super) label: Option<String>,
    /// Its number in the record.
    pub(super) happening: Option<usize>,
    pub(super) undo: Vec<Undo>,
    pub(super) goes_on: Option<GoesOn>,
    /// Who went on when it was put right; whoever ended while it was paused did not.
    pub(super) resumed: Vec<usize>,
}

/// How something is put right.
#[derive(Debug)]
pub(super) enum Undo {
    /// The links are as they were.
    Links(FaultId),
    /// The member goes on.
    Resume(usize),
    /// The member is as quick as it was.
    Hurry(usize),
    /// The clock of the member is as it was.
    Clock(usize, clock::Error),
}

/// What happens over and over while something is wrong.
#[derive(Debug, Clone)]
pub(super) enum GoesOn {
    Flap { scope: Scope, down: Duration, up: Duration },
    Churn { target: Target, leave: Rate, join: Rate, crash: bool },
}

impl Faults {
    /// Something is wrong from now on. Gives its number.
    pub(super) fn begin(&mut self, active: Active) -> usize {
        self.all.push(Some(active));
        self.all.len() - 1
    }

    /// What is wrong under that number, unless it was put right.
    pub(super) fn get(&mut self, number: usize) -> Option<&mut Active> {
        self.all.get_mut(number)?.as_mut()
    }

    /// Puts it right. `None` if it was before.
    pub(super) fn end(&mut self, number: usize, launcher: &Launcher) -> Option<Active> {
        let mut active = self.all.get_mut(number)?.take()?;
        for undo in &active.undo {
            active.resumed.extend(undo.done(launcher));
        }
        Some(active)
    }

    /// The numbers of what is wrong with that label, or at all.
    pub(super) fn labelled(&self, label: Option<&str>) -> Vec<usize> {
        let fits = |active: &Active| label.is_none() || active.label.as_deref() == label;
        let wrong = self.all.iter().enumerate();
        wrong.filter(|(_, active)| active.as_ref().is_some_and(fits)).map(|(number, _)| number).collect()
    }
}

impl Undo {
    /// Gives who went on by it.
    fn done(&self, launcher: &Launcher) -> Option<usize> {
        match self {
            Self::Links(fault) => launcher.venue().end(*fault),
            Self::Resume(member) => {
                launcher.gate(*member).into_iter().for_each(|gate| gate.pause(false));
                return launcher.venue().resume(*member).then_some(*member);
            }
            Self::Hurry(member) => launcher.gate(*member).into_iter().for_each(|gate| gate.slow(None)),
            Self::Clock(member, error) => {
                launcher.clock(*member).into_iter().for_each(|clock| clock.set(*error));
            }
        }
        None
    }
}
