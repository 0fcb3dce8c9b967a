//! The verifier against an issuer in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside test functions")]

mod caches;
mod support;
mod vectors;
