//! The token request (RFC 6749 §4.4.2, RFC 8707 §2).

use actix_web::HttpRequest;

use crate::{
    client::presented::Presented,
    http::form::{Body, Form},
    refusal::Failure,
};

/// The parameters that must not be repeated; `resource` may be.
const ONCE: [&str; 2] = ["grant_type", "scope"];

/// A well-formed token request; nothing is authenticated yet.
pub(crate) struct TokenRequest {
    pub(crate) grant_type: Option<String>,
    pub(crate) presented: Presented,
    pub(crate) scope: Option<String>,
    /// `resource` parameters of the body.
    pub(crate) resources: Vec<String>,
    /// `resource` parameters of the URL, where some Entra clients put them.
    pub(crate) resources_in_query: Vec<String>,
}

impl TokenRequest {
    /// The requested resource in any dialect; for the refusal record only.
    pub(crate) fn resource(&self) -> Option<&str> {
        let named = self.resources.first().or(self.resources_in_query.first());
        let scope = || {
            self.scope
                .as_deref()?
                .split_whitespace()
                .next()?
                .strip_suffix("/.default")
        };
        named.map(String::as_str).or_else(scope)
    }

    /// Parses the request.
    pub(crate) fn read(http: &HttpRequest, body: Body) -> Result<Self, Failure> {
        let mut form = Form::read(http, body, &ONCE)?;
        let presented = form.credentials(http)?;
        let (grant_type, scope) = (form.take("grant_type"), form.take("scope"));
        let (resources, resources_in_query) = form.all("resource");
        Ok(Self {
            grant_type,
            presented,
            scope,
            resources,
            resources_in_query,
        })
    }
}
