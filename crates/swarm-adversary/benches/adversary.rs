//! What each attack costs a node, and what an honest peer of it notices: victim, honest peer and attacker are processes of
//! their own. Prints a table in Markdown; asserts nothing.
//!
//! ```text
//! just bench adversary
//! just bench adversary --only datagram-flood --rounds 9
//! ```

#![cfg_attr(
    target_os = "linux",
    expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may fail")
)]

#[cfg(target_os = "linux")]
#[path = "../tests/apart/mod.rs"]
mod apart;
#[cfg(target_os = "linux")]
#[path = "adversary/measure.rs"]
mod measure;
#[cfg(target_os = "linux")]
#[path = "adversary/table.rs"]
mod table;

#[cfg(target_os = "linux")]
fn main() {
    use clap::Parser;

    let arguments = measure::Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(measure::run(arguments));
}

#[cfg(not(target_os = "linux"))]
fn main() {
    // What a process costs is read from /proc.
}
