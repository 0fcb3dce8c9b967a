//! The folder of keys: files named `<algorithm>_<YYYYMMDD>T<HHMMSS>Z.pem` after the algorithm in lower case and the instant
//! of activation, mode 0600.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDateTime, Utc};
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;

use crate::{KeyError, KeySet, KeyState, SigningKey};

const TIME: &str = "%Y%m%dT%H%M%SZ";
/// What every server can sign with; keys of the others are made when they are asked for.
pub const FIRST_ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFolderError {
    /// The folder or a file can't be read or written.
    #[error("{}: {source}; check that the path exists and belongs to the server's user", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file's name does not follow the convention.
    #[error("{}: name a key file after its algorithm and instant of activation, such as es256_20260131T120000Z.pem", .0.display())]
    Name(PathBuf),
    /// A file that everybody on the machine can read.
    #[error("{}: everybody can read it; run chmod 600 on it", .0.display())]
    Permissions(PathBuf),
    /// A file that holds no usable key.
    #[error("{}: {source}; restore it, or remove it and run `wmda-auth keys rotate`", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// No key of an algorithm is active.
    #[error("{}: no active {algorithm} key; run `wmda-auth keys generate --algorithm {algorithm}`", path.display())]
    NoActiveKey {
        /// The folder.
        path: PathBuf,
        /// Which algorithm.
        algorithm: Algorithm,
    },
    /// The key that was asked for is not there, or can't be retired.
    #[error("{0}")]
    Refused(&'static str),
}

/// The key that takes over from the active one of its algorithm.
#[derive(Debug, PartialEq, Eq)]
pub enum Successor {
    /// It was made.
    New(PathBuf),
    /// Somebody made it before.
    Published(PathBuf),
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct KeyFolder(pub PathBuf);

impl KeyFolder {
    /// Loads all keys; there must be an active one of [`FIRST_ALGORITHMS`] and of the server's default algorithm.
    pub fn load(&self, now: DateTime<Utc>, default: Algorithm) -> Result<KeySet, KeyFolderError> {
        let set = self.load_any()?;
        let mut needed = FIRST_ALGORITHMS.into_iter().chain([default]);
        match needed.find(|algorithm| set.active(*algorithm, now).is_none()) {
            None => Ok(set),
            Some(algorithm) => Err(KeyFolderError::NoActiveKey {
                path: self.0.clone(),
                algorithm,
            }),
        }
    }

    /// Loads what is there, be it nothing.
    pub fn load_any(&self) -> Result<KeySet, KeyFolderError> {
        let keys = self
            .files()?
            .iter()
            .map(|path| load_file(path))
            .collect::<Result<_, _>>()?;
        Ok(KeySet::new(keys))
    }

    /// Makes the first key of each of these algorithms that has no active one; returns the new files.
    pub fn generate_missing(
        &self,
        algorithms: &[Algorithm],
        now: DateTime<Utc>,
    ) -> Result<Vec<PathBuf>, KeyFolderError> {
        fs::create_dir_all(&self.0).map_err(|source| KeyFolderError::Io {
            path: self.0.clone(),
            source,
        })?;
        let _alone = self.lock()?;
        let set = self.load_any()?;
        let asked_for = Algorithm::VARIANTS.iter().filter(|one| algorithms.contains(one));
        let missing = asked_for.filter(|one| set.active(**one, now).is_none());
        missing.map(|algorithm| self.add(*algorithm, now)).collect()
    }

    /// Publishes a successor of each algorithm that there is a key of, unless one is published already: there is one, however many commands run
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

    /// Who makes keys is alone while he looks and writes; the lock ends with what is returned. A network file system may
    /// have no locks for folders: there, commands are as good as their order.
    fn lock(&self) -> Result<fs::File, KeyFolderError> {
        let folder = fs::File::open(&self.0).map_err(|source| KeyFolderError::Io {
            path: self.0.clone(),
            source,
        })?;
        let _ = folder.lock();
        Ok(folder)
    }

    /// Makes a key that becomes active at the given instant.
    pub fn add(&self, algorithm: Algorithm, activates_at: DateTime<Utc>) -> Result<PathBuf, KeyFolderError> {
        let name = format!(
            "{}_{}.pem",
            algorithm.name().to_lowercase(),
            activates_at.format(TIME)
        );
        let path = self.0.join(name);
        let failed = |source| KeyFolderError::Key {
            path: path.clone(),
            source,
        };
        let pem = SigningKey::generate_pem(algorithm).map_err(failed)?;
        write_private(&path, pem.as_bytes()).map_err(|source| KeyFolderError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Removes a key at once, for one that leaked: what it signed is refused as soon as validators refresh.
    pub fn retire(&self, kid: &str, now: DateTime<Utc>) -> Result<(), KeyFolderError> {
        let set = self.load_any()?;
        let (key, state) = set
            .states(now)
            .find(|(key, _)| key.kid == kid)
            .ok_or(KeyFolderError::Refused(
                "no key has this kid; `wmda-auth keys list` shows them",
            ))?;
        if state == KeyState::Active {
            return Err(KeyFolderError::Refused(
                "this key is active: run `wmda-auth keys rotate` first, and retire it when its successor is active",
            ));
        }
        for path in self.files()? {
            if load_file(&path)?.kid == key.kid {
                fs::remove_file(&path).map_err(|source| KeyFolderError::Io { path, source })?;
            }
        }
        Ok(())
    }

    /// The key files, sorted; what this changes when it does is worth a reload.
    pub fn files(&self) -> Result<Vec<PathBuf>, KeyFolderError> {
        let failed = |source| KeyFolderError::Io {
            path: self.0.clone(),
            source,
        };
        let entries = fs::read_dir(&self.0)
            .map_err(failed)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        files.sort();
        Ok(files)
    }
}

/// Writes a new file that only its owner can read; an existing one is never replaced.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(contents)?;
    file.sync_all()?;
    // A hard link fails where the name is taken, and shows other nodes a whole file or none.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    linked
}

fn load_file(path: &Path) -> Result<SigningKey, KeyFolderError> {
    use std::os::unix::fs::PermissionsExt;
    let io_error = |source| KeyFolderError::Io {
        path: path.to_owned(),
        source,
    };
    let (algorithm, activates_at) = parse_name(path).ok_or_else(|| KeyFolderError::Name(path.to_owned()))?;
    if fs::metadata(path).map_err(io_error)?.permissions().mode() & 0o007 != 0 {
        return Err(KeyFolderError::Permissions(path.to_owned()));
    }
    let pem = zeroize::Zeroizing::new(fs::read_to_string(path).map_err(io_error)?);
    SigningKey::parse(&pem, algorithm, activates_at).map_err(|source| KeyFolderError::Key {
        path: path.to_owned(),
        source,
    })
}

fn parse_name(path: &Path) -> Option<(Algorithm, DateTime<Utc>)> {
    let (algorithm, at) = path.file_stem()?.to_str()?.split_once('_')?;
    let mut known = Algorithm::VARIANTS.iter().copied();
    let algorithm = known.find(|one| one.name().to_lowercase() == algorithm)?;
    Some((algorithm, NaiveDateTime::parse_from_str(at, TIME).ok()?.and_utc()))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_rotated_key_is_published_then_active_and_the_old_one_retires_and_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder(dir.path().to_owned());
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, start).unwrap();
        folder.add(Algorithm::ES256, start + TimeDelta::hours(1)).unwrap();
        let set = folder.load(start, Algorithm::ES256).unwrap();
        let states = |at| -> Vec<KeyState> {
            set.states(at)
                .filter(|(key, _)| key.algorithm == Algorithm::ES256)
                .map(|(_, state)| state)
                .collect()
        };
        assert_eq!(states(start), [KeyState::Active, KeyState::Published]);
        assert_eq!(
            states(start + TimeDelta::hours(1)),
            [KeyState::Retiring, KeyState::Active]
        );
        assert_eq!(
            states(start + TimeDelta::hours(30)),
            [KeyState::Removed, KeyState::Active]
        );
        assert_eq!(set.jwks(start).keys.len(), 3);
    }

    #[test]
    fn commands_that_rotate_at_once_make_one_successor_of_each_algorithm() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        folder.generate_missing(&FIRST_ALGORITHMS, now).unwrap();
        let made: Vec<Successor> = std::thread::scope(|scope| {
            // Each has a clock of its own.
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
        let folder = KeyFolder(dir.path().to_owned());
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
        let folder = KeyFolder(dir.path().to_owned());
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
    fn y02_broken_key_files_are_named_without_their_contents() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder(dir.path().to_owned());
        write_private(&dir.path().join("es256_20260101T000000Z.pem"), b"private things").unwrap();
        let error = folder.load_any().err().unwrap().to_string();
        assert!(
            error.contains("es256_20260101T000000Z.pem") && !error.contains("private things"),
            "{error}"
        );
    }
}
