//! `/api/docs`: everything that the OpenAPI document says, without third-party assets.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Answer, Demo, http};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn the_page_of_the_api_is_complete_and_asks_nobody_else() {
    let demo = Demo::sqlite();
    let page = demo.get("/api/docs");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"),
        "W-03"
    );
    let document = demo.get("/api/v1/openapi.json").json();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = text(&operation["operationId"]);
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            let section = page.text.split_once(&format!("<article id=\"{id}\">")).unwrap().1;
            let section = section.split_once("</article>").unwrap().0;
            let heading = format!("<b>{}</b> <code>{path}</code>", method.to_uppercase());
            assert!(section.contains(&heading), "{heading}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(
                    section.contains(&format!("<th scope=\"row\">{status}</th>")),
                    "{id} {status}"
                );
                assert!(!text(&answer["description"]).is_empty(), "{id} {status}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(
                    section.contains(&format!("<code>{}</code>", text(&parameter["name"]))),
                    "{id}"
                );
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let section = page
            .text
            .split_once(&format!("<article id=\"schema-{name}\">"))
            .unwrap()
            .1;
        let section = section.split_once("</article>").unwrap().0;
        for field in schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|one| one.0)
        {
            assert!(
                section.contains(&format!("<code>{field}</code>")),
                "{name}.{field}"
            );
        }
    }
    let links = page
        .text
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    for link in links {
        let known = link
            .strip_prefix('#')
            .map(|id| page.text.contains(&format!("id=\"{id}\"")));
        assert!(known.unwrap_or(link.starts_with("/api/")), "{link}");
    }
    assert!(!page.text.contains("<script") && !page.text.contains("src="));
    assert_eq!(
        demo.get("/api/docs/style.css").header("content-type"),
        "text/css; charset=utf-8"
    );
    assert_eq!(Answer::of(http().post(demo.url("/api/docs"))).status, 405);
}
