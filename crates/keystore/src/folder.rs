//! The folder of keys: files named `<algorithm>_<YYYYMMDD>T<HHMMSS>Z.pem` after the algorithm in lower case and the instant
//! of activation, mode 0600.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;
use zeroize::Zeroizing;

use crate::{
    KeyError, KeySet, KeyState, Passphrase, SigningKey, key,
    key_set::{Held, Stamp},
};

const TIME: &str = "%Y%m%dT%H%M%SZ";
/// What every server can sign with; keys of the others are made when they are asked for.
pub const FIRST_ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];
/// How many names are tried for a successor: commands of one second would choose the same.
const NAMES: i64 = 60;

/// Why the folder, or a file in it, can't be used.
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
    #[error("{}: no active {algorithm} key; run `wmda-auth keys generate --algorithm {algorithm}`{passed_over}", path.display())]
    NoActiveKey {
        /// The folder.
        path: PathBuf,
        /// Which algorithm.
        algorithm: Algorithm,
        /// What was found in its place.
        passed_over: String,
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

/// A key that is about to be removed because it leaked.
#[derive(Debug)]
pub struct Revoked {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Where it was in its life.
    pub state: KeyState,
    /// The key that signs from now on, if the revoked one did until now.
    pub successor: Option<PathBuf>,
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    path: PathBuf,
    passphrase: Option<Arc<Passphrase>>,
}

impl KeyFolder {
    /// New keys are not encrypted, and encrypted ones can't be read.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            passphrase: None,
        }
    }

    /// New keys are encrypted; those that are not can be read nevertheless.
    pub fn with_passphrase(self, passphrase: Passphrase) -> Self {
        Self {
            passphrase: Some(Arc::new(passphrase)),
            ..self
        }
    }

    /// Loads all keys; there must be an active one of [`FIRST_ALGORITHMS`] and of the server's default algorithm.
    pub fn load(&self, now: DateTime<Utc>, default: Algorithm) -> Result<KeySet, KeyFolderError> {
        let set = self.load_any()?;
        self.require(&set, now, default)?;
        Ok(set)
    }

    /// Refuses a set without an active key that the server has to have.
    pub fn require(
        &self,
        set: &KeySet,
        now: DateTime<Utc>,
        default: Algorithm,
    ) -> Result<(), KeyFolderError> {
        let Some(algorithm) = set.lacks(now, default) else {
            return Ok(());
        };
        let problems = set.problems().iter();
        Err(KeyFolderError::NoActiveKey {
            path: self.path.clone(),
            algorithm,
            passed_over: problems.map(|problem| format!("; {problem}")).collect(),
        })
    }

    /// Loads what is there, be it nothing. A file without a usable key is one of the set's problems and stops nothing.
    pub fn load_any(&self) -> Result<KeySet, KeyFolderError> {
        self.reload(&KeySet::default())
    }

    /// Loads what is there now. What did not change is not read again, and a file that broke keeps its key.
    pub fn reload(&self, before: &KeySet) -> Result<KeySet, KeyFolderError> {
        let (mut files, mut problems) = (BTreeMap::new(), Vec::new());
        let seen = self.stamps()?;
        for path in seen.keys() {
            let known = before.files.get(path);
            let held = self.held(path, known).map_err(|problem| {
                problems.push(problem.to_string());
                known.map(|(_, key)| (None, Arc::clone(key)))
            });
            files.extend(
                held.map_or_else(|kept| kept, Some)
                    .map(|held| (path.clone(), held)),
            );
        }
        let mut set = before.with_files(files, problems);
        set.seen = seen;
        Ok(set)
    }

    fn held(&self, path: &Path, known: Option<&Held>) -> Result<Held, KeyFolderError> {
        let stamp = stamp(path)?;
        match known {
            Some((before, key)) if *before == Some(stamp) => Ok((*before, Arc::clone(key))),
            _ => Ok((Some(stamp), Arc::new(self.load_file(path)?))),
        }
    }

    /// Whether the files are those that the set was read from.
    pub fn is_unchanged(&self, set: &KeySet) -> Result<bool, KeyFolderError> {
        Ok(self.stamps()? == set.seen)
    }

    /// One that can't be looked at has none.
    fn stamps(&self) -> Result<BTreeMap<PathBuf, Option<Stamp>>, KeyFolderError> {
        let files = self.files()?.into_iter();
        Ok(files.map(|path| (path.clone(), stamp(&path).ok())).collect())
    }

    /// The key in a text, whose file would have this name.
    pub fn parse(name: &str, pem: &str) -> Result<SigningKey, KeyFolderError> {
        parse(Path::new(name), pem)
    }

    /// Makes the first key of each of these algorithms that has no active one; returns the new files.
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
        let folder = fs::File::open(&self.path).map_err(|source| KeyFolderError::Io {
            path: self.path.clone(),
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
        let path = self.path.join(name);
        let pem = SigningKey::generate_pem(algorithm).map_err(|source| KeyFolderError::Key {
            path: path.clone(),
            source,
        })?;
        self.write(&path, &pem)?;
        Ok(path)
    }

    /// Takes over a key that another node made, under its file name.
    pub fn put(&self, name: &str, pem: &str) -> Result<SigningKey, KeyFolderError> {
        let name = Path::new(name).file_name().unwrap_or_default();
        let path = self.path.join(name);
        let key = parse(&path, pem)?;
        self.write(&path, pem)?;
        Ok(key)
    }

    /// The PEM text of a file, without its encryption.
    pub fn pem(&self, path: &Path) -> Result<Zeroizing<String>, KeyFolderError> {
        let text = fs::read_to_string(path).map_err(|source| KeyFolderError::Io {
            path: path.to_owned(),
            source,
        })?;
        key::opened(Zeroizing::new(text), self.passphrase.as_deref()).map_err(|source| KeyFolderError::Key {
            path: path.to_owned(),
            source,
        })
    }

    fn write(&self, path: &Path, pem: &str) -> Result<(), KeyFolderError> {
        let closed = self.closed(path, pem)?;
        write_private(path, closed.as_bytes()).map_err(|source| KeyFolderError::Io {
            path: path.to_owned(),
            source,
        })
    }

    fn closed(&self, path: &Path, pem: &str) -> Result<Zeroizing<String>, KeyFolderError> {
        let Some(passphrase) = &self.passphrase else {
            return Ok(Zeroizing::new(pem.to_owned()));
        };
        key::closed(pem, passphrase).map_err(|source| KeyFolderError::Key {
            path: path.to_owned(),
            source,
        })
    }

    /// Encrypts every key that is not under the folder's passphrase yet, in place; `old` opens those under another one.
    /// Returns the files that changed.
    pub fn encrypt(&self, old: Option<Passphrase>) -> Result<Vec<PathBuf>, KeyFolderError> {
        let _alone = self.lock()?;
        let before = Self {
            path: self.path.clone(),
            passphrase: old.map(Arc::new).or_else(|| self.passphrase.clone()),
        };
        let mut changed = Vec::new();
        for path in self.files()? {
            let text = fs::read_to_string(&path).map_err(|source| KeyFolderError::Io {
                path: path.clone(),
                source,
            })?;
            let opens = || self.pem(&path).is_ok_and(|pem| parse(&path, &pem).is_ok());
            if key::is_encrypted(&Zeroizing::new(text)) && opens() {
                continue;
            }
            let pem = before.pem(&path)?;
            parse(&path, &pem)?;
            let closed = self.closed(&path, &pem)?;
            replace_private(&path, closed.as_bytes()).map_err(|source| KeyFolderError::Io {
                path: path.clone(),
                source,
            })?;
            changed.push(path);
        }
        Ok(changed)
    }

    /// Makes the successor of a key that leaked, active at once, if that key signs now. The key itself is still there.
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

    /// The name holds whole seconds: where one is taken, the second before is as active.
    fn add_active(&self, algorithm: Algorithm, now: DateTime<Utc>) -> Result<PathBuf, KeyFolderError> {
        let taken = |outcome: &Result<PathBuf, KeyFolderError>| matches!(outcome, Err(KeyFolderError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists);
        let mut attempts = (0..NAMES).map(|second| self.add(algorithm, now - TimeDelta::seconds(second)));
        attempts
            .find(|outcome| !taken(outcome))
            .unwrap_or(Err(KeyFolderError::Refused(
                "keys of all last seconds are there; try again in a minute",
            )))
    }

    /// Deletes the file of a key, whatever its state.
    pub fn remove(&self, kid: &str) -> Result<(), KeyFolderError> {
        for path in self.files()? {
            let is_it = |key: SigningKey| key.kid == kid;
            if self.load_file(&path).is_ok_and(is_it) {
                fs::remove_file(&path).map_err(|source| KeyFolderError::Io { path, source })?;
            }
        }
        Ok(())
    }

    /// Removes a key at once, unless it signs: what it signed is refused as soon as validators refresh.
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

    /// The key files, sorted.
    pub fn files(&self) -> Result<Vec<PathBuf>, KeyFolderError> {
        let failed = |source| KeyFolderError::Io {
            path: self.path.clone(),
            source,
        };
        let entries = fs::read_dir(&self.path)
            .map_err(failed)?
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        files.sort();
        Ok(files)
    }

    fn load_file(&self, path: &Path) -> Result<SigningKey, KeyFolderError> {
        use std::os::unix::fs::PermissionsExt;
        if parse_name(path).is_none() {
            return Err(KeyFolderError::Name(path.to_owned()));
        }
        let metadata = fs::metadata(path).map_err(|source| KeyFolderError::Io {
            path: path.to_owned(),
            source,
        })?;
        if metadata.permissions().mode() & 0o007 != 0 {
            return Err(KeyFolderError::Permissions(path.to_owned()));
        }
        parse(path, &self.pem(path)?)
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

fn stamp(path: &Path) -> Result<Stamp, KeyFolderError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).map_err(|source| KeyFolderError::Io {
        path: path.to_owned(),
        source,
    })?;
    Ok(Stamp {
        inode: metadata.ino(),
        length: metadata.len(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Writes a file that only its owner can read, in place of one that is there.
fn replace_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("encrypted");
    // One that an earlier attempt left behind.
    let _ = fs::remove_file(&unfinished);
    write_private(&unfinished, contents)?;
    fs::rename(&unfinished, path)
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

fn parse(path: &Path, pem: &str) -> Result<SigningKey, KeyFolderError> {
    let (algorithm, activates_at) = parse_name(path).ok_or_else(|| KeyFolderError::Name(path.to_owned()))?;
    SigningKey::parse(pem, algorithm, activates_at).map_err(|source| KeyFolderError::Key {
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
        let folder = KeyFolder::new(dir.path().to_owned());
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
        let folder = KeyFolder::new(dir.path().to_owned());
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
    fn y02_broken_key_files_are_named_without_their_contents() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        write_private(&dir.path().join("es256_20260101T000000Z.pem"), b"private things").unwrap();
        let set = folder.load_any().unwrap();
        let error = &set.problems()[0];
        assert!(
            error.contains("es256_20260101T000000Z.pem") && !error.contains("private things"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_breaks_keeps_its_key_until_it_is_gone_or_whole_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let made = folder.generate_missing(&FIRST_ALGORITHMS, now).unwrap();
        let set = folder.load(now, Algorithm::ES256).unwrap();
        assert!(folder.is_unchanged(&set).unwrap());
        let whole = fs::read_to_string(&made[0]).unwrap();
        fs::write(&made[0], &whole[..40]).unwrap();
        assert!(!folder.is_unchanged(&set).unwrap());
        let broken = folder.reload(&set).unwrap();
        assert_eq!((broken.problems().len(), broken.jwks(now).keys.len()), (1, 2));
        assert!(
            folder.load(now, Algorithm::ES256).is_err(),
            "a start has no earlier key"
        );
        fs::write(&made[0], &whole).unwrap();
        let mended = folder.reload(&broken).unwrap();
        assert_eq!((mended.problems().len(), mended.jwks(now).keys.len()), (0, 2));
        fs::remove_file(&made[0]).unwrap();
        assert_eq!(folder.reload(&mended).unwrap().jwks(now).keys.len(), 1);
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

    #[test]
    fn keys_are_encrypted_in_place_and_under_another_passphrase_later() {
        let dir = tempfile::tempdir().unwrap();
        let plain = KeyFolder::new(dir.path().to_owned());
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let made = plain.generate_missing(&[Algorithm::ES256], now).unwrap();
        let kid = plain
            .load_any()
            .unwrap()
            .active(Algorithm::ES256, now)
            .unwrap()
            .kid
            .clone();
        let passphrase = |text| Passphrase::new(text).unwrap();
        let first = plain.clone().with_passphrase(passphrase("one"));
        assert!(
            first.load_any().unwrap().has(&kid),
            "what is plain can still be read"
        );
        assert_eq!(first.encrypt(None).unwrap(), made);
        assert!(first.encrypt(None).unwrap().is_empty());
        let text = fs::read_to_string(&made[0]).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let problem = plain.load_any().unwrap().problems()[0].clone();
        assert!(problem.contains("keys.passphrase_file is not set"), "{problem}");
        let second = plain.with_passphrase(passphrase("two"));
        assert!(second.encrypt(None).is_err());
        assert_eq!(second.encrypt(Some(passphrase("one"))).unwrap(), made);
        assert!(second.load_any().unwrap().has(&kid) && !first.load_any().unwrap().has(&kid));
    }
}
