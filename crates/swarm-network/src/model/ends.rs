//! All ends of all connections. A place is used again, and what was known of the end before leads nowhere.

use super::end::End;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndId {
    index: u32,
    generation: u32,
}

#[derive(Debug, Default)]
pub(super) struct Ends {
    places: Vec<Place>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place {
    generation: u32,
    /// In place, so that all that is looked at for each packet lies close together.
    end: Option<End>,
}

impl Ends {
    pub(super) fn add(&mut self, end: End) -> EndId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, end: None });
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let place = self.places.get_mut(index as usize);
        let generation = place.map_or(0, |place| {
            place.end = Some(end);
            place.generation
        });
        EndId { index, generation }
    }

    pub(super) fn get_mut(&mut self, id: EndId) -> Option<&mut End> {
        let place = self.places.get_mut(id.index as usize)?;
        if place.generation == id.generation { place.end.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, id: EndId) -> Option<End> {
        let place =
            self.places.get_mut(id.index as usize).filter(|place| place.generation == id.generation)?;
        let end = place.end.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(end)
    }

    /// Those of which this is true.
    pub(super) fn ids(&self, of: impl Fn(&End) -> bool) -> Vec<EndId> {
        let places = (0_u32..).zip(&self.places);
        let fitting = places.filter(|(_, place)| place.end.as_ref().is_some_and(&of));
        fitting.map(|(index, place)| EndId { index, generation: place.generation }).collect()
    }
}
