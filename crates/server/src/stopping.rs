//! How the server ends: SIGTERM takes the node out of the balancer first, and closes the listener then.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the server; registered before it says that it is ready.
pub struct Stopping {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// For so long `/readyz` says no and everything else is answered as ever.
    drain: Duration,
}

impl Stopping {
    /// From now on these signals no longer end the process by themselves.
    pub fn register(drain: Duration) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            drain,
        })
    }

    /// Resolves when the listener is to be closed. `begin` is called when the draining begins; who sits at a terminal, and
    /// who asks a second time, waits for nothing.
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
