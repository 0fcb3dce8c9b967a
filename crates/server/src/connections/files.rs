//! The limit of connections, derived from the limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The default's upper bound: more connections cost memory and serve nobody.
const MOST: usize = 10_000;
/// The least of the default per source, unless half of all is less: the computers of a hospital share an address, and may all
/// connect at once.
const LEAST_OF_ONE: usize = 128;
/// Open files other than connections: database, keys, logs, timers.
const OTHER_FILES: usize = 64;

/// Limits of concurrent connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: usize,
    pub per_source: usize,
}

impl Limits {
    /// The configured limits, reduced to what `files` allows besides the database's `pool`; by default one source may
    /// have a quarter of all, or somewhat more if that is few.
    pub fn new((total, per_source): (Option<usize>, Option<usize>), files: usize, pool: usize) -> Self {
        let others = OTHER_FILES + 2 * pool + files / 8;
        let total = total.unwrap_or(MOST).min(files.saturating_sub(others)).max(1);
        let per_source = per_source
            .unwrap_or((total / 4).max(LEAST_OF_ONE.min(total / 2)))
            .clamp(1, total);
        Self { total, per_source }
    }
}

/// Raises the soft limit of open files to the hard limit; returns it.
pub fn raise_file_limit() -> usize {
    let allowed = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: allowed.maximum,
        maximum: allowed.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            log::warn!("the limit of open files can't be raised: {error}");
            allowed.current
        }
    };
    current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x01_the_limits_follow_from_the_files_and_leave_room_for_others() {
        let limits = |configured, files| {
            let limits = Limits::new(configured, files, 8);
            (limits.total, limits.per_source)
        };
        assert_eq!(limits((None, None), 1024), (816, 204));
        assert_eq!(limits((None, None), 300), (183, 91));
        assert_eq!(limits((None, None), usize::MAX), (10_000, 2_500));
        assert_eq!(limits((Some(20_000), Some(100)), 1024), (816, 100));
        assert_eq!(limits((Some(20_000), None), usize::MAX), (20_000, 5_000));
        assert_eq!(limits((Some(10), Some(100)), 1024), (10, 10));
        assert_eq!(limits((Some(10), None), 1024), (10, 5));
        assert_eq!(limits((Some(300), None), 1024), (300, 128));
        assert_eq!(limits((None, None), 10), (1, 1));
    }
}
