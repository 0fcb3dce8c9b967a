//! People who sign in to a demo, and their requests to the management API.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Secret, TOTP};

use super::{Answer, Demo, http};

/// A person printed by the demo.
pub struct Person {
    pub email: String,
    pub password: String,
    pub totp_secret: String,
}

impl Person {
    /// A person with this role; `which` selects among managers.
    pub fn of(demo: &Demo, role: &str, which: usize) -> Self {
        let users = demo.summary["users"].as_array().unwrap();
        let user = users
            .iter()
            .filter(|user| user["role"] == role)
            .nth(which)
            .unwrap();
        let text = |name: &str| user[name].as_str().unwrap().to_owned();
        Self {
            email: text("email"),
            password: text("password"),
            totp_secret: text("totp_secret"),
        }
    }

    pub fn sign_in(&self, demo: &Demo) -> Session {
        let answer = attempt(demo, &self.proof());
        assert_eq!(answer.status, 201, "{}", answer.text);
        Session::new(demo, answer.json()["token"].as_str().unwrap())
    }

    pub fn proof(&self) -> Value {
        json!({ "email": self.email, "password": self.password, "totp": code(&self.totp_secret) })
    }
}

/// An authenticator's current code.
pub fn code(secret: &str) -> String {
    code_in(secret, 0)
}

/// The code some time steps from now. One of an earlier step counts for the rest of this step only, of which enough is
/// left then for a busy machine.
pub fn code_in(secret: &str, steps: i64) -> String {
    const STEP: u64 = 30;
    let secret = Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    let totp = TOTP::new(Algorithm::SHA1, 6, 1, STEP, secret, None, String::new()).unwrap();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let over = now() % STEP;
    if steps < 0 && over > STEP - 15 {
        thread::sleep(Duration::from_secs(STEP - over));
    }
    totp.generate(now().checked_add_signed(steps * STEP.cast_signed()).unwrap())
}

pub fn attempt(demo: &Demo, proof: &Value) -> Answer {
    Answer::of(http().post(demo.url("/api/v1/session")).json(proof))
}

/// A sign-in that a trusted proxy hands on for this source.
pub fn sign_in_from(demo: &Demo, source: &str, proof: &Value) -> RequestBuilder {
    let request = http().post(demo.url("/api/v1/session")).json(proof);
    request.header("x-forwarded-for", source)
}

/// Proof that is none.
pub fn wrong(person: &Person) -> Value {
    json!({ "email": person.email, "password": "a wrong password", "totp": "000000" })
}

pub fn status_from(demo: &Demo, source: &str, proof: &Value) -> u16 {
    Answer::of(sign_in_from(demo, source, proof)).status
}

/// A signed-in person; an empty token is nobody.
#[derive(Clone)]
pub struct Session {
    base: String,
    pub token: String,
}

impl Session {
    pub fn new(demo: &Demo, token: &str) -> Self {
        Self {
            base: demo.url("/api/v1"),
            token: token.to_owned(),
        }
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = http().request(method, format!("{}{path}", self.base));
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path))
    }

    pub fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request("DELETE", path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request("POST", path).json(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request("PATCH", path).json(body))
    }
}
