//! What handlers add to the log line of their request; never a secret.

use actix_web::{HttpMessage, HttpRequest};
use domain::resource::parse_guid;

use crate::{client::presented::Presented, refusal::Failure, state::TokenService};

/// Kept beside the request until its line is written.
pub(crate) struct LogDetail(pub(crate) String);

/// Adds to the line.
pub(crate) fn note(http: &HttpRequest, detail: String) {
    let mut extensions = http.extensions_mut();
    match extensions.get_mut::<LogDetail>() {
        Some(LogDetail(noted)) => {
            noted.push(' ');
            noted.push_str(&detail);
        }
        None => drop(extensions.insert(LogDetail(detail))),
    }
}

/// Who asks; only what looks like a client id is written down.
pub(crate) fn note_client(http: &HttpRequest, presented: &Presented) {
    if let Some(client_id) = presented.client_id.as_deref().and_then(parse_guid) {
        note(http, format!("client_id={client_id}"));
    }
}

impl TokenService {
    /// For the log line and the metrics.
    pub(crate) fn note_refusal(&self, http: &HttpRequest, failure: &Failure) {
        note(http, failure.log_text());
        self.metrics.refused(failure.cause().name());
    }
}
