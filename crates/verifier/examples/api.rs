//! An API that validates tokens with this crate. `cargo xtask validators` runs it against the server.

#![expect(
    clippy::disallowed_methods,
    reason = "an example is configured by its environment"
)]

use std::{env, error::Error, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, web};
use verifier::{
    Algorithm, Denied, HttpFetch, Issuer, Settings, StatusPolicy, SystemClock, VerifiedToken, Verifier,
};

async fn search(token: VerifiedToken, role: web::Data<String>) -> Result<HttpResponse, Denied> {
    token.require_role(&role)?;
    Ok(HttpResponse::Ok().body(token.client_id().to_owned()))
}

fn verifier() -> Result<Verifier, Box<dyn Error>> {
    let settings = Settings {
        issuers: Issuer::all(&env::var("PUBLIC_URL")?, &env::var("TENANT")?),
        audiences: vec![env::var("AUDIENCE")?],
        algorithms: vec![env::var("ALGORITHM")?.parse::<Algorithm>()?],
        skew_seconds: 30,
        status: StatusPolicy::Required,
    };
    let (fetch, clock) = (HttpFetch::new()?, SystemClock::start());
    let verifier = Verifier::new(settings, Arc::new(fetch), Arc::new(clock))?;
    // The API's public origin: DPoP proofs must be for it.
    Ok(verifier.with_dpop(&env::var("API_URL")?)?)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = web::Data::new(verifier()?);
    let role = web::Data::new(env::var("ROLE")?);
    let app = move || {
        let app = App::new().app_data(verifier.clone()).app_data(role.clone());
        app.route("/", web::get().to(search))
    };
    let port = env::var("PORT")?.parse()?;
    Ok(HttpServer::new(app)
        .workers(1)
        .bind(("127.0.0.1", port))?
        .run()
        .await?)
}
