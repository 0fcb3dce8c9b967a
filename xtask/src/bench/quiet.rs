//! Refuses to measure on a busy machine.

use std::thread;
use std::time::Duration;

use crate::shell::Outcome;

/// The largest share of CPU time that others may use.
const MOST_BUSY: f64 = 0.1;

pub(super) fn refuse_when_busy() -> Outcome {
    let before = processor_time()?;
    thread::sleep(Duration::from_secs(2));
    let after = processor_time()?;
    let busy = 1.0 - (after.0 - before.0) / (after.1 - before.1);
    if busy <= MOST_BUSY {
        return Ok(());
    }
    Err(format!(
        "other work takes {:.0} % of this machine: end it, then measure again",
        busy * 100.0
    ))
}

/// Idle and total CPU time (proc(5), /proc/stat: the fourth and fifth number are idle).
fn processor_time() -> Result<(f64, f64), String> {
    let text = std::fs::read_to_string("/proc/stat").map_err(|e| format!("cannot read /proc/stat: {e}"))?;
    let numbers: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let idle = numbers.iter().skip(3).take(2).sum();
    Ok((idle, numbers.iter().take(8).sum()))
}
