//! A third-party client library, and what the log records of clients.

use std::time::Duration;

use oauth2::{
    AuthType, ClientId, ClientSecret, RequestTokenError, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType},
};

use super::{SENTINEL, check::*};
use crate::support::{Answer, Demo, GRANT, eventually, http};

on_both! {
    the_oauth2_crate_gets_a_token
    l02_no_secret_or_token_is_logged
}

fn the_oauth2_crate_gets_a_token(demo: &Demo) {
    for method in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = |secret: &str| {
            BasicClient::new(ClientId::new(demo.upload.id.clone()))
                .set_client_secret(ClientSecret::new(secret.to_owned()))
                .set_auth_type(method.clone())
                .set_token_uri(TokenUrl::new(demo.url("/oauth2/token")).unwrap())
        };
        let right = client(&demo.upload.secret);
        let token = right.exchange_client_credentials().request(&http()).unwrap();
        assert_eq!(token.expires_in(), Some(Duration::from_secs(3600)));
        assert!(token.refresh_token().is_none());
        let wrong = client("wrong");
        match wrong.exchange_client_credentials().request(&http()) {
            Err(RequestTokenError::ServerResponse(answer)) => {
                assert_eq!(*answer.error(), BasicErrorResponseType::InvalidClient);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn l02_no_secret_or_token_is_logged(demo: &Demo) {
    let (search, upload) = (&demo.search, &demo.upload);
    let query = format!("/oauth2/token?client_secret={}&x={SENTINEL}", search.secret);
    let wrong = format!("{GRANT}&client_id={SENTINEL}&client_secret={SENTINEL}");
    let token = access_token(&Answer::of(demo.token(upload.body())));
    let requests = [
        demo.post(&query, search.body()),
        demo.token(wrong),
        demo.token(format!("{GRANT}&client_id={}&client_secret=wrong", upload.id)),
        demo.token(demo.expired.body()),
        demo.token(format!("{}&access_token={token}", upload.body())),
        authorized(demo, &format!("Bearer {token}")),
        authorized(demo, &format!("Basic {}", encoded(demo))),
        demo.post(&format!("/{SENTINEL}/oauth2/token"), search.body()),
        demo.post(&demo.v1(), search.body()),
        http().get(demo.url(&format!("/{}", search.secret))),
    ];
    for request in requests {
        let _ = Answer::of(request);
    }
    // Successes are logged, and failures with their true cause.
    for told in [&upload.id, "WrongSecret", "UnknownClient", "Expired"] {
        eventually(|| demo.log().contains(told));
    }
    let log = demo.log();
    let signature = token.rsplit('.').next().unwrap();
    for hidden in [&search.secret, &upload.secret, &demo.expired.secret] {
        assert!(!log.contains(hidden.as_str()), "a secret is in the log");
    }
    for hidden in [signature, SENTINEL, &encoded(demo)] {
        assert!(!log.contains(hidden), "a token or input is in the log");
    }
}
