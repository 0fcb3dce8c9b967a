//! Each alert links to an existing paragraph of the runbook.

use std::{collections::BTreeSet, fs};

use crate::root;

/// The anchor of a heading, as Git forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .collect()
}

#[test]
fn every_alert_names_a_paragraph_of_the_runbook() {
    let runbook = fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: BTreeSet<String> = headings.map(anchor).collect();
    assert!(anchors.len() >= 20, "the twenty likeliest nights: {anchors:?}");
    let alerts = fs::read_to_string(root().join("docs/monitoring/alerts.yml")).unwrap();
    let count = |what: &str| {
        alerts
            .lines()
            .filter(|line| line.trim().starts_with(what))
            .count()
    };
    assert_eq!(count("- alert:"), count("runbook: docs/runbook.md#"));
    for line in alerts.lines() {
        if let Some((_, named)) = line.split_once("runbook: docs/runbook.md#") {
            assert!(
                anchors.contains(named),
                "{named} is no paragraph of docs/runbook.md"
            );
        }
    }
}
