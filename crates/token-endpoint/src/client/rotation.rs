//! `POST /oauth2/rotate-secret`: a client rotates its live secret, where its managers allow it.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::SubsecRound;
use domain::{
    audit::{Entry, Event, Outcome},
    audit_action::AuditAction,
    authentication::AuthenticatedClient,
    credential::CredentialKind,
    random,
    secret::NewSecret,
};
use serde::Serialize;
use std::sync::Arc;
use store::rotation::{NewSuccessor, RotationRefusal};
use uuid::Uuid;

use crate::{
    http::{
        form::{Body, Form},
        log_detail::{note, note_authenticated, note_client, note_refusal_context},
        request_id::RequestId,
        source::source,
    },
    refusal::{ClientCause, Failure, RotationCause, no_store},
    state::TokenService,
};

/// The answer with the new secret, shown once. Times are seconds since 1970, as in a token response.
#[derive(Serialize)]
struct RotatedSecret<'a> {
    client_id: Uuid,
    client_secret: &'a str,
    /// RFC 7591 §3.2.1: when the new secret expires.
    client_secret_expires_at: i64,
    secret_id: Uuid,
    /// When the presented secret expires.
    previous_expires_at: i64,
}

pub(crate) async fn rotate(http: HttpRequest, body: Body, service: web::Data<TokenService>) -> HttpResponse {
    let outcome = service.rotation(&http, body).await;
    outcome.unwrap_or_else(|failure| {
        service.note_refusal(&http, &failure);
        failure.response(&service.settings.support_address, RequestId::of(&http))
    })
}

impl TokenService {
    async fn rotation(&self, http: &HttpRequest, body: Body) -> Result<HttpResponse, Failure> {
        let presented = Form::read(http, body, &[])?.credentials(http)?;
        note_client(http, &presented);
        note_refusal_context(http, &presented, None);
        let source = source(http, &self.settings.trusted_proxies);
        let client = self.authenticate_by_standard(&presented, source).await?;
        if client.credential_kind() != CredentialKind::Secret {
            return Err(RotationCause::NotBySecret.into());
        }
        let client_id = client.client_id();
        self.throttle
            .admit_rotation(client_id)
            .map_err(Failure::TooOften)?;
        let value = NewSecret::generate(&*self.random).map_err(|error| Failure::Internal(error.into()))?;
        let id = random::uuid(&*self.random).map_err(|error| Failure::Internal(error.into()))?;
        let new = NewSuccessor {
            id,
            hint: value.hint().to_owned(),
            digest: self.pepper.digest(client_id, value.reveal()),
            now: self.clock.now().trunc_subsecs(3),
        };
        let entry = self.rotation_entry(&client, source.to_string());
        let which = (client_id, client.credential_id());
        let rules = self.settings.rotation;
        let rotated = self.store.rotate_secret(which, new, rules, entry).await?;
        let rotated = rotated.map_err(refused)?;
        note_authenticated(http, (client.credential_kind(), client.credential_id()));
        note(http, &format!("successor={id}"));
        let mut answer = HttpResponse::Created();
        no_store(&mut answer);
        Ok(answer.json(RotatedSecret {
            client_id,
            client_secret: value.reveal(),
            client_secret_expires_at: rotated.expires_at.timestamp(),
            secret_id: id,
            previous_expires_at: rotated.previous_expires_at.timestamp(),
        }))
    }

    /// The audit entry; the store adds the application.
    fn rotation_entry(&self, client: &AuthenticatedClient, source: String) -> Entry {
        let (client_id, secret_id) = (client.client_id(), client.credential_id());
        Entry {
            event: Event {
                at: self.clock.now().trunc_subsecs(3),
                actor: client_id.to_string(),
                action: AuditAction::SecretRotate.to_string(),
                object: format!("application/{client_id}/secret/{secret_id}"),
                source,
                outcome: Outcome::Done.to_string(),
            },
            key: Arc::new(self.pepper.current_audit_key()),
        }
    }
}

fn refused(refusal: RotationRefusal) -> Failure {
    match refusal {
        RotationRefusal::Gone => ClientCause::WrongSecret.into(),
        RotationRefusal::Expired => ClientCause::Expired.into(),
        RotationRefusal::Suspended => ClientCause::Suspended.into(),
        RotationRefusal::NotAllowed => RotationCause::RotationNotAllowed.into(),
        RotationRefusal::KeysOnly => RotationCause::KeysOnly.into(),
        RotationRefusal::TooSoon(seconds) => Failure::TooSoon(seconds.unsigned_abs()),
        RotationRefusal::LimitReached => RotationCause::TooManySecrets.into(),
    }
}
