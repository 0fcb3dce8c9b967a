//! Signing keys in a folder: load, sign, rotate, publish. A key's file name holds its algorithm and the instant at
//! which it becomes active, so every node that sees the folder derives the same states and switches at once.

mod encryption;
mod folder;
mod key;
mod key_set;
mod pair;
mod verify;

pub use encryption::Passphrase;
pub use folder::{FIRST_ALGORITHMS, KeyFolder, KeyFolderError, Revoked, Successor, write_private};
pub use key::{KeyError, SigningKey};
pub use key_set::{JWKS_MAX_AGE_SECONDS, KeySet, KeyState};
pub use oauth2_types::algorithm::Algorithm;
