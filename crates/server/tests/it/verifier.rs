//! The `verifier` crate against the running server: as a library and as an actix-web extractor.

use std::{
    future::Future,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse,
    http::{StatusCode, header},
    test::{TestRequest, init_service, try_call_service},
    web,
};
use uuid::Uuid;
use verifier::{
    Algorithm, Denied, HttpFetch, Issuer, Rejection, Settings, StatusPolicy, SystemClock, VerifiedToken,
    Verifier,
};

use crate::support::{Answer, Credentials, Demo, secrets};

/// The `ttl` of status lists, with a second each for the server's and the clock's granularity.
const STATUS_DELAY: Duration = Duration::from_secs(12);

fn verifier_for(demo: &Demo, audience: &str, algorithm: Algorithm) -> Verifier {
    let settings = Settings {
        issuers: Issuer::all(&demo.base, &demo.tenant),
        audiences: vec![audience.to_owned()],
        algorithms: vec![algorithm],
        skew_seconds: 0,
        status: StatusPolicy::Required,
    };
    let fetch = HttpFetch::trusting(rustls::RootCertStore::empty()).unwrap();
    Verifier::new(settings, Arc::new(fetch), Arc::new(SystemClock::start())).unwrap()
}

fn token(demo: &Demo, path: &str, client: &Credentials) -> String {
    let resource = &client.resources[0];
    let named = if path.contains("v2.0") {
        format!("scope={resource}/.default")
    } else {
        format!("resource={resource}")
    };
    let answer = Answer::of(demo.post(path, format!("{}&{named}", client.body())));
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(work)
}

#[test]
fn j01_tokens_of_every_route_and_algorithm_are_accepted_and_foreign_ones_refused() {
    let demo = Demo::sqlite();
    for (client, other, algorithm) in [
        (&demo.search, &demo.upload, Algorithm::ES256),
        (&demo.upload, &demo.search, Algorithm::RS256),
    ] {
        let verifier = verifier_for(&demo, &client.resources[0], algorithm);
        let foreign = verifier_for(&demo, &other.resources[0], algorithm);
        for path in ["/oauth2/token".to_owned(), demo.v1(), demo.v2()] {
            let token = token(&demo, &path, client);
            let verified = wait_for(verifier.verify(&token)).unwrap();
            assert_eq!(verified.client_id(), client.id, "{path}");
            assert!(!verified.roles().is_empty(), "{path}");
            assert_eq!(
                wait_for(foreign.verify(&token)),
                Err(Rejection::Audience),
                "{path}"
            );
        }
    }
}

#[test]
fn s01_a_deleted_secret_ends_its_tokens_within_the_ttl() {
    let demo = Demo::sqlite();
    let verifier = verifier_for(&demo, &demo.search.resources[0], Algorithm::ES256);
    let token = token(&demo, "/oauth2/token", &demo.search);
    wait_for(async {
        assert!(verifier.verify(&token).await.is_ok());
        let (store, client) = (demo.store(), Uuid::try_parse(&demo.search.id).unwrap());
        let secret = demo.summary["clients"][0]["secret_id"].as_str().unwrap();
        let secret = Uuid::try_parse(secret).unwrap();
        store
            .delete_secret(client, secret, chrono::Utc::now(), secrets::record(&demo))
            .await
            .unwrap();
    });
    let began = Instant::now();
    while wait_for(verifier.verify(&token)).is_ok() {
        assert!(began.elapsed() < STATUS_DELAY, "it is still accepted");
        thread::sleep(Duration::from_millis(50));
    }
    println!("refused {:?} after the deletion", began.elapsed());
    assert_eq!(wait_for(verifier.verify(&token)), Err(Rejection::Revoked));
}

async fn search(token: VerifiedToken) -> Result<HttpResponse, Denied> {
    token.require_role("Search.Read")?;
    Ok(HttpResponse::Ok().body(token.client_id().to_owned()))
}

async fn administer(token: VerifiedToken) -> Result<HttpResponse, Denied> {
    token.require_role("Search.Administer")?;
    Ok(HttpResponse::Ok().finish())
}

#[test]
fn the_extractor_answers_by_itself_and_without_the_server_nothing_is_decided() {
    let mut demo = Demo::sqlite();
    let verifier = verifier_for(&demo, &demo.search.resources[0], Algorithm::ES256);
    let bearer = format!("Bearer {}", token(&demo, "/oauth2/token", &demo.search));
    let basic = bearer.replace("Bearer", "Basic");
    let invalid = "Bearer error=\"invalid_token\"";
    wait_for(async {
        let routes = App::new()
            .app_data(web::Data::new(verifier))
            .route("/search", web::get().to(search))
            .route("/administer", web::get().to(administer));
        let api = init_service(routes).await;
        let ask = async |path: &str, credentials: Option<&str>| {
            let mut request = TestRequest::get().uri(path);
            if let Some(value) = credentials {
                request = request.insert_header((header::AUTHORIZATION, value));
            }
            let answer = match try_call_service(&api, request.to_request()).await {
                Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
            let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
            (answer.status(), challenge)
        };
        assert_eq!(ask("/search", Some(&bearer)).await, (StatusCode::OK, None));
        let missing = (StatusCode::UNAUTHORIZED, Some("Bearer".to_owned()));
        assert_eq!(ask("/search", None).await, missing);
        assert_eq!(ask("/search", Some(&basic)).await, missing);
        let refused = (StatusCode::UNAUTHORIZED, Some(invalid.to_owned()));
        assert_eq!(ask("/search", Some("Bearer x")).await, refused);
        let lacking = "Bearer error=\"insufficient_scope\"".to_owned();
        assert_eq!(
            ask("/administer", Some(&bearer)).await,
            (StatusCode::FORBIDDEN, Some(lacking))
        );
    });
    demo.terminate();
    let orphan = verifier_for(&demo, &demo.search.resources[0], Algorithm::ES256);
    let outcome = wait_for(orphan.verify(bearer.trim_start_matches("Bearer ")));
    assert!(matches!(outcome, Err(Rejection::Unavailable(_))), "{outcome:?}");
}
