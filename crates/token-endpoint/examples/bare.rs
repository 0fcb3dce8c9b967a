//! The baseline of the benchmark: a handler that only parses the form, computes one MAC, signs and answers. `cargo
//! xtask bench` runs it beside the server.

use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use keystore::{Algorithm, SigningKey};
use oauth2_types::form;
use ring::hmac;
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'static str,
    roles: [&'static str; 2],
    tid: &'static str,
    client_id: &'a str,
    scope: &'static str,
    check: u8,
}

struct Bare {
    mac: hmac::Key,
    es256: SigningKey,
    rs256: SigningKey,
    eddsa: SigningKey,
}

async fn token(algorithm: web::Path<String>, body: web::Bytes, bare: web::Data<Bare>) -> HttpResponse {
    let Ok(pairs) = form::parse(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let value = |wanted: &str| {
        pairs
            .iter()
            .find(|(name, _)| name == wanted)
            .map_or("", |(_, value)| value)
    };
    let tag = hmac::sign(&bare.mac, value("client_secret").as_bytes());
    let claims = Claims {
        iss: "http://127.0.0.1:8080",
        sub: value("client_id"),
        aud: value("resource"),
        exp: 1_800_003_600,
        iat: 1_800_000_000,
        nbf: 1_799_999_700,
        jti: "b07ec101-7e2e-4ce2-a950-c5dbca19de70",
        roles: ["Search.Read", "Search.Write"],
        tid: "c3ab1869-1472-4577-b669-0d64c732e75c",
        client_id: value("client_id"),
        scope: "Search.Read Search.Write",
        check: tag.as_ref()[0],
    };
    let key = match algorithm.as_str() {
        "rs256" => &bare.rs256,
        "eddsa" => &bare.eddsa,
        _ => &bare.es256,
    };
    match key.sign("at+jwt", &claims) {
        Ok(token) => HttpResponse::Ok().content_type("application/json").body(format!(
            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
        )),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn key(algorithm: Algorithm) -> Result<SigningKey, keystore::KeyError> {
    SigningKey::parse(
        &SigningKey::generate_pem(algorithm)?,
        algorithm,
        Default::default(),
    )
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bare = web::Data::from(Arc::new(Bare {
        mac: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
        es256: key(Algorithm::ES256)?,
        rs256: key(Algorithm::RS256)?,
        eddsa: key(Algorithm::EdDSA)?,
    }));
    let server = HttpServer::new(move || {
        let app = App::new().app_data(bare.clone());
        app.route("/{algorithm}", web::post().to(token))
    });
    let server = server.workers(1).bind("127.0.0.1:0")?;
    for address in server.addrs() {
        println!("http://{address}");
    }
    Ok(server.run().await?)
}
