//! Revocation, `POST /oauth2/revoke` (RFC 7009): a client revokes one of its own tokens. Introspection reflects it at
//! once; validators that check the signature alone, or the status list, don't learn of a single token.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::DateTime;

use super::request::TokenStatusRequest;
use crate::{
    http::{
        form::Body,
        log_detail::{note, note_client, note_refusal_context},
        request_id::RequestId,
        source::source,
    },
    refusal::{Failure, no_store},
    state::TokenService,
};

pub(crate) async fn revoke(http: HttpRequest, body: Body, service: web::Data<TokenService>) -> HttpResponse {
    let outcome = service.revocation(&http, body).await;
    outcome.unwrap_or_else(|failure| {
        service.note_refusal(&http, &failure);
        failure.response(&service.settings.support_address, RequestId::of(&http))
    })
}

impl TokenService {
    /// 200 also for a token that is unknown, expired or another client's: the client has nothing left to do (RFC 7009
    /// §2.2).
    async fn revocation(&self, http: &HttpRequest, body: Body) -> Result<HttpResponse, Failure> {
        let request = TokenStatusRequest::read(http, body)?;
        note_client(http, &request.presented);
        note_refusal_context(http, &request.presented, None);
        let source = source(http, &self.settings.trusted_proxies);
        let client = self.authenticate_by_standard(&request.presented, source).await?;
        let token = request.token()?;
        let own = self.own_token(token);
        let own = own.filter(|token| token.sub == client.client_id().to_string());
        note(
            http,
            if own.is_some() {
                "revoked=true"
            } else {
                "revoked=false"
            },
        );
        if let Some(token) = own {
            let admitted = self.throttle.admit_revocation(client.client_id());
            admitted.map_err(Failure::TooOften)?;
            let expires_at =
                DateTime::from_timestamp(token.exp, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
            self.store
                .revoke_token(token.jti, expires_at, self.clock.now())
                .await?;
        }
        let mut answer = HttpResponse::Ok();
        no_store(&mut answer);
        Ok(answer.finish())
    }
}
