//! The pepper of a running node: reloads its file when that changes, follows the version that the database says is
//! active, and announces the versions known here.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use domain::{Clock, pepper::Pepper};
use store::{Store, StoreError, pepper_nodes::PepperNode};

use crate::{configuration::Configuration, prepared::Prepared};

const EVERY: Duration = Duration::from_secs(2);
/// Rounds between two announcements.
const ANNOUNCED_EVERY: u32 = 3;

/// Contents are compared instead of modification times, whose resolution is too coarse.
type Seen = Result<zeroize::Zeroizing<String>, String>;

/// The host name, for people.
pub fn host() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

/// The state of the watch.
pub struct PepperWatch {
    path: PathBuf,
    node: String,
    host: String,
    store: Store,
    pepper: Arc<Pepper>,
    clock: Arc<dyn Clock>,
    seen: Option<Seen>,
    told: String,
}

impl PepperWatch {
    pub fn new(configuration: &Configuration, prepared: &Prepared, node: String) -> Self {
        Self {
            path: configuration.secrets.pepper_file.clone(),
            node,
            host: host(),
            store: prepared.store.clone(),
            pepper: Arc::clone(&prepared.pepper),
            clock: Arc::clone(&prepared.clock),
            seen: None,
            told: String::new(),
        }
    }

    /// Runs until the server ends.
    pub fn spawn(mut self) {
        actix_web::rt::spawn(async move {
            let mut round = 0;
            loop {
                let known = self.pepper.known();
                if let Err(problem) = self.look().await {
                    self.tell(problem);
                } else {
                    self.told.clear();
                }
                if round % ANNOUNCED_EVERY == 0 || self.pepper.known() != known {
                    self.announce().await;
                }
                round = round.wrapping_add(1);
                tokio::time::sleep(EVERY).await;
            }
        });
    }

    /// Applies changes of file and database.
    async fn look(&mut self) -> Result<(), String> {
        // While the database does not answer, its last answer holds.
        let Ok(active) = self.store.active_pepper().await else {
            return Ok(());
        };
        let read = fs::read_to_string(&self.path).map(zeroize::Zeroizing::new);
        let read = read.map_err(|error| error.to_string());
        let same_version = active.is_none_or(|active| active == self.pepper.active());
        if same_version && self.seen.as_ref() == Some(&read) {
            return Ok(());
        }
        let named = |error: &dyn std::fmt::Display| {
            format!(
                "{}: {error}; the pepper that was read before stays in use",
                self.path.display()
            )
        };
        let text = read.clone().map_err(|error| named(&error));
        let pepper = text.and_then(|text| Pepper::parse(&text).map_err(|error| named(&error)));
        let outcome = match pepper {
            Ok(pepper) => self.adopt(Arc::new(pepper)).await.map_err(|error| named(&error)),
            Err(problem) => Err(problem),
        };
        if outcome.is_err() && !same_version && !self.pepper.known().contains(&active.unwrap_or_default()) {
            self.pepper.fall_behind();
        }
        if outcome.is_ok() {
            self.seen = Some(read);
        }
        outcome
    }

    async fn adopt(&self, pepper: Arc<Pepper>) -> Result<(), StoreError> {
        let before = (self.pepper.known(), self.pepper.active());
        self.store
            .check_pepper(Arc::clone(&pepper), self.clock.now())
            .await?;
        self.pepper.become_like(&pepper);
        let now = (self.pepper.known(), self.pepper.active());
        if now != before {
            log::info!(
                "pepper: versions {:?} are known, version {} is used",
                now.0,
                now.1
            );
        }
        Ok(())
    }

    /// Logs each problem once.
    fn tell(&mut self, problem: String) {
        if self.told != problem {
            log::error!("{problem}");
            self.told = problem;
        }
    }

    async fn announce(&self) {
        let own = PepperNode {
            node: self.node.clone(),
            host: self.host.clone(),
            versions: self.pepper.known(),
        };
        if let Err(error) = self.store.announce_pepper(own, self.clock.now()).await {
            log::debug!("the versions of the pepper could not be announced now: {error}");
        }
    }
}
