//! Clients that request tokens as fast as they can, with live, dying and deleted credentials.

use std::{thread, time::Duration};

use reqwest::{blocking::Client, header::CONTENT_TYPE};

use super::{
    Stop,
    history::{History, Outcome},
    random::Random,
};
use crate::support::FORM;

pub fn work(addresses: &[String], history: &History, stop: &Stop, mut random: Random) {
    let http = Client::builder()
        .timeout(Duration::from_secs(4))
        .no_proxy()
        .build()
        .unwrap();
    while !stop.is_set() {
        let Some(credential) = history.pick(&mut random) else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let node = random.below(addresses.len());
        let began = history.now();
        let outcome = ask(&http, &addresses[node], credential.way.form());
        history.answered(&credential, node, began, outcome);
        if outcome == Outcome::NoAnswer {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn ask(http: &Client, address: &str, body: String) -> Outcome {
    let request = http.post(address).header(CONTENT_TYPE, FORM).body(body);
    let Ok(answer) = request.send() else {
        return Outcome::NoAnswer;
    };
    let status = answer.status().as_u16();
    match (status, answer.text()) {
        (200, Ok(text)) if text.contains("access_token") => Outcome::Token,
        (401, Ok(text)) if text.contains("invalid_client") => Outcome::Refused,
        (503, Ok(_)) => Outcome::Unavailable,
        (_, Err(_)) => Outcome::NoAnswer,
        (status, Ok(text)) => panic!("{status} {text}"),
    }
}
