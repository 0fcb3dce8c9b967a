//! DPoP (RFC 9449) at the token endpoints: tokens that are bound to a key, and every proof that is no proof.

mod binding;
mod proofs;
mod replay;

use crate::support::{Answer, Demo};

/// Asks for a token at a path, with these DPoP headers.
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
