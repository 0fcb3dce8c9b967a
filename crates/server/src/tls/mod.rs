//! TLS of the server: its certificate, which may change while it runs, and handshakes that fail.

mod certificate;
mod demo;
mod handshakes;
mod served;

pub use certificate::{Certificate, chain};
pub use demo::generate;
pub use handshakes::Handshakes;
pub use served::{Files, Served};
