//! An introspection or revocation request (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is ignored.

use actix_web::HttpRequest;

use crate::{
    client::presented::Presented,
    http::form::{Body, Form},
    refusal::{Failure, FormCause, Parameter},
};

/// The parameters that must not be repeated.
const ONCE: [&str; 2] = ["token", "token_type_hint"];

/// A well-formed request; nothing is authenticated yet.
pub(crate) struct TokenStatusRequest {
    pub(crate) presented: Presented,
    token: Option<String>,
}

impl TokenStatusRequest {
    /// Parses the request.
    pub(crate) fn read(http: &HttpRequest, body: Body) -> Result<Self, Failure> {
        let mut form = Form::read(http, body, &ONCE)?;
        Ok(Self {
            presented: form.credentials(http)?,
            token: form.take("token"),
        })
    }

    /// The `token` parameter.
    pub(crate) fn token(&self) -> Result<&str, FormCause> {
        let missing = FormCause::Missing(Parameter::Token);
        self.token.as_deref().ok_or(missing)
    }
}
