//! Where log lines go and what they look like. Writing them never holds a request: a thread of its own writes, and what
//! nobody reads in time is lost and counted.

use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use crate::configuration::LogFormat;

/// Lines that wait for a terminal, disk or pipe; a few megabytes.
const WAITING_LINES: usize = 16_384;
/// What is logged unless `RUST_LOG` says otherwise. actix-http would write a line for each client that speaks no HTTP.
const LEVELS: &str = "info,actix_server=warn,actix_http=off";
/// How often what is missing in the log is told.
const EVERY: Duration = Duration::from_secs(2);

/// The log of this process; when dropped, it writes what is left, for a second at most.
pub struct Log {
    _writer: WorkerGuard,
    lost: ErrorCounter,
}

/// Logs go to standard error; `RUST_LOG` chooses what.
pub fn start(format: LogFormat) -> Log {
    let mut builder = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LEVELS));
    if format == LogFormat::Json {
        builder.format(|buffer, record| {
            use std::io::Write;
            let line = serde_json::json!({
                "at": buffer.timestamp_millis().to_string(), "level": record.level().as_str(),
                "target": record.target(), "message": record.args().to_string(),
            });
            writeln!(buffer, "{line}")
        });
    }
    let (lines, writer) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .finish(std::io::stderr());
    let lost = lines.error_counter();
    builder.target(env_logger::Target::Pipe(Box::new(lines)));
    builder.init();
    // The default hook writes to standard error itself, and waits for it.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Log {
        _writer: writer,
        lost,
    }
}

impl Log {
    /// How many lines were lost so far.
    pub fn lost(&self) -> impl Fn() -> usize + 'static {
        let lost = self.lost.clone();
        move || lost.dropped_lines()
    }
}

/// Says now and then what is missing: `lost` lines that nobody read, and those that were `left_out`.
pub async fn watch(lost: impl Fn() -> usize, left_out: impl Fn() -> u64, count: impl Fn(u64)) {
    let (mut counted, mut told, mut left_out_before) = (0, 0, 0);
    loop {
        tokio::time::sleep(EVERY).await;
        let now = lost();
        count((now - counted) as u64);
        counted = now;
        if now > told {
            log::error!(
                "{} log lines were lost: nobody reads them as fast as they come",
                now - told
            );
            // Told, unless that line was lost too.
            told = if lost() == now { now } else { told };
        }
        let now = left_out();
        if now > left_out_before {
            log::warn!(
                "{} more requests of busy sources, without a line each",
                now - left_out_before
            );
            left_out_before = now;
        }
    }
}
