//! A node's signing keys: those of its folder, without revoked ones, and the successors distributed with a
//! revocation.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use domain::{Clock, pepper::Pepper};
use keystore::{Algorithm, KeyFolder, KeyFolderError, KeySet, Passphrase, SigningKey};
use ring::rand::SecureRandom;
use store::{
    Store,
    revoked_keys::{RevokedKey, SealedSuccessor, successor_owner},
};
use zeroize::Zeroizing;

use crate::{Outcome, configuration::Configuration};

/// Polling interval: a revoked key is gone everywhere within ten seconds.
const EVERY: Duration = Duration::from_secs(2);

/// The configured key folder, with its passphrase.
pub fn folder(configuration: &Configuration) -> Outcome<KeyFolder> {
    let folder = KeyFolder::new(configuration.keys.dir.clone());
    let Some(path) = &configuration.keys.passphrase_file else {
        return Ok(folder);
    };
    Ok(folder.with_passphrase(passphrase("keys.passphrase_file", path)?))
}

/// Reads a passphrase from the file named by `key`.
pub fn passphrase(key: &str, path: &Path) -> Outcome<Passphrase> {
    let named = |error: &dyn std::fmt::Display| format!("{key} {}: {error}", path.display());
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| named(&error))?);
    Ok(Passphrase::new(&text).ok_or_else(|| named(&"it is empty; write the passphrase into it"))?)
}

/// Seals a successor's file for nodes that don't share the folder.
pub fn seal(
    kid: &str,
    (folder, file): (&KeyFolder, &Path),
    pepper: &Pepper,
    random: &dyn SecureRandom,
) -> Outcome<SealedSuccessor> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(SealedSuccessor {
        file: name.into_owned(),
        sealed: pepper.seal(successor_owner(kid), folder.pem(file)?.as_bytes(), random)?,
    })
}

/// A node's knowledge of its keys.
pub struct Keyring {
    folder: KeyFolder,
    default: Algorithm,
    pepper: Arc<Pepper>,
    revoked: Vec<RevokedKey>,
    /// Problems already logged: each is logged once.
    told: BTreeSet<String>,
}

impl Keyring {
    /// Loads the keys for start-up; active, unrevoked ones are required.
    pub fn start(
        (folder, set): (KeyFolder, &KeySet),
        default: Algorithm,
        (pepper, revoked): (Arc<Pepper>, Vec<RevokedKey>),
        now: DateTime<Utc>,
    ) -> Outcome<(Self, KeySet)> {
        let mut keyring = Self {
            folder,
            default,
            pepper,
            revoked,
            told: BTreeSet::new(),
        };
        let (set, problems) = keyring.assemble(set)?;
        keyring.tell(problems);
        keyring.folder.require(&set, now, default)?;
        Ok((keyring, set))
    }

    /// Reloads the keys; `None` if nothing changed. If no active key is left, the earlier ones stay, without revoked
    /// ones.
    fn refresh(
        &mut self,
        revoked: Option<Vec<RevokedKey>>,
        before: &KeySet,
        now: DateTime<Utc>,
    ) -> Option<KeySet> {
        let revoked = revoked.filter(|found| found.len() != self.revoked.len());
        if revoked.is_none() && self.folder.is_unchanged(before).unwrap_or(false) {
            return None;
        }
        self.revoked = revoked.unwrap_or_else(|| std::mem::take(&mut self.revoked));
        let found = self.assemble(before).and_then(|(set, problems)| {
            self.folder.require(&set, now, self.default)?;
            Ok((set, problems))
        });
        let (set, problems) = found.unwrap_or_else(|error| {
            let problem = format!("signing keys not reloaded, the previous ones stay: {error}");
            (
                before.clone().without(self.revoked_kids()),
                BTreeSet::from([problem]),
            )
        });
        self.tell(problems);
        Some(set)
    }

    fn revoked_kids(&self) -> BTreeSet<String> {
        self.revoked.iter().map(|key| key.kid.clone()).collect()
    }

    /// Reads the folder if it changed, adds successors, and drops revoked keys; also returns the problems.
    fn assemble(&self, before: &KeySet) -> Result<(KeySet, BTreeSet<String>), KeyFolderError> {
        let mut set = self.folder.reload(before)?.without(self.revoked_kids());
        let passed_over = |problem: &String| format!("a key file is passed over: {problem}");
        let mut problems: BTreeSet<String> = set.problems().iter().map(passed_over).collect();
        for key in &self.revoked {
            let Some(successor) = &key.successor else {
                continue;
            };
            match self.open(&key.kid, successor) {
                Some((own, _)) if set.has(&own.kid) || self.is_revoked(&own.kid) => {}
                Some((own, pem)) => {
                    problems.extend(self.keep(&successor.file, &pem));
                    set.add(own);
                }
                None => {
                    problems.insert(format!(
                        "the successor of the revoked key {} can't be opened: copy {} into the folder",
                        key.kid, successor.file
                    ));
                }
            }
        }
        Ok((set, problems))
    }

    fn is_revoked(&self, kid: &str) -> bool {
        self.revoked.iter().any(|key| key.kid == kid)
    }

    fn open(&self, kid: &str, successor: &SealedSuccessor) -> Option<(SigningKey, Zeroizing<String>)> {
        let text = self.pepper.open(successor_owner(kid), &successor.sealed)?;
        let pem = Zeroizing::new(std::str::from_utf8(&text).ok()?.to_owned());
        let key = KeyFolder::parse(&successor.file, &pem).ok()?;
        Some((key, pem))
    }

    /// Writes a successor into the folder, so that it survives a restart; returns the problem, if any.
    fn keep(&self, file: &str, pem: &str) -> Option<String> {
        let error = self.folder.put(file, pem).err()?;
        Some(format!(
            "{file} takes the place of a revoked key, from memory alone: {error}"
        ))
    }

    fn tell(&mut self, problems: BTreeSet<String>) {
        for problem in problems.difference(&self.told) {
            log::error!("{problem}");
        }
        self.told = problems;
    }
}

/// Keeps a node's keys in sync with folder and database.
pub fn spawn(mut keyring: Keyring, store: Store, keys: Arc<ArcSwap<KeySet>>, clock: Arc<dyn Clock>) {
    actix_web::rt::spawn(async move {
        if let Err(error) = store.forget_successors(clock.now()).await {
            log::warn!("successors of keys that were revoked long ago are not forgotten now: {error}");
        }
        loop {
            tokio::time::sleep(EVERY).await;
            // While the database does not answer, its last answer holds.
            let revoked = store.revoked_keys().await.ok();
            let (before, now) = (keys.load_full(), clock.now());
            let work = tokio::task::spawn_blocking(move || {
                let set = keyring.refresh(revoked, &before, now);
                (keyring, set)
            });
            let Ok((back, set)) = work.await else {
                log::error!("signing keys are not looked at any more: restart this node");
                return;
            };
            keyring = back;
            if let Some(set) = set {
                let kids = |set: &KeySet| -> BTreeSet<String> {
                    set.states(now).map(|(key, _)| key.kid.clone()).collect()
                };
                if kids(&set) != kids(&keys.load()) {
                    log::info!("signing keys reloaded");
                }
                keys.store(Arc::new(set));
            }
        }
    });
}
