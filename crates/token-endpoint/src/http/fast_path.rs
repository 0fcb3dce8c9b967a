//! The token endpoints without the router, which compares a path with one pattern after the other and allocates a future at each
//! of its levels: nearly all requests are for them.

use actix_web::{
    Error, FromRequest,
    dev::{ServiceRequest, ServiceResponse},
    web,
};

use super::paths::{TENANT_TOKEN, TENANT_TOKEN_V2, TOKEN};
use crate::{
    state::TokenService,
    token::{endpoint::token, entra_v1::EntraV1, entra_v2::EntraV2, rfc9068::Rfc9068},
};

/// A token endpoint, by the dialect that it speaks.
pub(crate) enum TokenEndpoint {
    Rfc9068,
    EntraV1,
    EntraV2,
}

impl TokenEndpoint {
    /// The endpoint at a path of this route; a tenant that is not written as configured is left to the router.
    pub(crate) fn at(route: &str, path: &str, service: &TokenService) -> Option<Self> {
        let endpoint = match route {
            TOKEN => return Some(Self::Rfc9068),
            TENANT_TOKEN => Self::EntraV1,
            TENANT_TOKEN_V2 => Self::EntraV2,
            _ => return None,
        };
        let tenant = path.split('/').nth(1)?;
        let is_own = service.settings.tenant_names().any(|name| name == tenant);
        is_own.then_some(endpoint)
    }

    /// What the route's handler answers.
    pub(crate) async fn answer(
        self,
        service: web::Data<TokenService>,
        request: ServiceRequest,
    ) -> Result<ServiceResponse, Error> {
        let (http, mut payload) = request.into_parts();
        let body = web::Bytes::from_request(&http, &mut payload).await;
        let asked = http.clone();
        let answer = match self {
            Self::Rfc9068 => token::<Rfc9068>(asked, body, service).await,
            Self::EntraV1 => token::<EntraV1>(asked, body, service).await,
            Self::EntraV2 => token::<EntraV2>(asked, body, service).await,
        };
        Ok(ServiceResponse::new(http, answer))
    }
}
