//! A request to introspect or revoke a token (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is only a hint.

use actix_web::HttpRequest;

use crate::{
    client::presented::Presented,
    http::form::{Body, Form},
    refusal::{Failure, FormCause, Parameter},
};

/// The parameters that may stand in it once.
const ONCE: [&str; 2] = ["token", "token_type_hint"];

/// Whose form is right; nothing is checked yet.
pub(crate) struct AboutToken {
    pub(crate) presented: Presented,
    token: Option<String>,
}

impl AboutToken {
    /// Reads it.
    pub(crate) fn read(http: &HttpRequest, body: Body) -> Result<Self, Failure> {
        let mut form = Form::read(http, body, &ONCE)?;
        Ok(Self {
            presented: form.credentials(http)?,
            token: form.take("token"),
        })
    }

    /// The token that it is about.
    pub(crate) fn token(&self) -> Result<&str, FormCause> {
        let missing = FormCause::Missing(Parameter::Token);
        self.token.as_deref().ok_or(missing)
    }
}
