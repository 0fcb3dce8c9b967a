//! Snapshot tests of documents that others read, as they are served. After an intended change: `INSTA_UPDATE=always
//! cargo test -p server --test it documents`.

use serde_json::{Map, Value, json, map::ValuesMut};

use crate::support::Demo;

/// Replaces the server's own names.
fn anonymous(demo: &Demo, text: &str) -> String {
    text.replace(&demo.base, "https://auth.example.org")
        .replace(demo.address(), "auth.example.org")
        .replace(&demo.tenant, "{tenant}")
}

fn pretty(demo: &Demo, document: &Value) -> String {
    anonymous(demo, &serde_json::to_string_pretty(document).unwrap())
}

fn parts(object: &mut Value) -> ValuesMut<'_> {
    object.as_object_mut().unwrap().values_mut()
}

/// Shortens error responses that are the same in all operations to their description.
fn shorten_problems(document: &mut Value) {
    let schema = json!({ "$ref": "#/components/schemas/ProblemBody" });
    let problem = json!({ "application/problem+json": { "schema": schema } });
    let operations = parts(&mut document["paths"]).flat_map(parts);
    let answers = operations.flat_map(|operation| parts(&mut operation["responses"]));
    for answer in answers.filter(|answer| answer["content"] == problem) {
        *answer = answer["description"].take();
    }
}

#[test]
fn the_openapi_document_is_the_reviewed_one() {
    let demo = Demo::sqlite();
    let mut document = demo.get("/api/v1/openapi.json").json();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    document["info"]["version"] = "{version}".into();
    shorten_problems(&mut document);
    insta::assert_snapshot!("openapi", pretty(&demo, &document));
}

#[test]
fn m01_the_metadata_documents_are_the_reviewed_ones() {
    let demo = Demo::sqlite();
    let paths = [
        "/.well-known/oauth-authorization-server",
        "/{tenant}/.well-known/openid-configuration",
        "/{tenant}/v2.0/.well-known/openid-configuration",
        "/common/discovery/instance",
    ];
    let document = |path: &str| demo.get(&path.replace("{tenant}", &demo.tenant)).json();
    let documents: Map<String, Value> = paths
        .iter()
        .map(|path| ((*path).to_owned(), document(path)))
        .collect();
    insta::assert_snapshot!("metadata", pretty(&demo, &documents.into()));
}

#[test]
fn the_table_of_refusals_is_the_reviewed_one() {
    let demo = Demo::sqlite();
    insta::assert_snapshot!("refusals", anonymous(&demo, &demo.get("/error").text));
}
