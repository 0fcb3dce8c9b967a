//! Failing mail servers, nodes that die, clocks set back, and malicious names.

use chrono::TimeDelta;
use domain::{reminder::DeliveryState, secret::ClientSecret};
use notifications::{Report, Transport};
use uuid::Uuid;

use crate::{
    on_both,
    smtp::Mood,
    world::{Managed, START, TEAM, World},
};

on_both! {
    a_server_that_fails_for_a_while_loses_nothing
    what_breaks_after_data_comes_again_under_the_same_message_id
    an_address_that_is_refused_is_shown_and_the_team_is_told
    a_relay_that_refuses_everything_for_a_while_loses_nothing
    what_was_given_up_is_sent_again_when_somebody_asks_and_it_has_a_reason
    a_node_that_dies_after_its_claim_holds_nothing_up
    two_nodes_send_once
    a_secret_deleted_before_it_is_sent_is_not_told
    a_manager_who_left_is_not_told
    a_deletion_takes_the_expiry_out_of_calendars
    a_clock_that_goes_back_sends_nothing_twice
    what_is_not_urgent_comes_in_one_mail_a_day
    names_cannot_break_out
    without_a_server_mails_become_files
}

const MANAGER: &str = "manager@example.org";

fn days(number: i64) -> TimeDelta {
    TimeDelta::days(number)
}

/// A secret with a lifetime of a year that expires in this many days.
async fn expiring(world: &World, managed: Managed, name: &str, left: i64) -> Uuid {
    let expires = START + days(left);
    world
        .secret(managed.client_id, name, (expires - days(365), expires))
        .await
}

async fn one_urgent(world: &World) -> (Managed, Uuid) {
    let managed = world.managed(MANAGER).await;
    let secret = expiring(world, managed, "one", 3).await;
    (managed, secret)
}

async fn shown(world: &World, managed: Managed, secret_id: Uuid) -> ClientSecret {
    let found = world
        .store
        .secret(managed.client_id, secret_id, world.clock.get())
        .await;
    found.unwrap().unwrap()
}

/// The delivery state of the mail to a recipient, by threshold.
async fn state(world: &World, of: (Managed, Uuid), threshold: i32, to: &str) -> Option<DeliveryState> {
    let secret = shown(world, of.0, of.1).await;
    let mut all = secret.notifications.into_iter();
    all.find(|one| one.threshold_days == threshold && one.recipient == to)
        .map(|one| one.state)
}

async fn a_server_that_fails_for_a_while_loses_nothing(world: &World) {
    let (managed, secret) = one_urgent(world).await;
    let node = world.node();
    for mood in [Mood::Down, Mood::Hanging, Mood::Busy] {
        world.server.set(mood);
        let report = node.pass().await.unwrap();
        assert!(report.put_off > 0 && report.sent == 0, "{mood:?} {report:?}");
        assert_eq!(report.trouble.is_some(), mood != Mood::Busy, "{mood:?}");
        let state = state(world, (managed, secret), 3, MANAGER).await;
        assert_eq!(state, Some(DeliveryState::Pending), "{mood:?}");
        world.clock.set(world.clock.get() + TimeDelta::minutes(30));
    }
    world.server.set(Mood::Well);
    assert_eq!(node.pass().await.unwrap().sent, 2);
    let mut to: Vec<String> = world.server.take().into_iter().map(|mail| mail.to).collect();
    to.sort_unstable();
    assert_eq!(to, [MANAGER, TEAM]);
    assert_eq!(
        state(world, (managed, secret), 3, MANAGER).await,
        Some(DeliveryState::Sent)
    );
    assert_eq!(node.pass().await.unwrap(), Report::default());
}

