//! The view model of the page, built from the OpenAPI document.

use askama::Template;
use serde_json::Value;

use super::kind::{Kind, reference};

const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// The whole page.
#[derive(Template)]
#[template(path = "docs.html")]
pub(super) struct Page {
    title: String,
    description: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

struct Group {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: Option<String>,
    /// Whether it needs no session.
    open: bool,
    parameters: Vec<Parameter>,
    body: Option<Kind>,
    answers: Vec<Answer>,
}

struct Parameter {
    place: String,
    field: Field,
}

struct Answer {
    status: String,
    meaning: String,
    body: Option<Kind>,
}

impl Answer {
    /// Whether it is an error response.
    fn is_problem(&self) -> bool {
        self.status.starts_with(['4', '5'])
    }
}

struct Schema {
    name: String,
    meaning: String,
    /// Whether it rejects unknown fields.
    strict: bool,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: Kind,
    required: bool,
    meaning: String,
}

impl Field {
    fn need(&self) -> &'static str {
        if self.required { "required" } else { "" }
    }
}

impl Page {
    pub(super) fn read(document: &Value) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (path, item) in entries(&document["paths"]) {
            for method in METHODS {
                let operation = &item[method];
                if operation.is_null() {
                    continue;
                }
                let name = text(&operation["tags"][0]);
                let at = groups.iter().position(|group| group.name == name);
                let at = at.unwrap_or_else(|| {
                    groups.push(Group {
                        name,
                        operations: Vec::new(),
                    });
                    groups.len() - 1
                });
                groups[at]
                    .operations
                    .push(Operation::read(path, method, operation));
            }
        }
        let schemas = &document["components"]["schemas"];
        Self {
            title: text(&document["info"]["title"]),
            description: text(&document["info"]["description"]),
            groups,
            schemas: entries(schemas)
                .map(|(name, schema)| Schema::read(name, schema, schemas))
                .collect(),
        }
    }
}

impl Operation {
    fn read(path: &str, method: &str, operation: &Value) -> Self {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: operation["description"].as_str().map(str::to_owned),
            open: operation["security"].as_array().is_some_and(Vec::is_empty),
            parameters: list(&operation["parameters"]).map(Parameter::read).collect(),
            body: (!body.is_null()).then(|| Kind::read(body)),
            answers: entries(&operation["responses"])
                .map(|(status, answer)| Answer::read(status, answer))
                .collect(),
        }
    }
}

impl Parameter {
    fn read(parameter: &Value) -> Self {
        Self {
            place: text(&parameter["in"]),
            field: Field {
                name: text(&parameter["name"]),
                kind: Kind::read(&parameter["schema"]),
                required: parameter["required"] == true,
                meaning: text(&parameter["description"]),
            },
        }
    }
}

impl Answer {
    fn read(status: &str, answer: &Value) -> Self {
        let body = entries(&answer["content"])
            .map(|(_, content)| &content["schema"])
            .find(|schema| !schema.is_null());
        Self {
            status: status.to_owned(),
            meaning: text(&answer["description"]),
            body: body.map(Kind::read),
        }
    }
}

impl Schema {
    fn read(name: &str, schema: &Value, all: &Value) -> Self {
        Self {
            name: name.to_owned(),
            meaning: text(&schema["description"]),
            strict: schema["additionalProperties"] == false,
            fields: fields(schema, all),
        }
    }
}

/// The fields of an object, including those of schemas that it is composed of.
fn fields(schema: &Value, all: &Value) -> Vec<Field> {
    let schema = reference(schema).map_or(schema, |name| &all[name]);
    let required: Vec<&Value> = list(&schema["required"]).collect();
    let own = entries(&schema["properties"]).map(|(name, property)| Field {
        name: name.clone(),
        kind: Kind::read(property),
        required: required.iter().any(|one| *one == name),
        meaning: text(&property["description"]),
    });
    let parts = list(&schema["allOf"]).flat_map(|part| fields(part, all));
    parts.chain(own).collect()
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn list(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
