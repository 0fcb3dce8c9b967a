//! `identity.oidc.*`: the external OpenID provider for people's sign-in.

use std::path::PathBuf;

use management::openid::{IssuerUrl, OpenIdSettings};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{Outcome, secret_files};

/// The environment variable with the client secret, if that is in no file.
pub const SECRET_VARIABLE: &str = "WMDA_AUTH__IDENTITY__OIDC__CLIENT_SECRET";
const LONGEST_NAME: usize = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub oidc: Option<Oidc>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    issuer: String,
    client_id: String,
    pub client_secret_file: Option<PathBuf>,
    /// From the environment only: too many people can read a configuration file.
    pub client_secret: Option<SecretString>,
    #[serde(default = "default_name")]
    name: String,
    #[serde(default = "default_scopes")]
    scopes: Vec<String>,
    accepted_amr: Option<Vec<String>>,
    #[serde(default)]
    accepted_acr: Vec<String>,
}

fn default_name() -> String {
    "OpenID".to_owned()
}

fn default_scopes() -> Vec<String> {
    vec!["email".to_owned()]
}

impl Oidc {
    /// Validates each key and reads the secret; an error names the key.
    pub fn load(&self) -> Outcome<OpenIdSettings> {
        if self.client_id.trim().is_empty() {
            return Err("identity.oidc.client_id is empty: set what the provider calls this server".into());
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(
                format!("identity.oidc.name must have 1 to {LONGEST_NAME} visible characters").into(),
            );
        }
        let scope = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.is_empty();
        if !self.scopes.iter().all(scope) {
            return Err("identity.oidc.scopes is a list of words such as email".into());
        }
        let mut scopes = self.scopes.clone();
        scopes.retain(|scope| scope != "openid");
        Ok(OpenIdSettings {
            issuer: self.issuer()?,
            client_id: self.client_id.clone(),
            client_secret: self.secret()?,
            name: name.to_owned(),
            scopes,
            accepted_amr: self.accepted_amr()?,
            accepted_acr: self.accepted_acr.clone(),
        })
    }

    fn issuer(&self) -> Outcome<IssuerUrl> {
        let wrong = "identity.oidc.issuer must be the provider's issuer to the letter, an https URL without query and \
                     fragment; http is allowed on loopback only";
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|_| wrong)?;
        let url = issuer.url();
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let safe = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !safe || !plain {
            return Err(wrong.into());
        }
        Ok(issuer)
    }

    fn secret(&self) -> Outcome<SecretString> {
        let secret = match (&self.client_secret, &self.client_secret_file) {
            (Some(secret), None) => secret.clone(),
            (None, Some(file)) => {
                SecretString::from(secret_files::read("identity.oidc.client_secret_file", file)?)
            }
            _ => {
                let both = "set either identity.oidc.client_secret_file or the variable";
                return Err(format!("{both} {SECRET_VARIABLE}").into());
            }
        };
        if secret.expose_secret().is_empty() {
            return Err("identity.oidc: the client secret is empty".into());
        }
        Ok(secret)
    }

    /// Defaults to `mfa` (RFC 8176), so that multi-factor authentication is always required.
    fn accepted_amr(&self) -> Outcome<Vec<String>> {
        let accepted = match &self.accepted_amr {
            Some(accepted) => accepted.clone(),
            None if self.accepted_acr.is_empty() => vec!["mfa".to_owned()],
            None => Vec::new(),
        };
        let every = accepted.iter().chain(&self.accepted_acr);
        if every.clone().next().is_none() || every.clone().any(|one| one.trim().is_empty()) {
            return Err(
                "identity.oidc.accepted_amr and accepted_acr must name what proves several factors, for instance mfa"
                    .into(),
            );
        }
        Ok(accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "issuer = 'https://login.example.org'\nclient_id = 'wmda-auth'\nclient_secret = 's'\n";

    fn load(text: &str) -> Result<OpenIdSettings, String> {
        let read: Oidc = toml::from_str(text).map_err(|error| error.to_string())?;
        read.load().map_err(|error| error.to_string())
    }

    #[test]
    fn w05_several_factors_must_be_proven_by_default() {
        let settings = load(GOOD).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(settings.accepted_amr, ["mfa"]);
        assert!(settings.accepted_acr.is_empty());
        let by_class =
            load(&format!("{GOOD}accepted_acr = ['urn:mfa']")).unwrap_or_else(|error| panic!("{error}"));
        assert!(by_class.accepted_amr.is_empty());
        let nothing = load(&format!("{GOOD}accepted_amr = []"));
        assert!(nothing.is_err_and(|error| error.contains("accepted_amr")));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let wrong = [
            ("issuer", "http://login.example.org"),
            ("issuer", "ftp://127.0.0.1"),
            ("issuer", "https://login.example.org/?tenant=1"),
            ("issuer", "login.example.org"),
            ("client_id", " "),
            ("client_secret", ""),
            ("client_secret_file", "/nowhere/secret"),
        ];
        for (key, value) in wrong {
            let kept = GOOD.lines().filter(|line| {
                let same = line.starts_with(&format!("{key} "));
                !(same || key == "client_secret_file" && line.starts_with("client_secret "))
            });
            let text: Vec<String> = kept
                .map(str::to_owned)
                .chain([format!("{key} = '{value}'")])
                .collect();
            let outcome = load(&text.join("\n"));
            assert!(
                outcome.is_err_and(|error| error.contains("identity.oidc")),
                "{key} {value}"
            );
        }
        assert!(
            load(&format!("{GOOD}client_secret_file = '/nowhere/secret'")).is_err(),
            "both"
        );
        assert!(load(&format!("{GOOD}name = 'a\tb'")).is_err());
    }
}
