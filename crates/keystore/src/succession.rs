//! Key rotation: the first key of an algorithm, a successor published ahead, and one that takes over at once from a
//! revoked key.

use std::{fs, io, path::PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;

use crate::{KeyFolder, KeyFolderError, KeySet, KeyState, SigningKey, key_file::parse_name};

/// How many file names are tried for a successor: concurrent commands would choose the same second.
const NAMES: i64 = 60;

/// The successor of an algorithm's active key.
#[derive(Debug, PartialEq, Eq)]
pub enum Successor {
    /// It was generated now.
    New(PathBuf),
    /// It had been published before.
    Published(PathBuf),
}

/// A key to be removed because it leaked.
#[derive(Debug)]
pub struct Revoked {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its state.
    pub state: KeyState,
    /// Its successor, if it was active.
    pub successor: Option<PathBuf>,
}

impl KeyFolder {
    /// Generates the first key of each of these algorithms without an active one; returns the new files.
    pub fn generate_missing(
        &self,
        algorithms: &[Algorithm],
        now: DateTime<Utc>,
    ) -> Result<Vec<PathBuf>, KeyFolderError> {
        fs::create_dir_all(&self.path).map_err(|source| KeyFolderError::Io {
            path: self.path.clone(),
            source,
        })?;
        let _alone = self.lock()?;
        let set = self.load_any()?;
        let asked_for = Algorithm::VARIANTS.iter().filter(|one| algorithms.contains(one));
        let missing = asked_for.filter(|one| set.active(**one, now).is_none());
        missing.map(|algorithm| self.add(*algorithm, now)).collect()
    }

    /// Publishes a successor for each algorithm that has a key, unless one is published already; only one, however
    /// many commands run concurrently.
    /// at once.
    pub fn rotate(
        &self,
        now: DateTime<Utc>,
        activates_at: DateTime<Utc>,
    ) -> Result<Vec<Successor>, KeyFolderError> {
        let _alone = self.lock()?;
        let files = self.files()?;
        let successor = |algorithm| {
            let waits =
                |path: &&PathBuf| parse_name(path).is_some_and(|(own, at)| own == algorithm && at > now);
            match files.iter().find(waits) {
                Some(path) => Ok(Successor::Published(path.clone())),
                None => self.add(algorithm, activates_at).map(Successor::New),
            }
        };
        let has_key = |algorithm: &Algorithm| {
            let mut names = files.iter().filter_map(|path| parse_name(path));
            names.any(|(own, _)| own == *algorithm)
        };
        let algorithms = Algorithm::VARIANTS.iter().copied().filter(has_key);
        algorithms.map(successor).collect()
    }

    /// If the leaked key is active, generates a successor that is active at once. The leaked key's file stays.
    pub fn succeed(&self, kid: &str, now: DateTime<Utc>) -> Result<Revoked, KeyFolderError> {
        let _alone = self.lock()?;
        let set = self.load_any()?;
        let (key, state) = find(&set, kid, now)?;
        let successor = match state {
            KeyState::Active => Some(self.add_active(key.algorithm, now)?),
            KeyState::Published | KeyState::Retiring | KeyState::Removed => None,
        };
        Ok(Revoked {
            algorithm: key.algorithm,
            state,
            successor,
        })
    }

    /// File names have a resolution of seconds: if one is taken, an earlier second is just as active.
    fn add_active(&self, algorithm: Algorithm, now: DateTime<Utc>) -> Result<PathBuf, KeyFolderError> {
        let taken = |outcome: &Result<PathBuf, KeyFolderError>| matches!(outcome, Err(KeyFolderError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists);
        let mut attempts = (0..NAMES).map(|second| self.add(algorithm, now - TimeDelta::seconds(second)));
        attempts
            .find(|outcome| !taken(outcome))
            .unwrap_or(Err(KeyFolderError::Refused(
                "keys of all last seconds are there; try again in a minute",
            )))
    }

    /// Removes a key at once, unless it is active: validators refuse its tokens as soon as they refresh.
    pub fn retire(&self, kid: &str, now: DateTime<Utc>) -> Result<(), KeyFolderError> {
        let set = self.load_any()?;
        if find(&set, kid, now)?.1 == KeyState::Active {
            return Err(KeyFolderError::Refused(
                "this key is active: run `wmda-auth keys rotate` first, and retire it when its successor is active; if it leaked, \
                 `wmda-auth keys revoke KID --now`",
            ));
        }
        self.remove(kid)
    }
}

fn find<'a>(
    set: &'a KeySet,
    kid: &str,
    now: DateTime<Utc>,
) -> Result<(&'a SigningKey, KeyState), KeyFolderError> {
    let mut states = set.states(now);
    states
        .find(|(key, _)| key.kid == kid)
        .ok_or(KeyFolderError::Refused(
            "no key has this kid; `wmda-auth keys list` shows them",
        ))
}

#[cfg(test)]
mod tests {
    use crate::FIRST_ALGORITHMS;

    use super::*;

    #[test]
    fn commands_that_rotate_at_once_make_one_successor_of_each_algorithm() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, now).unwrap();
        let made: Vec<Successor> = std::thread::scope(|scope| {
            // Each with another time.
            let rotate = |number| now + TimeDelta::seconds(number);
            let commands = [0, 1, 2, 3].map(|number| {
                let (folder, at) = (&folder, rotate(number));
                scope.spawn(move || folder.rotate(at, at + TimeDelta::minutes(15)).unwrap())
            });
            let outcomes = commands.into_iter().flat_map(|command| command.join().unwrap());
            outcomes.collect()
        });
        let new = made
            .iter()
            .filter(|successor| matches!(successor, Successor::New(_)));
        assert_eq!(new.count(), 2, "{made:?}");
        assert_eq!(folder.files().unwrap().len(), 4);
        let later = now + TimeDelta::hours(1);
        let next = folder.rotate(later, later + TimeDelta::minutes(15)).unwrap();
        assert!(
            next.iter()
                .all(|successor| matches!(successor, Successor::New(_))),
            "{next:?}"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_finds_the_keys_that_it_made() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        let made = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, made).unwrap();
        let before = made - TimeDelta::hours(1);
        let set = folder.load(before, Algorithm::ES256).unwrap();
        assert!(set.states(before).all(|(_, state)| state == KeyState::Active));
        assert!(
            folder
                .generate_missing(&FIRST_ALGORITHMS, before)
                .unwrap()
                .is_empty()
        );
        assert_eq!(set.jwks(before).keys.len(), 2);
    }

    #[test]
    fn keys_of_an_algorithm_are_made_when_asked_for_and_needed_when_it_is_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, now).unwrap();
        folder.load(now, Algorithm::RS256).unwrap();
        let refused = folder.load(now, Algorithm::EdDSA).err().unwrap().to_string();
        assert!(refused.contains("keys generate --algorithm EdDSA"), "{refused}");
        let twice = [Algorithm::VARIANTS, Algorithm::VARIANTS].concat();
        let made = folder.generate_missing(&twice, now).unwrap();
        assert_eq!(made.len(), Algorithm::VARIANTS.len() - FIRST_ALGORITHMS.len());
        folder.load(now, Algorithm::EdDSA).unwrap();
        let next = folder.rotate(now, now + TimeDelta::hours(1)).unwrap();
        assert_eq!(next.len(), Algorithm::VARIANTS.len());
    }

    #[test]
    fn the_successor_of_a_revoked_key_is_active_at_once_however_young_that_key_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, now).unwrap();
        let kid = |set: &KeySet| set.active(Algorithm::ES256, now).unwrap().kid.clone();
        let first = kid(&folder.load_any().unwrap());
        let revoked = folder.succeed(&first, now).unwrap();
        assert!(revoked.successor.is_some() && revoked.state == KeyState::Active);
        folder.remove(&first).unwrap();
        let set = folder.load(now, Algorithm::ES256).unwrap();
        assert_ne!(kid(&set), first);
        assert!(!set.has(&first) && set.jwks(now).keys.len() == 2);
    }
}
