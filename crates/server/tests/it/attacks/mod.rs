//! the short form: what one sender can do to the server, and how that affects others. `cargo xtask
//! attacks` runs the long form.

mod careless;
mod changes;
mod coding;
mod connections;
mod http2;
mod logs;
mod provider;
mod shares;
mod wire;
