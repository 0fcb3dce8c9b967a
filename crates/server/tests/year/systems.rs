//! A member's system, on two machines if it rotates its secrets itself, and its nightly job: the one of the guide.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    plot::{Fate, Member},
    world::World,
};

/// The outcome of a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Token,
    Expired,
    Suspended,
    Other(u16),
}

/// A secret in a system's file, and its expiry as the system was told.
#[derive(Clone)]
pub struct Held {
    pub value: String,
    pub expires_at: i64,
}

pub struct System {
    pub client_id: String,
    /// The secret in the job's file.
    current: Held,
    /// The successor left by an interrupted job.
    left: Option<Held>,
    /// The secret that each machine uses.
    machines: Vec<String>,
    /// When the second machine gets the first one's secret.
    follows_at: Option<DateTime<Utc>>,
    lag: TimeDelta,
    rotates_below: i64,
    pub last_token: String,
    pub exchanges: usize,
    pub lost: usize,
}

impl System {
    pub fn new(member: &Member, client_id: String, machines: usize) -> Self {
        let nothing = Held {
            value: String::new(),
            expires_at: 0,
        };
        Self {
            client_id,
            current: nothing,
            left: None,
            machines: vec![String::new(); machines],
            follows_at: None,
            lag: member.lag,
            rotates_below: member.rotates_below(),
            last_token: String::new(),
            exchanges: 0,
            lost: 0,
        }
    }

    /// Its people install a secret on every machine.
    pub fn gets(&mut self, value: &str) {
        value.clone_into(&mut self.current.value);
        self.machines.fill(value.to_owned());
    }

    /// Each machine requests a token.
    pub async fn asks(&mut self, world: &World) -> Vec<Outcome> {
        if self.follows_at.is_some_and(|at| at <= world.now()) {
            self.follows_at = None;
            self.machines.fill(self.current.value.clone());
        }
        let mut outcomes = Vec::new();
        for secret in &self.machines {
            let answer = world.token(&self.client_id, secret).await;
            let told = answer.body["error_description"].as_str().unwrap_or_default();
            outcomes.push(match answer.status {
                200 => Outcome::Token,
                401 if told.contains("expired") => Outcome::Expired,
                401 if told.contains("suspended") => Outcome::Suspended,
                other => Outcome::Other(other),
            });
            if let Some(token) = answer.body["access_token"].as_str() {
                token.clone_into(&mut self.last_token);
            }
        }
        outcomes
    }

    /// Runs the guide's job.
    pub async fn job(&mut self, world: &World, fate: Fate) {
        if fate == Fate::Missed {
            return;
        }
        if let Some(left) = self.left.take()
            && world.token(&self.client_id, &left.value).await.status == 200
        {
            self.puts_in_place(world, left);
        }
        let answer = world.token(&self.client_id, &self.current.value).await;
        assert_eq!(answer.status, 200, "the job has no access: {}", answer.body);
        self.current.expires_at = answer.body["client_secret_expires_at"].as_i64().unwrap();
        let days_left = (self.current.expires_at - world.now().timestamp()) / 86_400;
        if days_left < self.rotates_below {
            self.exchanges(world, fate).await;
        }
    }

    async fn exchanges(&mut self, world: &World, fate: Fate) {
        match fate {
            Fate::Twice => {
                let (one, other) = tokio::join!(self.exchange(world), self.exchange(world));
                let mut won = [one, other].into_iter().flatten();
                let new = won.next().expect("one of two wins");
                assert!(won.next().is_none(), "and only one");
                self.exchanges += 1;
                self.tries(world, new).await;
            }
            Fate::Lost => {
                self.loses(world).await;
            }
            Fate::LostAndAgain => {
                self.loses(world).await;
                world.reach(world.now() + TimeDelta::seconds(11));
                let new = self.exchange(world).await.expect("it may be repeated");
                self.exchanges += 1;
                self.tries(world, new).await;
            }
            Fate::Interrupted => {
                self.left = Some(self.exchange(world).await.expect("an exchange"));
                self.exchanges += 1;
            }
            Fate::Kept | Fate::Missed => {
                let new = self.exchange(world).await.expect("an exchange");
                self.exchanges += 1;
                self.tries(world, new).await;
            }
        }
    }

    async fn loses(&mut self, world: &World) {
        assert!(self.exchange(world).await.is_some(), "an exchange");
        self.exchanges += 1;
        self.lost += 1;
    }

    async fn exchange(&self, world: &World) -> Option<Held> {
        let answer = world.rotate(&self.client_id, &self.current.value).await;
        assert!(
            matches!(answer.status, 201 | 429 | 503),
            "{} {}",
            answer.status,
            answer.body
        );
        Some(Held {
            value: answer.body["client_secret"].as_str()?.to_owned(),
            expires_at: answer.body["client_secret_expires_at"].as_i64()?,
        })
    }

    async fn tries(&mut self, world: &World, new: Held) {
        let answer = world.token(&self.client_id, &new.value).await;
        assert_eq!(answer.status, 200, "a new secret works at once: {}", answer.body);
        self.puts_in_place(world, new);
    }

    /// One machine gets it at once, the other one later.
    fn puts_in_place(&mut self, world: &World, new: Held) {
        new.value.clone_into(&mut self.machines[0]);
        self.current = new;
        self.follows_at = Some(world.now() + self.lag);
    }
}
