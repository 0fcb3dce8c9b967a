//! The routes, registered once for both the server and the OpenAPI document, and their common middleware.

use actix_web::{App, HttpRequest, HttpResponse, middleware::DefaultHeaders, web};
use utoipa::{OpenApi, openapi};
use utoipa_actix_web::AppExt;

use crate::{
    account,
    collections::{
        applications, attention, audit_events, federated_credentials, grace, keys, managers, networks,
        organisations, permissions, policies, refusals, reports, resource_servers, resources, secrets,
        suspension, users, webhooks,
    },
    documentation::openapi::{self as documentation, Documentation},
    http::problem::Problem,
    leak_reports,
    sign_in::{enrolment, openid, preferences, session},
    state::Management,
};

const BASE: &str = "/api/v1";

fn register(config: &mut utoipa_actix_web::service_config::ServiceConfig) {
    config
        .service(session::create)
        .service(session::show)
        .service(session::remove)
        .service(openid::routes::options)
        .service(openid::routes::start)
        .service(openid::routes::finish)
        .service(account::overview::show)
        .service(account::overview::change)
        .service(account::factors::change_password)
        .service(account::factors::confirm_authenticator)
        .service(account::factors::begin_authenticator)
        .service(account::factors::replace_recovery_codes)
        .service(account::identity::bind)
        .service(account::sessions::list)
        .service(account::sessions::end_others)
        .service(account::sessions::end_one)
        .service(preferences::show)
        .service(preferences::change)
        .service(preferences::ask)
        .service(preferences::turn_down)
        .service(enrolment::confirm)
        .service(enrolment::begin)
        .service(enrolment::look_up)
        .service(secrets::create)
        .service(secrets::list)
        .service(secrets::show)
        .service(secrets::remove)
        .service(suspension::suspend_secret)
        .service(suspension::suspend_key)
        .service(suspension::suspend_federated)
        .service(grace::grant)
        .service(keys::create)
        .service(keys::list)
        .service(keys::show)
        .service(keys::remove)
        .service(federated_credentials::create)
        .service(federated_credentials::list)
        .service(federated_credentials::show)
        .service(federated_credentials::remove)
        .service(permissions::create)
        .service(permissions::list)
        .service(permissions::remove)
        .service(managers::create)
        .service(managers::list)
        .service(managers::remove)
        .service(applications::create)
        .service(applications::list)
        .service(applications::show)
        .service(applications::update)
        .service(networks::show)
        .service(webhooks::create)
        .service(webhooks::list)
        .service(webhooks::remove)
        .service(organisations::create)
        .service(organisations::list)
        .service(organisations::show)
        .service(organisations::update)
        .service(policies::show)
        .service(policies::update)
        .service(resources::create)
        .service(resources::list)
        .service(resources::show)
        .service(resources::update)
        .service(resource_servers::create)
        .service(resource_servers::list)
        .service(resource_servers::replace_secret)
        .service(resource_servers::remove)
        .service(users::reset)
        .service(users::create)
        .service(users::list)
        .service(users::show)
        .service(users::update)
        .service(users::unbind)
        .service(attention::list)
        .service(attention::snooze)
        .service(reports::secrets)
        .service(refusals::of_application)
        .service(refusals::search)
        .service(audit_events::history)
        .service(audit_events::list)
        .service(documentation::show);
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> openapi::OpenApi {
    let scope = utoipa_actix_web::scope(BASE).configure(register);
    let app = App::new()
        .into_utoipa_app()
        .openapi(documentation::Document::openapi());
    let mut document = app.service(scope).split_for_parts().1;
    documentation::complete(&mut document);
    document
}

/// Registers the management API; the service and the document are shared by all workers.
pub fn configure(
    config: &mut web::ServiceConfig,
    service: &web::Data<Management>,
    documentation: &web::Data<Documentation>,
) {
    let headers = DefaultHeaders::new()
        .add(("Cache-Control", "no-store"))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
        .add((
            "Content-Security-Policy",
            "default-src 'none'; frame-ancestors 'none'",
        ));
    let scope = web::scope(BASE)
        .app_data(service.clone())
        .app_data(documentation.clone())
        .wrap(headers)
        .configure(|config| {
            let mut documented = utoipa_actix_web::service_config::ServiceConfig::new(config);
            register(&mut documented);
        })
        .default_service(web::to(no_route));
    config.service(scope);
    leak_reports::configure(config);
}

/// 405 for a documented path, 404 for any other.
async fn no_route(
    request: HttpRequest,
    documentation: web::Data<Documentation>,
) -> Result<HttpResponse, Problem> {
    let same = |template: &str| {
        let (wanted, given) = (template.split('/'), request.path().split('/'));
        wanted.clone().count() == given.clone().count()
            && wanted
                .zip(given)
                .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
    };
    let mut paths = documentation.document.paths.paths.iter();
    let found = paths.find(|(template, _)| same(template));
    let Some((_, item)) = found else {
        return Err(Problem::NotFound);
    };
    let methods = [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    let known: Vec<&str> = methods.into_iter().filter(|one| one.1).map(|one| one.0).collect();
    Err(Problem::MethodNotAllowed(known.join(", ")))
}
