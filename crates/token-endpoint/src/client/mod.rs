//! Who asks: the ways of client authentication, and the throttling of its failures.

mod assertion;
pub(crate) mod authentication;
pub(crate) mod presented;
pub(crate) mod published;
pub(crate) mod rotation;
pub(crate) mod throttle;
