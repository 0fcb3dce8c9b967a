//! Client authentication: its methods, the throttling of its failures, and secret rotation.

mod assertion;
pub(crate) mod authentication;
pub(crate) mod presented;
pub(crate) mod published;
pub(crate) mod rotation;
pub(crate) mod throttle;
