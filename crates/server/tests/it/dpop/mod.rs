//! DPoP (RFC 9449) at the token endpoints: bound tokens, and every invalid proof.

mod binding;
mod proofs;
mod replay;

use crate::support::{Answer, Demo};

/// Requests a token at a path, with these DPoP headers.
fn ask_at(demo: &Demo, path: &str, proofs: &[&str]) -> Answer {
    let request = demo.post(path, demo.upload.body());
    Answer::of(
        proofs
            .iter()
            .fold(request, |request, proof| request.header("DPoP", *proof)),
    )
}

fn ask(demo: &Demo, proof: &str) -> Answer {
    ask_at(demo, "/oauth2/token", &[proof])
}
