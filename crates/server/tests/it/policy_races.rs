//! Races: a policy changes while systems rotate their secrets and managers create new ones, on both databases.
//! Whatever follows the change in the audit trail, whose order is that of the changes, obeys it, and so does whatever
//! begins after its answer.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo,
    people::{Person, Session},
    wait_until,
};

on_both_with! {
    [
        ("WMDA_AUTH__SECRETS__MAX_PER_APPLICATION", "1000"),
        ("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "100000"),
    ],
    no_secret_is_exchanged_once_the_policy_forbids_it
    no_credential_outlives_the_longest_life_that_was_lowered
    no_application_grows_beyond_the_number_that_was_lowered
}

/// Each has secrets to rotate: fewer than the burst of ten that a client may rotate.
const APPLICATIONS: usize = 4;
const SECRETS: usize = 8;
/// How many of these wait for the answer to the change.
const HELD_BACK: usize = 2;
/// The policy changes after this many rotations.
const EXCHANGED_BEFORE: usize = 6;
/// A manager continues until this many attempts have begun after the answer, and gives up after `TRIES`.
const TRIED_AFTER: usize = 3;
const TRIES: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Exchange,
    Secret,
}

struct Application {
    id: String,
    secrets: Vec<String>,
}

struct Race<'a> {
    demo: &'a Demo,
    admin: Session,
    manager: Session,
    policy: String,
    applications: Vec<Application>,
    exchanged: AtomicUsize,
    is_answered: AtomicBool,
}

impl<'a> Race<'a> {
    fn prepare(demo: &'a Demo) -> Self {
        let admin = Person::of(demo, "admin", 0).sign_in(demo);
        let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
        let own = manager.get(&format!("/applications/{}", demo.upload.id)).json();
        let owner = own["organisation_id"].as_str().unwrap();
        let mut race = Self {
            policy: format!("/organisations/{owner}/policy"),
            demo,
            admin,
            manager,
            applications: Vec::new(),
            exchanged: AtomicUsize::new(0),
            is_answered: AtomicBool::new(false),
        };
        race.applications = (0..APPLICATIONS)
            .map(|number| race.application(owner, number))
            .collect();
        race
    }

    fn application(&self, owner: &str, number: usize) -> Application {
        let new = json!({ "name": format!("Partner-NL-Race{number}-SMC"), "organisation_id": owner });
        let made = self.admin.post("/applications", &new);
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["client_id"].as_str().unwrap().to_owned();
        let person = self.manager.get("/session").json()["user"]["id"].clone();
        let path = format!("/applications/{id}");
        let assigned = self
            .admin
            .post(&format!("{path}/managers"), &json!({ "user_id": person }));
        assert_eq!(assigned.status, 201, "{}", assigned.text);
        let switched = self.manager.patch(&path, &json!({ "self_rotation": true }));
        assert_eq!(switched.status, 200, "{}", switched.text);
        let secrets = (0..SECRETS).map(|_| {
            let made = self.new_secret(&id, 300);
            assert_eq!(made.status, 201, "{}", made.text);
            made.json()["secret"].as_str().unwrap().to_owned()
        });
        let secrets = secrets.collect();
        Application { id, secrets }
    }

    fn new_secret(&self, client_id: &str, days: i64) -> Answer {
        let expires_at = (Utc::now() + TimeDelta::days(days)).to_rfc3339();
        let new = json!({ "name": "race", "expires_at": expires_at });
        self.manager
            .post(&format!("/applications/{client_id}/secrets"), &new)
    }

    /// Runs everything concurrently, with the policy's change in the middle; `obeys` judges the status of what began
    /// after its answer.
    fn run(&self, change: &Value, obeys: impl Fn(Asked, u16) -> bool + Sync) {
        let obeys = &obeys;
        thread::scope(|scope| {
            for application in &self.applications {
                scope.spawn(move || self.exchange_all(application, obeys));
                scope.spawn(move || self.keep_creating(application, obeys));
            }
            let enough = || self.exchanged.load(Ordering::SeqCst) >= EXCHANGED_BEFORE;
            assert!(wait_until(PATIENCE, enough), "hardly anything is exchanged");
            // Rotations and creations wait in the same queue, which may be too long.
            let mut answers = (0..TRIES).map(|_| self.admin.patch(&self.policy, change));
            let served = answers.find(|answer| answer.status != 503);
            let answer = served.expect("the policy finds no turn");
            assert_eq!(answer.status, 200, "{}", answer.text);
            self.is_answered.store(true, Ordering::SeqCst);
        });
    }

    /// Whether it began after the answer about the policy, and was served.
    fn judged(&self, asked: Asked, ask: impl Fn() -> Answer, obeys: &impl Fn(Asked, u16) -> bool) -> bool {
        let began_after = self.is_answered.load(Ordering::SeqCst);
        let answer = ask();
        if asked == Asked::Exchange && answer.status == 201 {
            self.exchanged.fetch_add(1, Ordering::SeqCst);
        }
        let is_served = answer.status != 503;
        let is_right = !began_after || !is_served || obeys(asked, answer.status);
        assert!(is_right, "{} after the policy: {}", answer.status, answer.text);
        began_after && is_served
    }

