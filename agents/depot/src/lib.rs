//! A depot: hands out parcels of any size to whoever asks, so many at once, and tells everybody how many it has handed
//! out.
//!
//! [`DepotAgent`] shows how an agent states its capacity, and how a large answer is streamed: piece by piece, as fast as
//! it is taken, never whole in memory. What a [`Parcel`] contains follows from its number, so that whoever fetched one
//! can tell whether every byte of it is right.

mod agent;
mod params;
mod parcel;

pub use agent::{DepotAgent, FETCH, STOCK, TOPIC};
pub use params::DepotParams;
pub use parcel::{Contents, Parcel, ParcelError};
