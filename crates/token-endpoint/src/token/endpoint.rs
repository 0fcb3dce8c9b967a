//! The handler of the three token endpoints.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::authentication::{AuthenticatedClient, TargetRefusal};

use super::{
    dialect::{Dialect, Target, check_grant_type},
    request::TokenRequest,
    secret_expiry,
};
use crate::{
    http::{
        form::Body,
        log_detail::{note, note_client},
        source::source,
    },
    refusal::{Failure, FormCause, TargetCause},
    state::TokenService,
};

/// The longest user agent that is remembered.
const USER_AGENT_LENGTH: usize = 200;

/// `POST` to a token endpoint, in a dialect.
pub(crate) async fn token<D: Dialect>(
    http: HttpRequest,
    body: Body,
    service: web::Data<TokenService>,
) -> HttpResponse {
    let answer = service.answer::<D>(&http, body).await;
    answer.unwrap_or_else(|failure| {
        service.note_refusal(&http, &failure);
        D::refusal(&service, &failure)
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
        check_grant_type(&request)?;
        let from = source(http, &self.settings.trusted_proxies);
        let client = self.authenticate_client(&request.presented, from).await?;
        let proof = self.proof(http, &client)?;
        let named = D::named_resource(&request)?;
        let grant = match client.grant(named) {
            Ok(grant) => grant,
            Err(TargetRefusal::Ambiguous) => return Err(D::unnamed()),
            Err(TargetRefusal::NotGranted) => {
                self.throttle.admit_query(from).map_err(Failure::Throttled)?;
                return Err(self.explain_target(named.unwrap_or_default()).await?.into());
            }
        };
        let target = D::target(&grant, named, &request)?;
        let target = Target {
            bound_to: self.use_up(proof.as_ref()).await?,
            ..target
        };
        let issued = self.issue::<D>(&client, &grant, &target)?;
        self.record(http, &client);
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

    fn record(&self, http: &HttpRequest, client: &AuthenticatedClient) {
        let source = source(http, &self.settings.trusted_proxies);
        let agent = http.headers().get("user-agent");
        let agent = agent.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let agent: String = agent.chars().take(USER_AGENT_LENGTH).collect();
        let id = client.credential_id();
        self.usage
            .record(id, self.clock.now(), &source.to_string(), &agent);
        note(http, format!("{}_id={id}", client.credential_kind().as_str()));
    }
}
