//! The format and target of log lines. A thread of its own writes them, so that logging never blocks a request; lines
//! that can't be written in time are dropped and counted.

use std::{
    io::{self, Write},
    time::Duration,
};

use env_logger::fmt::ConfigurableFormat;
use log::Level;
use serde_json::{Map, Value};

use crate::{configuration::LogFormat, log_writer::LogWriter};

/// Default log filter, unless `RUST_LOG` is set. actix-http would log each client that does not speak HTTP, and
/// rustls each odd name or alert; `tls::handshakes` logs those, rate-limited.
const LEVELS: &str = "info,actix_server=warn,actix_http=off,rustls=off";
/// The log target of request lines: method, route, status and microseconds, then fields such as `source=192.0.2.1`.
const REQUESTS: &str = "token_endpoint::http::line";
/// Interval of reporting dropped lines.
const EVERY: Duration = Duration::from_secs(2);

/// Starts logging to standard error, filtered by `RUST_LOG`.
pub fn start(format: LogFormat) -> LogWriter {
    let mut builder = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LEVELS));
    if format == LogFormat::Text {
        // Most lines are of requests that succeeded, and hold only the server's own text without line breaks. Others
        // may quote untrusted text.
        let other = ConfigurableFormat::default();
        builder.format(move |buffer, record| {
            if record.target() != REQUESTS || record.level() != Level::Info {
                return other.format(buffer, record);
            }
            let at = buffer.timestamp_seconds();
            writeln!(buffer, "[{at} INFO  {REQUESTS}] {}", record.args())
        });
    } else {
        builder.format(|buffer, record| {
            let mut line = serde_json::json!({
                "at": buffer.timestamp_millis().to_string(), "level": record.level().as_str(),
                "target": record.target(), "message": record.args().to_string(),
            });
            if record.target() == REQUESTS
                && let Some(line) = line.as_object_mut()
            {
                add_fields(line, &record.args().to_string());
            }
            writeln!(buffer, "{line}")
        });
    }
    let writer = LogWriter::start(io::stderr());
    builder.target(env_logger::Target::Pipe(Box::new(writer.lines())));
    builder.init();
    // The default hook would write to standard error itself, and block.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    writer
}

/// Adds the fields of a request's line; standard fields are never replaced.
fn add_fields(line: &mut Map<String, Value>, message: &str) {
    let words: Vec<&str> = message.split_whitespace().collect();
    let micros = |word: &&str| {
        word.strip_suffix("us")
            .is_some_and(|number| number.parse::<u64>().is_ok())
    };
    let Some(took) = words.iter().position(micros).filter(|took| *took > 2) else {
        return;
    };
    let number = |word: &str| Value::from(word.trim_end_matches("us").parse::<u64>().ok());
    line.insert("method".to_owned(), words[0].into());
    line.insert("route".to_owned(), words[1..took - 1].join(" ").into());
    line.insert("status".to_owned(), number(words[took - 1]));
    line.insert("duration_us".to_owned(), number(words[took]));
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    for (name, value) in words[took..].iter().filter_map(|word| word.split_once('=')) {
        if is_name(name) && !line.contains_key(name) {
            line.insert(name.to_owned(), value.into());
        }
    }
}

/// Reports at intervals how many lines are missing: `lost` as the buffer was full, and `left_out` by the rate limit.
pub async fn watch(lost: impl Fn() -> usize, left_out: impl Fn() -> u64, count: impl Fn(u64)) {
    let (mut counted, mut told, mut left_out_before) = (0, 0, 0);
    loop {
        tokio::time::sleep(EVERY).await;
        let now = lost();
        count((now - counted) as u64);
        counted = now;
        if now > told {
            log::error!(
                "{} log lines were lost: nobody reads them as fast as they come, or there is no room for them",
                now - told
            );
            // Reported, unless that line was dropped too.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_line_becomes_fields_and_hides_none_of_the_others() {
        let mut line = Map::from_iter([("level".to_owned(), "INFO".into())]);
        let message = "POST /oauth2/token 401 215us source=192.0.2.1 client_id=c level=x refused: Wrong(A=b)";
        add_fields(&mut line, message);
        let expected = serde_json::json!({
            "level": "INFO", "method": "POST", "route": "/oauth2/token", "status": 401, "duration_us": 215,
            "source": "192.0.2.1", "client_id": "c",
        });
        assert_eq!(Value::Object(line), expected);
        let mut line = Map::new();
        add_fields(&mut line, "GET unknown route 404 9us source=::1");
        assert_eq!(
            (&line["route"], &line["status"]),
            (&"unknown route".into(), &404.into())
        );
    }
}
