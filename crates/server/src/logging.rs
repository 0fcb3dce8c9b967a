//! Where log lines go and what they look like. Writing them never holds a request: a thread of its own writes, and what
//! nobody reads in time is lost and counted.

use std::{io, time::Duration};

use crate::{configuration::LogFormat, log_writer::LogWriter};

/// What is logged unless `RUST_LOG` says otherwise. actix-http would write a line for each client that speaks no HTTP.
const LEVELS: &str = "info,actix_server=warn,actix_http=off";
/// How often what is missing in the log is told.
const EVERY: Duration = Duration::from_secs(2);

/// Logs go to standard error; `RUST_LOG` chooses what.
pub fn start(format: LogFormat) -> LogWriter {
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
    let writer = LogWriter::start(io::stderr());
    builder.target(env_logger::Target::Pipe(Box::new(writer.lines())));
    builder.init();
    // The default hook writes to standard error itself, and waits for it.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    writer
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
