//! What is measured.

mod all_to_all;
mod asking;
mod beside_transfer;
mod fan_out;
mod full_mesh;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::contender::{Contender, Problem};
use crate::stage::Stage;

/// What came of one run, by the keys of the workload's columns.
pub type Figures = BTreeMap<String, f64>;

/// One thing to do with every contender.
pub trait Workload: Send + Sync {
    /// How to name it as an argument.
    fn name(&self) -> &'static str;

    /// What happens, for a reader of the table.
    fn title(&self) -> &'static str;

    /// What a reader must know to read the table.
    fn notes(&self) -> &'static str;

    /// What is told of it.
    fn columns(&self) -> &'static [Column];

    /// Whether this contender takes part.
    fn suits(&self, contender: &dyn Contender) -> bool;

    /// One run.
    fn run<'a>(&'a self, stage: &'a Stage) -> BoxFuture<'a, Result<Figures, Problem>>;
}

/// All of them, in the order of the report.
pub fn all() -> Vec<Arc<dyn Workload>> {
    vec![
        Arc::new(fan_out::Paced),
        Arc::new(fan_out::FlatOut),
        Arc::new(all_to_all::AllToAll),
        Arc::new(asking::Asking),
        Arc::new(full_mesh::FullMesh::OF_32),
        Arc::new(full_mesh::FullMesh::OF_64),
        Arc::new(full_mesh::FullMesh::OF_128),
        Arc::new(beside_transfer::BesideTransfer),
    ]
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// In figures and in JSON.
    pub key: &'static str,
    /// In tables, with its unit.
    pub title: &'static str,
    /// Digits behind the point.
    pub decimals: usize,
    /// Whether the ratio to the first contender is told beside it.
    pub compared: bool,
}

impl Column {
    const fn plain(key: &'static str, title: &'static str, decimals: usize) -> Self {
        Self { key, title, decimals, compared: false }
    }

    const fn compared(key: &'static str, title: &'static str, decimals: usize) -> Self {
        Self { key, title, decimals, compared: true }
    }
}

fn figures<const N: usize>(figures: [(&str, f64); N]) -> Figures {
    figures.into_iter().map(|(key, figure)| (key.to_owned(), figure)).collect()
}
