//! Why a backup can't be made or restored.

use std::io;

use crate::StoreError;

/// Why a backup can't be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A database error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file error.
    #[error("the file can't be read or written: {0}")]
    Io(#[from] io::Error),
    /// The file is no backup, or was truncated or modified.
    #[error("{0}")]
    Form(String),
}

impl From<diesel::result::Error> for BackupError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

pub(super) fn form(text: &str) -> BackupError {
    BackupError::Form(text.to_owned())
}