async fn what_breaks_after_data_comes_again_under_the_same_message_id(world: &World) {
    one_urgent(world).await;
    let node = world.node();
    world.server.set(Mood::BreaksAfterData);
    assert!(node.pass().await.unwrap().trouble.is_some());
    let first = world.server.take();
    world.server.set(Mood::Well);
    world.clock.set(START + TimeDelta::hours(1));
    assert_eq!(node.pass().await.unwrap().sent, 2);
    let again = world.server.take();
    let [first] = first.as_slice() else {
        unreachable!("one mail before the pass stopped")
    };
    let same = again
        .iter()
        .filter(|mail| mail.to == first.to)
        .collect::<Vec<_>>();
    assert_eq!(same.len(), 1, "at most one duplicate");
    assert_eq!(same[0].header("Message-ID"), first.header("Message-ID"));
}

async fn an_address_that_is_refused_is_shown_and_the_team_is_told(world: &World) {
    let managed = world.managed(MANAGER).await;
    let secret = expiring(world, managed, "calm", 30).await;
    world.server.refuse(MANAGER);
    let node = world.node();
    let report = node.pass().await.unwrap();
    assert_eq!((report.put_off, report.sent), (1, 1), "{report:?}");
    let of = (managed, secret);
    assert_eq!(state(world, of, 30, MANAGER).await, Some(DeliveryState::Pending));
    assert_eq!(state(world, of, 30, TEAM).await, Some(DeliveryState::Sent));
    let mails = world.server.take();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, TEAM));
    world.clock.set(START + days(1) + TimeDelta::minutes(1));
    assert_eq!(node.pass().await.unwrap().refused.len(), 1, "after a day");
    assert_eq!(state(world, of, 30, MANAGER).await, Some(DeliveryState::Failed));
    let failed = world.store.failed_mails(world.clock.get(), 10).await.unwrap();
    assert_eq!((failed.len(), failed[0].recipient.as_str()), (1, MANAGER));
    world.clock.set(START + days(2));
    assert_eq!(
        node.pass().await.unwrap(),
        Report::default(),
        "refused is refused"
    );
    assert!(world.server.take().is_empty(), "the team is told once");
}

async fn a_relay_that_refuses_everything_for_a_while_loses_nothing(world: &World) {
    let of = one_urgent(world).await;
    let node = world.node();
    world.server.set(Mood::Refusing);
    for _ in 0..4 {
        let report = node.pass().await.unwrap();
        assert!(report.refused.is_empty() && report.sent == 0, "{report:?}");
        world.clock.set(world.clock.get() + TimeDelta::minutes(20));
    }
    world.server.set(Mood::Well);
    assert_eq!(node.pass().await.unwrap().sent, 2);
    assert_eq!(state(world, of, 3, MANAGER).await, Some(DeliveryState::Sent));
    assert_eq!(state(world, of, 3, TEAM).await, Some(DeliveryState::Sent));
}

