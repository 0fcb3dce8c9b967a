//! The key folder: files named `<algorithm>_<YYYYMMDD>T<HHMMSS>Z.pem` after the algorithm in lower case and the
//! activation time, mode 0600.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use oauth2_types::algorithm::Algorithm;
use zeroize::Zeroizing;

use crate::{
    KeyFolderError, KeySet, Passphrase, SigningKey, key,
    key_file::{file_name, parse, parse_name, replace_private, stamp, write_private},
    key_set::{Held, Stamp},
};

/// A key folder.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    pub(crate) path: PathBuf,
    passphrase: Option<Arc<Passphrase>>,
}

impl KeyFolder {
    /// A folder without a passphrase: new keys are not encrypted, and encrypted ones can't be read.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            passphrase: None,
        }
    }

    /// With a passphrase: new keys are encrypted; unencrypted ones can still be read.
    pub fn with_passphrase(self, passphrase: Passphrase) -> Self {
        Self {
            passphrase: Some(Arc::new(passphrase)),
            ..self
        }
    }

    /// Loads all keys; requires an active one of [`crate::FIRST_ALGORITHMS`] and of the server's default algorithm.
    pub fn load(&self, now: DateTime<Utc>, default: Algorithm) -> Result<KeySet, KeyFolderError> {
        let set = self.load_any()?;
        self.require(&set, now, default)?;
        Ok(set)
    }

    /// Refuses a set that lacks a required active key.
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

    /// Loads what is there, even if nothing. A file without a usable key is listed in the set's problems and skipped.
    pub fn load_any(&self) -> Result<KeySet, KeyFolderError> {
        self.reload(&KeySet::default())
    }

    /// Reloads the folder. Unchanged files are not read again, and the key of a file that became invalid is kept.
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

    /// Whether the files are those from which the set was read.
    pub fn is_unchanged(&self, set: &KeySet) -> Result<bool, KeyFolderError> {
        Ok(self.stamps()? == set.seen)
    }

    /// Each file's stamp; `None` if it can't be examined.
    fn stamps(&self) -> Result<BTreeMap<PathBuf, Option<Stamp>>, KeyFolderError> {
        let files = self.files()?.into_iter();
        Ok(files.map(|path| (path.clone(), stamp(&path).ok())).collect())
    }

    /// Parses a key from PEM, as if in a file of this name.
    pub fn parse(name: &str, pem: &str) -> Result<SigningKey, KeyFolderError> {
        parse(Path::new(name), pem)
    }

    /// Takes an exclusive lock for creating keys; it is released when the result is dropped. Network file systems may
    /// not support locks on folders: there, commands must not run concurrently.
    pub(crate) fn lock(&self) -> Result<fs::File, KeyFolderError> {
        let folder = fs::File::open(&self.path).map_err(|source| KeyFolderError::Io {
            path: self.path.clone(),
            source,
        })?;
        let _ = folder.lock();
        Ok(folder)
    }

    /// Generates a key with this activation time.
    pub fn add(&self, algorithm: Algorithm, activates_at: DateTime<Utc>) -> Result<PathBuf, KeyFolderError> {
        let path = self.path.join(file_name(algorithm, activates_at));
        let pem = SigningKey::generate_pem(algorithm).map_err(|source| KeyFolderError::Key {
            path: path.clone(),
            source,
        })?;
        self.write(&path, &pem)?;
        Ok(path)
    }

    /// Stores another node's key under its file name.
    pub fn put(&self, name: &str, pem: &str) -> Result<SigningKey, KeyFolderError> {
        let name = Path::new(name).file_name().unwrap_or_default();
        let path = self.path.join(name);
        let key = parse(&path, pem)?;
        self.write(&path, pem)?;
        Ok(key)
    }

    /// A file's PEM, decrypted.
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

    /// Encrypts in place every key that is not under the folder's passphrase yet; `old` opens those under another
    /// one. Returns the files that changed.
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::{FIRST_ALGORITHMS, KeyState};

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
