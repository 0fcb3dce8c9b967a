//! The standard process metrics of Prometheus' client libraries, under the same names. Complete on Linux; elsewhere
//! what is known.

use std::{fs, sync::Arc};

use domain::Clock;
use prometheus::{
    Counter, IntGauge, Registry, register_counter_with_registry, register_int_gauge_with_registry,
};
use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::Look;
use crate::Outcome;

/// Gauges of this process.
pub fn look(registry: &Registry, clock: &Arc<dyn Clock>) -> Outcome<Look> {
    let gauge = |name: &str, help: &str| register_int_gauge_with_registry!(name, help, registry);
    let seconds = register_counter_with_registry!(
        "process_cpu_seconds_total",
        "Seconds of all cores that this process has used.",
        registry
    )?;
    gauge(
        "process_start_time_seconds",
        "When this process started, since 1970.",
    )?
    .set(clock.now().timestamp());
    let most = gauge("process_max_fds", "How many files may be open.")?;
    let open = gauge("process_open_fds", "Open files.")?;
    let sizes = [
        (
            "VmRSS:",
            gauge("process_resident_memory_bytes", "Memory in use.")?,
        ),
        (
            "VmSize:",
            gauge("process_virtual_memory_bytes", "Addresses in use.")?,
        ),
    ];
    let threads = gauge("process_threads", "Threads.")?;
    Ok(Box::new(move || {
        count_seconds(&seconds);
        most.set(
            getrlimit(Resource::Nofile)
                .current
                .map_or(i64::MAX, |files| files.cast_signed()),
        );
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            open.set(i64::try_from(files.count()).unwrap_or(i64::MAX));
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for (name, gauge) in &sizes {
            set(gauge, number(&status, name).map(|kibibytes| kibibytes * 1024));
        }
        set(&threads, number(&status, "Threads:"));
    }))
}

fn count_seconds(counter: &Counter) {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "a process does not run for so long")]
    let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
    counter.inc_by((used - counter.get()).max(0.0));
}

/// The number in a line such as `VmRSS: 12345 kB`.
fn number(status: &str, name: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn set(gauge: &IntGauge, value: Option<i64>) {
    if let Some(value) = value {
        gauge.set(value);
    }
}
