//! The paths of the token endpoint.

/// The token endpoints: the standard's, and Entra's two.
pub(crate) const TOKEN: &str = "/oauth2/token";
pub(crate) const TENANT_TOKEN: &str = "/{tenant}/oauth2/token";
pub(crate) const TENANT_TOKEN_V2: &str = "/{tenant}/oauth2/v2.0/token";

/// The token endpoint at a path, if one is there.
pub(crate) fn token_route(path: &str) -> Option<&'static str> {
    if path == TOKEN {
        return Some(TOKEN);
    }
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    let route = match rest {
        "oauth2/token" => TENANT_TOKEN,
        "oauth2/v2.0/token" => TENANT_TOKEN_V2,
        _ => return None,
    };
    (!tenant.is_empty()).then_some(route)
}
