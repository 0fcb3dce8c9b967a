//! Tests of the rules, by examples.

use domain::{
    credential::CredentialKind,
    reminder::{Notification, WITHDRAWN},
    secret::{LastUse, Origin},
};
use store::secret_facts::{Recipient, Successor};
use uuid::Uuid;

use super::*;

const NOW: DateTime<Utc> = DateTime::from_timestamp_nanos(1_800_000_000_000_000_000);
const TEAM: &str = "support@wmda.example";

fn days(number: i64) -> TimeDelta {
    TimeDelta::days(number)
}

/// A secret with a lifetime of a year that expires in this many days.
fn facts(left: i64) -> SecretFacts {
    let expires_at = NOW + days(left);
    SecretFacts {
        secret: ClientSecret {
            public: domain::credential::PublicPart::Secret,
            id: Uuid::from_u128(1),
            name: "name".to_owned(),
            hint: "abc".to_owned(),
            created_by: "somebody".to_owned(),
            created_at: expires_at - days(365),
            suspended_until: None,
            rotated_itself_at: None,
            graced_at: None,
            leak: None,
            tried_while_suspended_at: None,
            expires_at,
            last_use: None,
            tokens_per_day: Vec::new(),
            tried_after_expiry_at: None,
            tried_after_expiry_origin: None,
            replaces: None,
            notifications: Vec::new(),
        },
        client_id: Uuid::from_u128(2),
        application: "Partner-NL-Example-SMC".to_owned(),
        organisation_id: Uuid::from_u128(3),
        organisation: "Example".to_owned(),
        apis: Vec::new(),
        reminded_days: 100_000,
        deleted: false,
        days_of_use: Vec::new(),
        successors: Vec::new(),
        managers: vec![manager("a@example.org", false), manager("b@example.org", true)],
    }
}

fn manager(email: &str, urgent_only: bool) -> Recipient {
    Recipient {
        user_id: Uuid::nil(),
        email: email.to_owned(),
        urgent_only,
    }
}

fn rules() -> Rules {
    Rules::new(DEFAULT_THRESHOLDS.to_vec(), Some(TEAM.to_owned())).unwrap()
}

/// The plan for this secret, by the span that it falls into.
fn planned(facts: &SecretFacts) -> Option<Plan> {
    planned_by(&rules(), facts)
}

fn planned_by(rules: &Rules, facts: &SecretFacts) -> Option<Plan> {
    let falls = |due: &Due| match due {
        Due::StillTried => facts.secret.tried_after_expiry_at.is_some() && facts.reminded_days > STILL_TRIED,
        Due::Threshold { days, after, until } => {
            let at = facts.secret.expires_at;
            at > *after && at <= *until && facts.reminded_days > *days
        }
    };
    let due = rules.due(NOW).into_iter().find(falls)?;
    Some(rules.plan(due, facts, NOW))
}

fn told(facts: &SecretFacts) -> Option<(i32, ReminderKind, Vec<String>)> {
    planned(facts).map(|plan| (plan.threshold_days, plan.kind, plan.recipients))
}

fn last_use(ago: i64) -> Option<LastUse> {
    Some(LastUse {
        at: NOW - days(ago),
        origin: Origin {
            from: String::new(),
            with: String::new(),
        },
    })
}

fn in_use() -> Vec<Successor> {
    vec![Successor {
        name: "new".to_owned(),
        kind: CredentialKind::Secret,
        last_used_at: NOW,
    }]
}

