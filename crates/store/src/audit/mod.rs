//! The audit trail.

pub mod trail;

pub use trail::{AuditFilter, AuditVerdict};
