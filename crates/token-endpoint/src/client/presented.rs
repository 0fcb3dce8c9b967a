//! Client credentials as a request presents them (RFC 6749 §2.3, RFC 7521 §4.2); not verified here.

use actix_web::{HttpRequest, http::header};
use domain::{assertion::Assertion, resource::parse_guid, secret::MAX_CREDENTIAL_LENGTH};
use oauth2_types::credentials;
use uuid::Uuid;

use crate::refusal::{ClientCause, Failure, FormCause};

/// The `client_assertion_type` of a JWT (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client authenticates: by secret or by assertion.
pub(crate) enum Proof {
    /// `client_secret_post`, or `client_secret_basic`.
    Secret(String),
    /// `client_assertion`, with its `client_assertion_type`.
    Assertion(String, Option<String>),
}

/// A client id and the proof presented with it.
pub(crate) struct Presented {
    pub(crate) client_id: Option<String>,
    pub(crate) proof: Option<Proof>,
}

/// The client authentication parameters of a body; empty ones count as absent.
pub(crate) struct InBody {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) client_assertion: Option<String>,
    pub(crate) client_assertion_type: Option<String>,
}

impl Presented {
    /// Reads the request's one authentication method, if any (RFC 6749 §2.3: never two).
    pub(crate) fn read(request: &HttpRequest, body: InBody) -> Result<Self, FormCause> {
        let in_body = match (body.client_secret, body.client_assertion) {
            (Some(_), Some(_)) => return Err(FormCause::TwoMethods),
            (Some(secret), None) => Some(Proof::Secret(secret)),
            (None, Some(assertion)) => Some(Proof::Assertion(assertion, body.client_assertion_type)),
            (None, None) => None,
        };
        let mut headers = request.headers().get_all(header::AUTHORIZATION);
        let Some(value) = headers.next() else {
            return Ok(Self {
                client_id: body.client_id,
                proof: in_body,
            });
        };
        if headers.next().is_some() {
            return Err(FormCause::TwoHeaders);
        }
        let basic = credentials::parse_basic(value.as_bytes()).map_err(|_| FormCause::NotBasic)?;
        if in_body.is_some() {
            return Err(FormCause::TwoMethods);
        }
        if body.client_id.is_some_and(|id| id != basic.client_id) {
            return Err(FormCause::TwoClientIds);
        }
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            client_id: given(basic.client_id),
            proof: given(basic.client_secret).map(Proof::Secret),
        })
    }

    /// The client id that the request, or its assertion (RFC 7523 §3), claims; not verified.
    pub(crate) fn named_client(&self) -> Option<Uuid> {
        match (&self.client_id, &self.proof) {
            (Some(id), _) => parse_guid(id),
            (None, Some(Proof::Assertion(assertion, _))) => {
                Assertion::parse(assertion).ok()?.own_client_id(None)
            }
            (None, _) => None,
        }
    }

    /// The client id and secret to look up. To resist enumeration, an id that is no GUID is handled like an unknown
    /// one, and a secret that is too long like a wrong one.
    pub(crate) fn id_and_secret(&self) -> Result<(Uuid, &str), Failure> {
        let secret = match &self.proof {
            Some(Proof::Secret(secret)) => secret,
            // Resource servers have secrets only, so no assertion's key is known.
            Some(Proof::Assertion(..)) => return Err(ClientCause::UnknownKey.into()),
            None if self.client_id.is_none() => return Err(ClientCause::NoClient.into()),
            None => return Err(ClientCause::NoSecret.into()),
        };
        let id = self.client_id.as_deref().ok_or(ClientCause::NoClient)?;
        let too_long = secret.len() > MAX_CREDENTIAL_LENGTH;
        Ok((
            parse_guid(id).unwrap_or(Uuid::nil()),
            if too_long { "" } else { secret },
        ))
    }

    /// The assertion, if one is presented with the right `client_assertion_type`.
    pub(crate) fn assertion(&self) -> Result<Option<&str>, ClientCause> {
        match &self.proof {
            Some(Proof::Assertion(assertion, kind)) if kind.as_deref() == Some(JWT_BEARER) => {
                Ok(Some(assertion))
            }
            Some(Proof::Assertion(..)) => Err(ClientCause::MalformedAssertion),
            Some(Proof::Secret(_)) | None => Ok(None),
        }
    }
}