#[test]
fn each_threshold_is_told_once_and_the_urgent_ones_to_the_team_too() {
    use ReminderKind::{Expired, Reminder};
    let (a, b) = ("a@example.org", "b@example.org");
    for (left, threshold, kind, recipients) in [
        (60, 60, Reminder, vec![a]),
        (31, 60, Reminder, vec![a]),
        (30, 30, Reminder, vec![a]),
        (14, 14, Reminder, vec![a]),
        (7, 7, Reminder, vec![a, b, TEAM]),
        (3, 3, Reminder, vec![a, b, TEAM]),
        (1, 1, Reminder, vec![a, b, TEAM]),
        (0, 0, Expired, vec![a, b, TEAM]),
        (-29, 0, Expired, vec![a, b, TEAM]),
    ] {
        let mut facts = facts(left);
        let expected = (
            threshold,
            kind,
            recipients.into_iter().map(str::to_owned).collect(),
        );
        assert_eq!(told(&facts), Some(expected), "{left}");
        facts.reminded_days = threshold;
        assert_eq!(told(&facts), None, "{left}: once");
    }
    assert_eq!(told(&facts(61)), None);
    assert_eq!(told(&facts(-30)), None, "long over");
}

#[test]
fn after_a_pause_the_most_urgent_is_told_and_the_others_are_recorded() {
    let plan = planned(&facts(2)).unwrap();
    assert_eq!(plan.threshold_days, 3);
    let passed_over: Vec<_> = plan
        .suppressed
        .iter()
        .filter(|one| one.1 == TEAM)
        .map(|one| one.0)
        .collect();
    assert_eq!(passed_over, [7, 14, 30, 60]);
    let mut known = facts(2);
    known.reminded_days = 14;
    let plan = planned(&known).unwrap();
    assert!(plan.suppressed.iter().all(|one| one.0 == 7), "{plan:?}");
}

#[test]
fn a_threshold_over_half_of_the_life_is_skipped() {
    for (life, left, is_told) in [
        (20, 10, false),
        (14, 7, true),
        (13, 7, false),
        (2, 1, true),
        (1, 0, true),
    ] {
        let mut facts = facts(left);
        facts.secret.created_at = facts.secret.expires_at - days(life);
        let plan = planned(&facts).unwrap();
        assert_eq!(!plan.recipients.is_empty(), is_told, "{life} {left}");
        assert_eq!(plan.event.is_some(), is_told, "{life} {left}");
        assert!(
            plan.suppressed.iter().all(|one| i64::from(one.0) * 2 <= life),
            "{plan:?}"
        );
    }
}

#[test]
fn where_nobody_can_be_told_the_team_is() {
    let mut alone = facts(30);
    alone.managers.clear();
    assert_eq!(planned(&alone).unwrap().recipients, [TEAM]);
    let without = Rules::new(vec![30], None).unwrap();
    let plan = planned_by(&without, &alone).unwrap();
    assert_eq!(
        (plan.recipients.len(), plan.suppressed),
        (0, vec![(30, NOBODY.to_owned())])
    );
}

#[test]
fn who_wants_urgent_mail_only_gets_that() {
    let plan = planned(&facts(30)).unwrap();
    assert_eq!(plan.recipients, ["a@example.org"]);
    assert!(plan.suppressed.contains(&(30, "b@example.org".to_owned())));
    assert!(
        planned(&facts(7))
            .unwrap()
            .recipients
            .contains(&"b@example.org".to_owned())
    );
}

#[test]
fn a_rotation_that_is_done_is_no_alarm() {
    let mut facts = facts(3);
    facts.successors = in_use();
    facts.secret.last_use = last_use(5);
    // Used daily, then silent for five days.
    facts.days_of_use = (5..20).rev().map(|ago| (NOW - days(ago)).date_naive()).collect();
    let plan = planned(&facts).unwrap();
    assert_eq!((plan.kind, plan.urgent), (ReminderKind::PleaseDelete, false));
    assert_eq!(plan.recipients, ["a@example.org"], "the team is not alarmed");
    // Asked to delete once only.
    facts.secret.notifications.push(Notification {
        threshold_days: 7,
        recipient: "a@example.org".to_owned(),
        kind: ReminderKind::PleaseDelete,
        state: DeliveryState::Sent,
        at: NOW,
    });
    assert_eq!(planned(&facts).unwrap().recipients, Vec::<String>::new());
    // Used again: an urgent reminder.
    facts.secret.last_use = last_use(0);
    assert_eq!(planned(&facts).unwrap().kind, ReminderKind::Reminder);
}

