//! Organisations: the donor registries and transplant centres that own applications.

use uuid::Uuid;

/// A member organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Permanent identifier.
    pub id: Uuid,
    /// Display name, unique.
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country_code: String,
    /// A disabled organisation's applications get no tokens.
    pub enabled: bool,
}
