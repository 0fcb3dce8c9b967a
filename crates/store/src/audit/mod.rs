//! The audit trail.

mod anchor;
mod chain;
pub(crate) mod head;
pub mod trail;
mod verdict;

pub use anchor::Anchor;
pub use trail::AuditFilter;
pub use verdict::AuditVerdict;
