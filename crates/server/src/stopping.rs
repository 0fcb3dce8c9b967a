//! Graceful shutdown: SIGTERM first drains the node, then closes the listener.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the server; registered before it is ready.
pub struct Stopping {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// How long to drain: `/readyz` fails, everything else is served as before.
    drain: Duration,
}

impl Stopping {
    /// Registers the signals, which no longer end the process by themselves.
    pub fn register(drain: Duration) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            drain,
        })
    }

    /// Resolves when the listener is to be closed. Calls `begin` when draining begins; SIGINT and a second signal
    /// skip draining.
    pub async fn wait(mut self, begin: impl FnOnce()) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => return,
            _ = self.quit.recv() => return,
        }
        if self.drain.is_zero() {
            return;
        }
        begin();
        log::info!(
            "SIGTERM: /readyz says 503 for {} s, then the listener closes (server.drain_seconds)",
            self.drain.as_secs()
        );
        tokio::select! {
            () = tokio::time::sleep(self.drain) => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }
}