    fn exchange_all(&self, application: &Application, obeys: &impl Fn(Asked, u16) -> bool) {
        for (number, secret) in application.secrets.iter().enumerate() {
            if number >= SECRETS - HELD_BACK {
                assert!(wait_until(PATIENCE, || self.is_answered.load(Ordering::SeqCst)));
            }
            let ask = || {
                let body = format!("client_id={}&client_secret={secret}", application.id);
                Answer::of(self.demo.post("/oauth2/rotate-secret", body))
            };
            self.judged(Asked::Exchange, ask, obeys);
        }
    }

    fn keep_creating(&self, application: &Application, obeys: &impl Fn(Asked, u16) -> bool) {
        let tries = (0..TRIES).filter(|_| {
            let ask = || self.new_secret(&application.id, 40);
            self.judged(Asked::Secret, ask, obeys)
        });
        assert_eq!(
            tries.take(TRIED_AFTER).count(),
            TRIED_AFTER,
            "it was never answered"
        );
    }

    /// The audit events with this action: sequence number and object, newest first.
    fn trail(&self, action: &str) -> Vec<(i64, String)> {
        let (mut events, mut page) = (Vec::new(), String::new());
        loop {
            let query = format!("/audit-events?action={action}&outcome=done&limit=200{page}");
            let answer = self.admin.get(&query).json();
            let items = answer["items"].as_array().unwrap().iter();
            events.extend(items.map(|one| {
                let object = one["object"].as_str().unwrap().to_owned();
                (one["sequence"].as_i64().unwrap(), object)
            }));
            match answer["next"].as_str() {
                Some(next) => page = format!("&after={next}"),
                None => return events,
            }
        }
    }

    /// The objects created before the policy's change, and those created after it.
    fn around_the_change(&self, action: &str) -> (Vec<String>, Vec<String>) {
        let changed = self.trail("organisation.policy")[0].0;
        let (before, after): (Vec<_>, Vec<_>) = self
            .trail(action)
            .into_iter()
            .partition(|event| event.0 < changed);
        let objects = |events: Vec<(i64, String)>| events.into_iter().map(|event| event.1).collect();
        (objects(before), objects(after))
    }
}

fn no_secret_is_exchanged_once_the_policy_forbids_it(demo: &Demo) {
    let race = Race::prepare(demo);
    race.run(&json!({ "self_rotation": "off" }), |asked, status| match asked {
        Asked::Exchange => status == 403,
        Asked::Secret => status == 201,
    });
    let (before, after) = race.around_the_change("secret.rotate");
    assert_eq!(before.len(), race.exchanged.load(Ordering::SeqCst));
    assert!(after.is_empty(), "{after:?}");
}

fn no_credential_outlives_the_longest_life_that_was_lowered(demo: &Demo) {
    let race = Race::prepare(demo);
    race.run(&json!({ "max_lifetime_days": 30 }), |asked, status| match asked {
        Asked::Exchange => status == 201,
        Asked::Secret => status == 400,
    });
    let (before, after) = race.around_the_change("secret.create");
    let life = |object: &String| {
        let path = object
            .replacen("application/", "/applications/", 1)
            .replacen("/secret/", "/secrets/", 1);
        let view = race.manager.get(&path).json();
        let at = |name: &str| view[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        at("expires_at") - at("created_at")
    };
    assert!(!after.is_empty(), "exchanges go on");
    for object in &after {
        assert!(life(object) <= TimeDelta::days(30), "{object}: {}", life(object));
    }
    let lives = before
        .iter()
        .filter(|object| object.contains(&race.applications[0].id))
        .map(life);
    let longest = lives.max().unwrap();
    assert!(
        longest > TimeDelta::days(30),
        "only the change shortens lives: {longest}"
    );
}

fn no_application_grows_beyond_the_number_that_was_lowered(demo: &Demo) {
    const MOST: usize = 14;
    let race = Race::prepare(demo);
    let change = json!({ "max_live_secrets": MOST });
    race.run(&change, |_, status| matches!(status, 201 | 409));
    let (before, after) = race.around_the_change("secret.create");
    let mut made: HashMap<&str, (usize, usize)> = HashMap::new();
    for (objects, is_after) in [(&before, false), (&after, true)] {
        for object in objects {
            let (earlier, later) = made.entry(object.split('/').nth(1).unwrap()).or_default();
            *if is_after { later } else { earlier } += 1;
        }
    }
    for Application { id, .. } in &race.applications {
        let (earlier, later) = made[id.as_str()];
        let all = earlier + later;
        assert!(all <= MOST.max(earlier), "{earlier} before and {later} after");
        let listed = race
            .manager
            .get(&format!("/applications/{id}/secrets?limit=200"))
            .json();
        assert_eq!(
            listed["items"].as_array().unwrap().len(),
            all,
            "each is in the trail"
        );
    }
}
