//! Credentials as managers see them: creation, deletion, lists, and views.

mod by_hint;
mod creation;
mod deletion;
mod listing;
mod told;
mod view;

pub use by_hint::LiveSecret;
pub(crate) use creation::live_credentials;
pub use creation::{NewClientSecret, NewProof, SecretLimits};
pub(crate) use deletion::delete;
pub use listing::{Place, SecretFilter, SecretPage};
pub use told::Told;
pub(crate) use view::{Row, secret};
