//! The AsyncAPI document of each dialect.

mod common;

use chat_core::dialect::{self, Dialect};
use chat_core::{Config, asyncapi};
use common::golden;
use serde_json::{Map, Value};

fn documents() -> impl Iterator<Item = (&'static Dialect, Value)> {
    dialect::all().filter_map(|dialect| Some((dialect, asyncapi::document(dialect, "")?)))
}

fn messages(document: &Value) -> &Map<String, Value> {
    document["components"]["messages"].as_object().unwrap()
}

#[test]
fn every_dialect_with_sockets_has_a_document() {
    for dialect in dialect::all() {
        assert_eq!(asyncapi::document(dialect, "").is_some(), !dialect.sockets.is_empty());
    }
}

#[test]
fn every_frame_has_an_example_of_its_schema() {
    for (dialect, document) in documents() {
        for (name, message) in messages(&document) {
            let examples = message["examples"].as_array().unwrap();
            assert!(!examples.is_empty(), "{}: {name} has no example", dialect.name);
            let mut schema = message["payload"].clone();
            schema["components"] = document["components"].clone();
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            for example in examples {
                let faults: Vec<_> = validator
                    .iter_errors(&example["payload"])
                    .map(|fault| fault.to_string())
                    .collect();
                assert!(faults.is_empty(), "{} {name}: {faults:#?}", dialect.name);
            }
        }
    }
}

#[test]
fn every_example_of_a_clients_frame_is_understood() {
    for (dialect, document) in documents() {
        let client = messages(&document).iter().filter(|(name, _)| name.starts_with("client_"));
        for (name, message) in client {
            for example in message["examples"].as_array().unwrap() {
                let frame = example["payload"].as_object().unwrap();
                let read = (dialect.codec.decode)(frame, &Config::default());
                assert!(read.is_ok(), "{} {name}: {read:?}", dialect.name);
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for (dialect, document) in documents() {
        let mut references = Vec::new();
        gather(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{}: {reference}", dialect.name);
        }
    }
}

fn gather<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(reference) if key == "$ref" => references.push(reference),
                    other => gather(other, references),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, references)),
        _ => {}
    }
}

#[test]
fn the_documents_are_those_of_the_golden_files() {
    for (dialect, document) in documents() {
        golden(&format!("asyncapi/{}.json", dialect.name), &document);
    }
}
