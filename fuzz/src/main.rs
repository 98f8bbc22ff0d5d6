//! Looks for inputs that break a reader, guided by what they reach. `FUZZ_TARGET` says which; the arguments are those
//! of libFuzzer.

#![no_main]
#![expect(clippy::panic, clippy::print_stderr, reason = "it speaks to whoever runs it")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use swarm_fuzz::{Target, greatest_share};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    swarm_fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET={name} is no target"))
});

/// What was told of the greatest share, in thousandths.
static TOLD: AtomicU64 = AtomicU64::new(0);

fuzz_target!(init: { LazyLock::force(&TARGET); }, |input: &[u8]| {
    (TARGET.run)(input);
    let share = greatest_share();
    if TOLD.fetch_max(share, Ordering::Relaxed) < share {
        eprintln!("{} bytes: reading them allocates {share} thousandths of what it may", input.len());
    }
});
