//! The mails in `docs/mails` about events on a secret, and about a person's account: see [`crate::samples`].

use chrono::{DateTime, TimeDelta, Utc};
use domain::{audit::Entry, credential::CredentialKind, organisation_policy::OnLeak};
use store::{
    Notice, leaks,
    outbox::MailKind,
    rotation::{NewSuccessor, RotationRules},
};
use uuid::Uuid;

use crate::{
    samples::{MANAGER, at, compare, example},
    world::{TEAM, World},
};

const COLLEAGUE: &str = "ben@registry.example";
const FINDER: &str = "198.51.100.9";
const WHILE_SUSPENDED: &str = "2027-06-02T14:05:00Z";

/// A registry's application, and its search server's secret, which is in use.
struct Example<'a> {
    world: &'a World,
    client_id: Uuid,
    secret_id: Uuid,
}

impl Example<'_> {
    fn by(&self, actor: &str) -> Entry {
        let mut entry = self.world.entry();
        actor.clone_into(&mut entry.event.actor);
        entry
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.clock.get()
    }

    fn reach(&self, instant: &str) {
        self.world.clock.set(at(instant));
    }

    async fn compare(&self, name: &str, to: &str) {
        self.world.node().pass().await.unwrap();
        let mails = self.world.server.take();
        let mail = mails.iter().find(|mail| mail.to == to);
        compare(name, mail.unwrap());
    }

    async fn suspend(&self, until: Option<DateTime<Utc>>) {
        let which = (CredentialKind::Secret, self.client_id, self.secret_id);
        let entry = self.by(COLLEAGUE);
        let outcome = self
            .world
            .store
            .suspend_credential(which, until, self.now(), entry);
        outcome.await.unwrap();
    }

    async fn leaks(&self, secret_id: Uuid, on_leak: OnLeak) {
        let report = leaks::Report {
            from: FINDER.to_owned(),
            team: Some(TEAM.to_owned()),
        };
        let which = (self.client_id, secret_id);
        let entry = self.by("leak report");
        let outcome = self
            .world
            .store
            .end_leaked_secret(which, (on_leak, report), self.now(), entry);
        outcome.await.unwrap();
    }

    async fn rotates(&self) -> Uuid {
        let store = &self.world.store;
        let on = store.set_self_rotation(self.client_id, true, self.by(MANAGER));
        on.await.unwrap();
        let id = self.world.id();
        let new = NewSuccessor {
            id,
            hint: "k7Q".to_owned(),
            digest: self.world.pepper.digest(self.client_id, "new"),
            now: self.now(),
        };
        let rules = RotationRules {
            overlap: TimeDelta::days(7),
            max_lifetime_days: 365,
            max_live: 10,
        };
        let which = (self.client_id, self.secret_id);
        let rotated = store.rotate_secret(which, new, rules, self.by("itself")).await;
        assert!(rotated.unwrap().is_ok());
        id
    }

    async fn is_graced(&self, secret_id: Uuid) {
        let grace = (TimeDelta::hours(72), Some(TEAM.to_owned()));
        let which = (self.client_id, secret_id);
        let entry = self.by("wim.bakker@wmda.example");
        let granted = self.world.store.grant_grace(which, grace, self.now(), entry);
        granted.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mails_in_docs_about_what_was_done_are_what_is_sent() {
    let world = World::sqlite();
    world.clock.set(at("2027-03-01T09:00:00Z"));
    let [client_id, _] = example(&world).await;
    let life = (at("2027-03-01T09:00:00Z"), at("2028-02-29T23:59:59Z"));
    let secret_id = world.secret(client_id, "Search, production server", life).await;
    let example = Example {
        world: &world,
        client_id,
        secret_id,
    };
    example.reach("2027-06-01T08:15:00Z");
    world.using(secret_id).await;
    example.reach("2027-06-02T14:00:00Z");
    example.suspend(Some(at("2027-06-03T14:00:00Z"))).await;
    example.compare("suspended", MANAGER).await;
    example.reach(WHILE_SUSPENDED);
    world.trying_while_suspended(secret_id).await;
    example.reach("2027-06-02T14:20:00Z");
    example.suspend(None).await;
    example.compare("put-back", MANAGER).await;
    example.reach("2027-12-01T03:17:00Z");
    world.using(secret_id).await;
    let new = example.rotates().await;
    example.compare("rotated-itself", MANAGER).await;
    example.reach("2027-12-04T11:00:00Z");
    world.using(new).await;
    example.leaks(new, OnLeak::Suspend).await;
    example.compare("leaked-suspended", MANAGER).await;
    let other = world
        .secret(
            client_id,
            "Search, test server",
            (example.now(), at("2028-01-10T12:00:00Z")),
        )
        .await;
    example.leaks(other, OnLeak::Delete).await;
    example.compare("leaked-deleted", MANAGER).await;
    let last = world
        .secret(
            client_id,
            "Nightly upload",
            (at("2027-12-05T09:00:00Z"), at("2028-01-20T23:59:59Z")),
        )
        .await;
    example.reach("2028-01-20T07:30:00Z");
    world.using(last).await;
    world.node().pass().await.unwrap();
    world.server.take();
    example.reach("2028-01-20T15:00:00Z");
    example.is_graced(last).await;
    example.compare("extended", MANAGER).await;
    world.delete(client_id, last).await;
    example.compare("deleted", MANAGER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mails_in_docs_about_accounts_are_what_is_sent() {
    let world = World::sqlite();
    world.clock.set(at("2027-03-01T09:00:00Z"));
    let link = "https://auth.wmda.example/manage-api-credentials#token=…";
    for (name, kind, to, hidden) in [
        ("password-changed", MailKind::PasswordChanged, MANAGER, None),
        (
            "authenticator-changed",
            MailKind::AuthenticatorChanged,
            MANAGER,
            None,
        ),
        (
            "recovery-codes-replaced",
            MailKind::RecoveryCodesReplaced,
            MANAGER,
            None,
        ),
        ("identity-bound", MailKind::IdentityBound, MANAGER, None),
        ("invitation", MailKind::Invitation, MANAGER, Some(link)),
        ("reset", MailKind::Reset, MANAGER, Some(link)),
        ("sign-in-blocked", MailKind::SignInBlocked, MANAGER, None),
        (
            "sign-in-blocked-team",
            MailKind::SignInBlockedOf,
            TEAM,
            Some(MANAGER),
        ),
    ] {
        let id = world.id();
        let random = ring::rand::SystemRandom::new();
        let seal = |text: &str| world.pepper.seal(id, text.as_bytes(), &random).unwrap();
        let notice = Notice {
            id,
            recipient: to.to_owned(),
            kind,
            sealed: hidden.map(seal),
        };
        let queued = world.store.record_with_notices(world.entry(), vec![notice]);
        queued.await.unwrap();
        world.node().pass().await.unwrap();
        compare(name, &world.server.take()[0]);
    }
    world.node().send_test(world.id(), TEAM).await.unwrap();
    compare("test-mail", &world.server.take()[0]);
}
