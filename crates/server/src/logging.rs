//! Where log lines go and what they look like.

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::configuration::LogFormat;

/// Logs go to standard error; `RUST_LOG` chooses what.
/// A thread of its own writes them, so that a slow terminal or disk never holds a request; the guard, when dropped,
/// writes what is left.
pub fn start(format: LogFormat) -> WorkerGuard {
    let mut builder =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,actix_server=warn"));
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
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .finish(std::io::stderr());
    builder.target(env_logger::Target::Pipe(Box::new(writer)));
    builder.init();
    guard
}
