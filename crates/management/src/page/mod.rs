//! The page "Manage API Credentials": one document and its assets, embedded in the binary. It is a client of the REST
//! API, with no more authority than any other.

use actix_web::{HttpRequest, HttpResponse, ResponseError, middleware::DefaultHeaders, web};
use serde::Serialize;

use crate::http::{answer::get_only, fixed::Fixed, problem::Problem};

const PATH: &str = "/manage-api-credentials";
/// The Content Security Policy: this origin only, nothing inline; trusted types keep scripts from turning text into
/// markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";
const DOCUMENT: &str = include_str!("../../page/index.html");

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../page/", $name)).as_slice())),+]
    };
}

const ASSETS: &[(&str, &[u8])] = assets!(
    "access.js",
    "account.js",
    "api.js",
    "application.js",
    "applications.js",
    "attention.js",
    "audit.js",
    "authenticator.js",
    "base.css",
    "chart.js",
    "create-secret.js",
    "created-secret.js",
    "dates.js",
    "delete-secret.js",
    "dialogs.js",
    "dom.js",
    "enrolment.js",
    "events.js",
    "forms.js",
    "grace.js",
    "guards.js",
    "history.js",
    "icon.svg",
    "icons.js",
    "keys.js",
    "lists.js",
    "main.js",
    "new-application.js",
    "notices.js",
    "once.js",
    "organisation.js",
    "organisations.js",
    "origins.js",
    "parts.css",
    "passwords.js",
    "people.js",
    "policy.js",
    "print.css",
    "refused.js",
    "report.js",
    "resources.js",
    "rotation.js",
    "secrets.js",
    "session.js",
    "settings.js",
    "sign-in.js",
    "suspend.js",
    "text-en.js",
    "text-nl.js",
    "texts.js",
    "token-urls.js",
    "views.css",
    "watch.js",
);

/// Facts that the page needs before sign-in.
#[derive(Serialize)]
pub struct Facts {
    /// The support address.
    pub support_address: String,
    /// The longest lifetime of a secret.
    pub max_lifetime_days: u32,
    /// The tenant in the token URLs of Entra clients.
    pub tenant_id: String,
}

/// The page with its assets, ready to be served.
pub struct Page {
    document: web::Bytes,
    assets: Vec<(&'static str, Fixed)>,
}

impl Page {
    /// Inserts the facts into the document.
    ///
    /// # Errors
    /// When the facts can't be written as JSON.
    pub fn new(facts: &Facts) -> Result<Self, serde_json::Error> {
        let facts = attribute(&serde_json::to_string(facts)?);
        let asset =
            |&(name, body): &(&'static str, &'static [u8])| (name, Fixed::new(media_type(name), body));
        Ok(Self {
            document: DOCUMENT.replace("{facts}", &facts).into(),
            assets: ASSETS.iter().map(asset).collect(),
        })
    }
}

/// Escapes text for a double-quoted attribute.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Registers the routes.
pub fn configure(config: &mut web::ServiceConfig, page: &web::Data<Page>) {
    let headers = || {
        DefaultHeaders::new()
            .add(("Content-Security-Policy", POLICY))
            .add(("X-Content-Type-Options", "nosniff"))
            .add(("Referrer-Policy", "no-referrer"))
            .add(("Cross-Origin-Opener-Policy", "same-origin"))
            .add(("Cross-Origin-Resource-Policy", "same-origin"))
    };
    let assets = web::scope(&format!("{PATH}/assets"))
        .app_data(page.clone())
        .wrap(headers())
        .service(get_only(web::resource("/{name:.+}"), asset));
    let document = get_only(web::resource([PATH.to_owned(), format!("{PATH}/")]), document)
        .app_data(page.clone())
        .wrap(headers());
    config
        .service(web::redirect("/", PATH))
        .service(assets)
        .service(document);
}

async fn document(page: web::Data<Page>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(page.document.clone())
}

async fn asset(page: web::Data<Page>, name: web::Path<String>, request: HttpRequest) -> HttpResponse {
    let found = page.assets.iter().find(|asset| asset.0 == *name);
    found.map_or_else(
        || Problem::NotFound.error_response(),
        |asset| asset.1.answer(&request),
    )
}

#[cfg(test)]
mod tests {
    use domain::audit_action::AuditAction;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_an_asset() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "index.html")
            .collect();
        files.sort();
        let mut assets: Vec<&str> = ASSETS.iter().map(|asset| asset.0).collect();
        assets.sort_unstable();
        assert_eq!(files, assets);
    }

    #[test]
    fn every_action_of_the_audit_trail_has_words_in_every_language() {
        let languages = ASSETS.iter().filter(|(name, _)| name.starts_with("text-"));
        let mut checked = 0;
        for (name, body) in languages {
            let words = std::str::from_utf8(body).unwrap();
            for action in AuditAction::ALL {
                assert!(
                    words.contains(&format!("\n      '{action}': '")),
                    "{name}: {action}"
                );
            }
            checked += 1;
        }
        assert_eq!(checked, 2);
    }

    #[test]
    fn facts_end_where_their_attribute_ends() {
        let facts = Facts {
            support_address: "\"><script>'&amp;".to_owned(),
            max_lifetime_days: 365,
            tenant_id: "c3ab1869".to_owned(),
        };
        let document = Page::new(&facts).unwrap().document;
        let document = String::from_utf8(document.to_vec()).unwrap();
        assert!(document.contains(
            r#"content="{&quot;support_address&quot;:&quot;\&quot;>&lt;script>'&amp;amp;&quot;,&quot;max_lifetime_days&quot;:365,&quot;tenant_id&quot;:&quot;c3ab1869&quot;}""#
        ));
        assert!(!document.contains("<script>"));
    }
}
