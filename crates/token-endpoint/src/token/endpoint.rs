//! The handler of the three token endpoints.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::authentication::{AssertionRules, AuthenticatedClient};
use domain::client::TargetRefusal;
use uuid::Uuid;

use super::{
    dialect::{Dialect, Target, check_grant_type},
    request::TokenRequest,
    secret_expiry,
};
use crate::{
    http::{
        form::Body,
        log_detail::{note_authenticated, note_client, note_credential, note_refusal_context, user_agent},
        request_id::RequestId,
        source::source,
    },
    refusal::{Failure, FormCause, NETWORK_REPORTED, TargetCause},
    state::TokenService,
};

/// `POST` to a token endpoint, in a dialect.
pub(crate) async fn token<D: Dialect>(
    http: HttpRequest,
    body: Body,
    service: web::Data<TokenService>,
) -> HttpResponse {
    let answer = service.answer::<D>(&http, body).await;
    answer.unwrap_or_else(|failure| {
        service.note_refusal(&http, &failure);
        D::refusal(&service, &failure, RequestId::of(&http))
    })
}

impl TokenService {
    async fn answer<D: Dialect>(&self, http: &HttpRequest, body: Body) -> Result<HttpResponse, Failure> {
        let tenant = http.match_info().get("tenant");
        if tenant.is_some_and(|tenant| !self.settings.is_own_tenant(tenant)) {
            return Err(FormCause::UnknownTenant.into());
        }
        let request = TokenRequest::read(http, body)?;
        note_client(http, &request.presented);
        let answer = self.answer_to::<D>(http, &request).await;
        if answer.is_err() {
            note_refusal_context(http, &request.presented, request.resource());
        }
        answer.map_err(|(failure, credential_id)| {
            if let Some(id) = credential_id {
                note_credential(http, id);
            }
            failure
        })
    }

    /// A refusal comes with the credential of whom it concerns.
    async fn answer_to<D: Dialect>(
        &self,
        http: &HttpRequest,
        request: &TokenRequest,
    ) -> Result<HttpResponse, (Failure, Option<Uuid>)> {
        check_grant_type(request).map_err(|cause| (cause.into(), None))?;
        let from = source(http, &self.settings.trusted_proxies);
        let is_audience = |named: &str| D::is_audience(&self.settings, named);
        let rules = AssertionRules {
            is_audience: &is_audience,
            longest_life: D::LONGEST_ASSERTION,
            like_entra: D::LIKE_ENTRA,
        };
        let client = self.authenticate_client(&request.presented, from, &rules).await;
        let client = client.map_err(|failure| (failure, None))?;
        let answer = self.issued::<D>(http, request, (&client, from)).await;
        answer.map_err(|failure| (failure, Some(client.credential_id())))
    }

    async fn issued<D: Dialect>(
        &self,
        http: &HttpRequest,
        request: &TokenRequest,
        (client, from): (&AuthenticatedClient, IpAddr),
    ) -> Result<HttpResponse, Failure> {
        let proof = self.proof(http, client)?;
        let named = D::named_resource(request)?;
        let grant = match client.grant(named) {
            Ok(grant) => grant,
            Err(TargetRefusal::Ambiguous) => return Err(D::unnamed()),
            Err(TargetRefusal::NotGranted) => {
                self.throttle.admit_query(from).map_err(Failure::Throttled)?;
                let explained = Box::pin(self.explain_target(named.unwrap_or_default()));
                return Err(explained.await?.into());
            }
        };
        let target = D::target(&grant, named, request)?;
        let target = Target {
            bound_to: self.use_up(proof.as_ref()).await?,
            ..target
        };
        let issued = self.issue::<D>(client, &grant, &target)?;
        if client.is_reported(from) {
            note_refusal_context(http, &request.presented, request.resource());
            self.add_to_record(http, NETWORK_REPORTED, Some(client.credential_id()));
        }
        self.record(http, client, from);
        let mut answer = D::success(&issued, &target);
        self.offer_nonce(&mut answer, proof.as_ref());
        secret_expiry::announce(&mut answer, issued.secret_expires_at, self.clock.now());
        Ok(answer)
    }

    /// Whether anybody could have it, for the log and for Entra's codes.
    async fn explain_target(&self, named: &str) -> Result<TargetCause, Failure> {
        let resources = self.store.resources().await?;
        let known = resources.iter().any(|resource| resource.is_named_by(named));
        Ok(if known {
            TargetCause::ResourceNotGranted
        } else {
            TargetCause::UnknownResource
        })
    }

    fn record(&self, http: &HttpRequest, client: &AuthenticatedClient, from: IpAddr) {
        let (now, id) = (self.clock.now(), client.credential_id());
        self.usage.record(id, now, from, user_agent(http));
        self.usage.record_client(client.client_id(), now, from);
        note_authenticated(http, (client.credential_kind(), id));
    }
}