async fn what_was_given_up_is_sent_again_when_somebody_asks_and_it_has_a_reason(world: &World) {
    let managed = world.managed(MANAGER).await;
    let (kept, deleted) = (
        expiring(world, managed, "kept", 3).await,
        expiring(world, managed, "deleted", 3).await,
    );
    let node = world.node();
    world.server.set(Mood::Refusing);
    node.pass().await.unwrap();
    world.clock.set(START + days(1) + TimeDelta::minutes(1));
    assert_eq!(node.pass().await.unwrap().refused.len(), 4);
    world.delete(managed.client_id, deleted).await;
    world.server.set(Mood::Well);
    assert_eq!(node.pass().await.unwrap(), Report::default(), "nobody asked");
    let resent = node.resend_failed().await.unwrap();
    assert_eq!((resent.queued, resent.forgotten), (4, 0));
    let report = node.pass().await.unwrap();
    assert_eq!((report.sent, report.suppressed), (2, 2), "{report:?}");
    let told = state(world, (managed, kept), 3, MANAGER).await;
    assert_eq!(told, Some(DeliveryState::Sent));
    assert_eq!(node.resend_failed().await.unwrap().queued, 0);
    let months_later = world.clock.get() + days(90);
    assert!(
        world
            .store
            .failed_mails(months_later, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_node_that_dies_after_its_claim_holds_nothing_up(world: &World) {
    one_urgent(world).await;
    let (dies, lives) = (world.node(), world.node());
    dies.plan_due().await.unwrap();
    // What a node does before it sends; then it dies.
    let ids = world.store.mails_due(START, 10).await.unwrap();
    for id in &ids {
        let claimed = world
            .store
            .claim_mail(*id, START, START + TimeDelta::minutes(5))
            .await;
        assert!(claimed.unwrap().is_some());
    }
    assert_eq!(lives.pass().await.unwrap().sent, 0, "the claims hold");
    world.clock.set(START + TimeDelta::minutes(5));
    assert_eq!(lives.pass().await.unwrap().sent, 2, "the claims have ended");
    assert_eq!(world.server.take().len(), 2);
}

async fn two_nodes_send_once(world: &World) {
    let managed = world.managed(MANAGER).await;
    for number in 0..20 {
        expiring(world, managed, &format!("n{number}"), 1 + number % 7).await;
    }
    let nodes = [world.node(), world.node(), world.node()];
    let [one, two, three] = &nodes;
    let (one, two, three) = tokio::join!(one.pass(), two.pass(), three.pass());
    let sent: usize = [one, two, three]
        .into_iter()
        .map(|report| report.unwrap().sent)
        .sum();
    assert_eq!((sent, world.server.take().len()), (40, 40));
}

async fn a_secret_deleted_before_it_is_sent_is_not_told(world: &World) {
    let (managed, secret) = one_urgent(world).await;
    let node = world.node();
    node.plan_due().await.unwrap();
    world.delete(managed.client_id, secret).await;
    let report = node.pass().await.unwrap();
    assert_eq!((report.sent, report.suppressed), (0, 2), "{report:?}");
    assert!(world.server.take().is_empty());
}

async fn a_manager_who_left_is_not_told(world: &World) {
    let (managed, secret) = one_urgent(world).await;
    let node = world.node();
    node.plan_due().await.unwrap();
    world.disable(managed.user_id).await;
    assert_eq!(node.pass().await.unwrap().sent, 1);
    assert_eq!(world.server.take()[0].to, TEAM);
    assert_eq!(
        state(world, (managed, secret), 3, MANAGER).await,
        Some(DeliveryState::Suppressed)
    );
    // From the next threshold on only the team is notified, with the reason.
    world.clock.set(START + days(2));
    assert_eq!(node.pass().await.unwrap().sent, 1);
    let mails = world.server.take();
    assert_eq!(mails[0].to, TEAM);
    assert!(
        mails[0].text().contains("no credential manager"),
        "{}",
        mails[0].text()
    );
}

async fn a_deletion_takes_the_expiry_out_of_calendars(world: &World) {
    let (managed, secret) = one_urgent(world).await;
    let node = world.node();
    node.pass().await.unwrap();
    let entered = world.server.take();
    world.clock.set(START + TimeDelta::hours(1));
    world.delete(managed.client_id, secret).await;
    assert_eq!(node.pass().await.unwrap().sent, 2);
    let cancelled = world.server.take();
    let file = |mail: &crate::smtp::Received| mail.part("text/calendar").unwrap().replace("\r\n ", "");
    let line = |text: &str, name: &str| {
        let mut lines = text.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .to_owned()
    };
    let (before, after) = (file(&entered[0]), file(&cancelled[0]));
    assert_eq!(
        (line(&before, "METHOD:"), line(&after, "METHOD:")),
        ("PUBLISH".into(), "CANCEL".into())
    );
    assert_eq!(line(&before, "UID:"), format!("{secret}@wmda.example"));
    assert_eq!(line(&before, "UID:"), line(&after, "UID:"));
    assert_eq!(
        (line(&before, "SEQUENCE:"), line(&after, "SEQUENCE:")),
        ("0".into(), "1".into())
    );
    assert_eq!(line(&after, "STATUS:"), "CANCELLED");
    // RFC 5545 section 3.8.2.2: DTEND is later than DTSTART.
    assert_eq!(line(&before, "DTSTART;VALUE=DATE:"), "20270118");
    assert_eq!(line(&before, "DTEND;VALUE=DATE:"), "20270119");
    assert!(before.ends_with("END:VCALENDAR\r\n") && !before.replace("\r\n", "").contains('\n'));
    assert_eq!(node.pass().await.unwrap(), Report::default());
}

async fn a_clock_that_goes_back_sends_nothing_twice(world: &World) {
    one_urgent(world).await;
    let node = world.node();
    node.pass().await.unwrap();
    assert_eq!(world.server.take().len(), 2);
    for back in [1, 30, 300] {
        world.clock.set(START - days(back));
        node.pass().await.unwrap();
    }
    world.clock.set(START);
    node.pass().await.unwrap();
    assert!(world.server.take().is_empty());
}

async fn what_is_not_urgent_comes_in_one_mail_a_day(world: &World) {
    let managed = world.managed(MANAGER).await;
    for (name, left) in [("first", 30), ("second", 14), ("third", 60)] {
        expiring(world, managed, name, left).await;
    }
    let node = world.node();
    assert_eq!(node.pass().await.unwrap().sent, 1);
    let digest = world.server.take().remove(0);
    let text = digest.text();
    let place = |name: &str| text.find(&format!("\"{name}\" expires")).unwrap();
    assert!(
        place("second") < place("first") && place("first") < place("third"),
        "{text}"
    );
    expiring(world, managed, "late", 30).await;
    world.clock.set(START + TimeDelta::hours(1));
    assert_eq!(node.pass().await.unwrap().sent, 0, "today's digest is out");
    world.clock.set(START + days(1));
    assert_eq!(node.pass().await.unwrap().sent, 1);
    assert!(world.server.take()[0].text().contains("\"late\""));
    let header = digest.header("List-Unsubscribe");
    let token = header.trim_matches(['<', '>']).rsplit('/').next().unwrap();
    assert_eq!(
        domain::unsubscribe::read(&world.pepper, token),
        Some(managed.user_id)
    );
    assert_eq!(
        digest.header("List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
}

async fn names_cannot_break_out(world: &World) {
    let managed = world.managed(MANAGER).await;
    let script = "<script>alert(1)</script> & \"quoted\"";
    // Names with line breaks are rejected at creation; here they are in the database nevertheless.
    for name in [
        script,
        "x\r\nBcc: victim@example.org\r\n\r\nbody",
        "x\r\n.\r\nMAIL FROM:<evil@example.org>",
        "gpj\u{202e}.exe\u{2067}",
        &"long ".repeat(60),
    ] {
        expiring(world, managed, name, 3).await;
    }
    assert_eq!(world.node().pass().await.unwrap().sent, 10);
    let mails = world.server.take();
    assert_eq!(mails.len(), 10, "a lone dot ends nothing");
    for mail in &mails {
        let (html, subject) = (mail.part("text/html").unwrap(), mail.header("Subject"));
        assert!(!html.contains("<script") && !mail.text().contains('\u{202e}'));
        assert!(!subject.contains(['\u{202e}', '\u{2067}', '\r', '\n']) && subject.chars().count() <= 180);
        assert_eq!(mail.header("Bcc"), "");
        assert!([MANAGER, TEAM].contains(&mail.to.as_str()), "{}", mail.to);
        for line in mail.raw.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 999, "RFC 5322 section 2.1.1");
        }
    }
    let escaped = "&#60;script&#62;alert(1)&#60;/script&#62; &#38; &#34;quoted&#34;";
    assert!(
        mails
            .iter()
            .any(|mail| mail.part("text/html").unwrap().contains(escaped))
    );
}

async fn without_a_server_mails_become_files(world: &World) {
    one_urgent(world).await;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mail");
    let node = world.node_by(Transport::Folder(folder.clone()));
    assert_eq!(node.pass().await.unwrap().sent, 2);
    node.send_test(world.id(), "somebody@example.org").await.unwrap();
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let raw = std::fs::read(file.path()).unwrap();
        assert!(mailparse::parse_mail(&raw).is_ok() && raw.starts_with(b"From: "));
    }
}
