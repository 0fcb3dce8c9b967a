//! Details that handlers add to the log line of their request, and to the refusal record; never a secret.

use std::fmt;

use actix_web::{HttpMessage, HttpRequest, http::header};
use domain::{credential::CredentialKind, resource::parse_guid, secret::MARKER};
use store::refusals::RefusedRequest;
use uuid::Uuid;

use super::{paths::token_route, request_id::RequestId, source::source};
use crate::{
    client::presented::{Presented, Proof},
    refusal::Failure,
    state::TokenService,
};

/// The longest user agent, and the longest resource identifier, that is recorded.
const LONGEST: usize = 200;

const SHORTEST_SECRET: usize = 8;

/// Attached to the request until its log line is written.
#[derive(Default)]
pub(crate) struct LogDetail {
    client_id: Option<Uuid>,
    credential: Option<(CredentialKind, Uuid)>,
    text: String,
}

impl fmt::Display for LogDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if let Some(id) = self.client_id {
            write!(f, "client_id={id}")?;
            space = " ";
        }
        if let Some((kind, id)) = self.credential {
            write!(f, "{space}{}_id={id}", kind.as_str())?;
            space = " ";
        }
        if !self.text.is_empty() {
            write!(f, "{space}{}", self.text)?;
        }
        Ok(())
    }
}

/// What a refused request was about, attached to it until the refusal is recorded.
#[derive(Clone, Default)]
struct RefusalContext {
    client_id: Option<Uuid>,
    credential_id: Option<Uuid>,
    resource: Option<String>,
    /// The user agent may contain the secret.
    is_unprintable: bool,
}

/// Appends words to the log line.
pub(crate) fn note(http: &HttpRequest, words: &str) {
    change(http, |detail| {
        if !detail.text.is_empty() {
            detail.text.push(' ');
        }
        detail.text.push_str(words);
    });
}

/// The credential that authenticated.
pub(crate) fn note_authenticated(http: &HttpRequest, credential: (CredentialKind, Uuid)) {
    change(http, |detail| detail.credential = Some(credential));
}

fn change(http: &HttpRequest, change: impl FnOnce(&mut LogDetail)) {
    let mut extensions = http.extensions_mut();
    if let Some(detail) = extensions.get_mut() {
        return change(detail);
    }
    let mut detail = LogDetail::default();
    change(&mut detail);
    extensions.insert(detail);
}

/// Notes the client id, if it is a GUID; anything else could be a secret.
pub(crate) fn note_client(http: &HttpRequest, presented: &Presented) {
    let client_id = presented.client_id.as_deref().and_then(parse_guid);
    change(http, |detail| detail.client_id = client_id);
}

/// Notes the client and the requested resource, for the refusal record.
pub(crate) fn note_refusal_context(http: &HttpRequest, presented: &Presented, resource: Option<&str>) {
    let secret = match &presented.proof {
        Some(Proof::Secret(secret) | Proof::Assertion(secret, _)) => secret.as_str(),
        None => "",
    };
    let secret = secret.trim();
    // A shorter value is no secret of ours, and may occur in any text.
    let is_secret = secret.len() >= SHORTEST_SECRET;
    let shows_secret = |text: &str| text.contains(MARKER) || (is_secret && text.contains(secret));
    let context = RefusalContext {
        client_id: presented.named_client(),
        credential_id: None,
        resource: resource
            .filter(|name| is_name_of_resource(name) && !shows_secret(name))
            .map(str::to_owned),
        is_unprintable: shows_secret(user_agent(http)),
    };
    http.extensions_mut().insert(context);
}

/// Whether it is a URI or a GUID; anything else may be a secret pasted by mistake.
fn is_name_of_resource(text: &str) -> bool {
    let is_uri = text.contains("://") || text.starts_with("urn:");
    text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && (is_uri || parse_guid(text).is_some())
}

/// The credential by which the refused caller authenticated.
pub(crate) fn note_credential(http: &HttpRequest, id: Uuid) {
    let mut extensions = http.extensions_mut();
    let mut context = extensions.remove::<RefusalContext>().unwrap_or_default();
    context.credential_id = Some(id);
    extensions.insert(context);
}

/// The `User-Agent` header, truncated.
pub(crate) fn user_agent(http: &HttpRequest) -> &str {
    let agent = http.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|value| value.to_str().ok()).unwrap_or_default();
    // `to_str` returns ASCII only, so every byte is a character boundary.
    agent.get(..LONGEST).unwrap_or(agent)
}

impl TokenService {
    /// Adds a refusal to the log line, the metrics and the refusal record.
    pub(crate) fn note_refusal(&self, http: &HttpRequest, failure: &Failure) {
        note(http, &failure.log_text());
        self.metrics.refused(failure.cause().name());
        self.add_to_record(http, failure.cause().name(), failure.credential_id());
    }

    /// Adds to the refusal record alone, with what [`note_refusal_context`] noted.
    pub(crate) fn add_to_record(&self, http: &HttpRequest, cause: &'static str, credential_id: Option<Uuid>) {
        let context = http
            .extensions()
            .get::<RefusalContext>()
            .cloned()
            .unwrap_or_default();
        let agent = user_agent(http);
        self.refusals.record(RefusedRequest {
            at: self.clock.now(),
            trace_id: RequestId::of(http).0,
            client_id: context.client_id,
            credential_id: credential_id.or(context.credential_id),
            cause,
            route: token_route(http.path())
                .map(str::to_owned)
                .or_else(|| http.match_pattern())
                .unwrap_or_default(),
            source: source(http, &self.settings.trusted_proxies),
            user_agent: if context.is_unprintable { "" } else { agent }.to_owned(),
            resource: context.resource,
        });
    }
}
