//! TLS of the server: its certificate, reloaded while it runs, and failed handshakes.

mod certificate;
mod demo;
mod handshakes;
mod served;

pub use certificate::{Certificate, chain};
pub use demo::generate;
pub use handshakes::Handshakes;
pub use served::{Files, Served};