#[test]
fn only_what_is_really_out_of_use_counts_as_rotated() {
    let mut facts = facts(3);
    assert!(!is_rotated(&facts, NOW), "never used, no newer one");
    facts.successors = in_use();
    assert!(is_rotated(&facts, NOW), "never used, a newer one is");
    facts.secret.last_use = last_use(6);
    assert!(!is_rotated(&facts, NOW), "used once, six days ago");
    facts.secret.last_use = last_use(8);
    assert!(is_rotated(&facts, NOW));
    facts.days_of_use = [68, 38, 8].map(|ago| (NOW - days(ago)).date_naive()).to_vec();
    assert!(!is_rotated(&facts, NOW), "a monthly job");
    facts.days_of_use = [10, 9, 8].map(|ago| (NOW - days(ago)).date_naive()).to_vec();
    assert!(is_rotated(&facts, NOW), "a daily job that stopped");
    facts.successors[0].last_used_at = NOW - days(9);
    assert!(
        !is_rotated(&facts, NOW),
        "the newer one was used before this one's last use only"
    );
}

#[test]
fn an_expired_secret_that_is_tried_is_told_once_instead_of_its_expiry() {
    let mut facts = facts(-2);
    facts.secret.tried_after_expiry_at = Some(NOW);
    let plan = planned(&facts).unwrap();
    assert_eq!(
        (plan.threshold_days, plan.kind, plan.urgent),
        (STILL_TRIED, ReminderKind::StillTried, true)
    );
    assert!(plan.suppressed.contains(&(0, TEAM.to_owned())));
    assert_eq!(plan.event, Some(WebhookEvent::Expired));
    facts.reminded_days = 0;
    assert_eq!(planned(&facts).unwrap().event, None, "it was told before");
    facts.reminded_days = STILL_TRIED;
    assert!(planned(&facts).is_none());
}

#[test]
fn a_line_without_reason_is_left_out() {
    let mut facts = facts(30);
    let line = (30, ReminderKind::Reminder);
    let holds = |facts: &SecretFacts, who| still_holds(facts, line, who, Some(TEAM));
    assert!(holds(&facts, "a@example.org") && holds(&facts, TEAM));
    assert!(!holds(&facts, "left@example.org"), "no manager any more");
    facts.secret.notifications.push(Notification {
        threshold_days: 14,
        recipient: "a@example.org".to_owned(),
        kind: ReminderKind::Reminder,
        state: DeliveryState::Pending,
        at: NOW,
    });
    assert!(
        !holds(&facts, "a@example.org"),
        "something more urgent is on its way"
    );
    assert!(holds(&facts, TEAM));
    facts.deleted = true;
    assert!(!holds(&facts, TEAM));
    let gone = (WITHDRAWN, ReminderKind::Withdrawn);
    assert!(still_holds(&facts, gone, "a@example.org", None));
}

#[test]
fn thresholds_are_checked() {
    for bad in [vec![], vec![-1], vec![366]] {
        assert_eq!(Rules::new(bad, None).err(), Some(InvalidThresholds));
    }
}

/// Once a system that rotated its secret uses the successor, its managers have nothing to do.
#[test]
fn a_secret_that_rotated_itself_is_not_reminded_of_once_its_successor_is_in_use() {
    let mut facts = facts(3);
    let due = |days| Due::Threshold {
        days,
        after: NOW,
        until: NOW,
    };
    let told = |facts: &SecretFacts, due| rules().plan(due, facts, NOW).recipients.len();
    facts.secret.rotated_itself_at = Some(NOW - TimeDelta::hours(2));
    assert_eq!(told(&facts, due(3)), 0, "it has had little time");
    facts.secret.rotated_itself_at = Some(NOW - days(4));
    assert!(told(&facts, due(3)) > 0, "nobody uses the successor");
    facts.successors = vec![Successor {
        name: "new".to_owned(),
        kind: CredentialKind::Secret,
        last_used_at: NOW,
    }];
    assert_eq!(told(&facts, due(3)), 0);
    assert!(
        told(&facts, Due::StillTried) > 0,
        "a second system had the old one"
    );
}
