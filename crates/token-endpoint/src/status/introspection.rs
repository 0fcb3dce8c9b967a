//! Introspection, `POST /oauth2/introspect` (RFC 7662): a resource server asks whether a token is active. Each answer
//! is read from the database, so it reflects every change committed before the request.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::resource_server::ResourceServer;
use oauth2_types::{
    claims::Confirmation,
    introspection::{Active, Inactive},
};

use super::{own_token::OwnToken, request::TokenStatusRequest};
use crate::{
    http::{
        form::Body,
        log_detail::{note, note_client, note_refusal_context},
        request_id::RequestId,
        source::source,
    },
    refusal::{Failure, no_store},
    state::TokenService,
    token::issuing::token_type,
};

pub(crate) async fn introspect(
    http: HttpRequest,
    body: Body,
    service: web::Data<TokenService>,
) -> HttpResponse {
    let outcome = service.introspection(&http, body).await;
    outcome.unwrap_or_else(|failure| {
        service.note_refusal(&http, &failure);
        failure.response(&service.settings.support_address, RequestId::of(&http))
    })
}

impl TokenService {
    async fn introspection(&self, http: &HttpRequest, body: Body) -> Result<HttpResponse, Failure> {
        let request = TokenStatusRequest::read(http, body)?;
        note_client(http, &request.presented);
        note_refusal_context(http, &request.presented, None);
        let source = source(http, &self.settings.trusted_proxies);
        let caller = self
            .authenticate_resource_server(&request.presented, source)
            .await?;
        let token = request.token()?;
        let found = self.active_token(&caller, token).await?;
        note(
            http,
            if found.is_some() {
                "active=true"
            } else {
                "active=false"
            },
        );
        let mut answer = HttpResponse::Ok();
        no_store(&mut answer);
        Ok(match found {
            Some(token) => answer.json(describe(&token, &token.roles.join(" "))),
            None => answer.json(Inactive::ANSWER),
        })
    }

    /// The token if it is active and the caller is its audience, with those of its roles that are still granted.
    async fn active_token(&self, caller: &ResourceServer, token: &str) -> Result<Option<OwnToken>, Failure> {
        let Some(token) = self
            .own_token(token)
            .filter(|token| caller.answers_for(&token.aud))
        else {
            return Ok(None);
        };
        let Some(reference) = self.reference(&token) else {
            return Ok(None);
        };
        let reading = self.store.roles_of_live_token(reference, self.clock.now());
        let granted = self.memory.confirmed(reading).await?;
        Ok(granted.and_then(|granted| token.with_roles_among(&granted)))
    }
}

fn describe<'a>(token: &'a OwnToken, scope: &'a str) -> Active<'a> {
    Active {
        active: true,
        iss: &token.iss,
        sub: &token.sub,
        aud: &token.aud,
        client_id: &token.sub,
        scope,
        roles: &token.roles,
        exp: token.exp,
        iat: token.iat,
        nbf: token.nbf,
        jti: &token.jti,
        token_type: token_type(token.cnf.is_some()),
        cnf: token.cnf.as_ref().map(|cnf| Confirmation { jkt: &cnf.jkt }),
    }
}
