//! Running programs: announced on standard error; a failing exit status is an error.

use std::process::{Command, Stdio};
use std::thread::{self, ScopedJoinHandle};

pub(crate) type Outcome = Result<(), String>;

pub(crate) fn announce(text: &str) {
    eprintln!("==> {text}");
}

/// Runs the command with its output visible.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = command_line(command);
    announce(&line);
    let status = command.status().map_err(|e| format!("cannot run {line}: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{line}: {status}"))
    }
}

/// Does all of it at the same time, and answers the first failure once all have ended.
pub(crate) fn side_by_side<W: FnOnce() -> Outcome + Send>(works: impl IntoIterator<Item = W>) -> Outcome {
    thread::scope(|scope| {
        let started: Vec<_> = works.into_iter().map(|work| scope.spawn(work)).collect();
        let outcomes: Vec<Outcome> = started.into_iter().map(finished).collect();
        outcomes.into_iter().collect()
    })
}

/// What came of a thread.
pub(crate) fn finished(thread: ScopedJoinHandle<'_, Outcome>) -> Outcome {
    let outcome = thread.join();
    outcome.unwrap_or_else(|_| Err("xtask panicked".to_owned()))
}

/// Whether the command exits with 0, without output.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command's trimmed standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let line = command_line(command);
    let output = command.output().map_err(|e| format!("cannot run {line}: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// The program and its arguments, without the environment, which may hold secrets.
fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
