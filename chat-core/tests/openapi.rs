//! The OpenAPI document of each dialect.

mod common;

use std::collections::BTreeSet;

use chat_core::dialect::{self, Dialect};
use chat_core::openapi;
use common::golden;
use serde_json::Value;

fn documents() -> impl Iterator<Item = (&'static Dialect, Value)> {
    dialect::all().map(|dialect| (dialect, openapi::document(dialect, "/")))
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(method, operation)| (path.clone(), method.clone(), operation))
    });
    of_path.collect()
}

/// Every JSON body that an operation takes or answers.
fn bodies(operation: &Value) -> Vec<&Value> {
    let request = &operation["requestBody"];
    let responses = operation["responses"].as_object().unwrap().values();
    responses.chain([request]).filter_map(|body| body["content"].get("application/json")).collect()
}

#[test]
fn every_endpoint_and_status_is_in_the_document() {
    for (dialect, document) in documents() {
        let operations = operations(&document);
        assert_eq!(operations.len(), dialect.endpoints.len(), "{}", dialect.name);
        for endpoint in dialect.endpoints {
            let method = endpoint.method.as_str().to_lowercase();
            let operation = &document["paths"][endpoint.path][method];
            for status in endpoint.statuses.iter().chain(&[401, 429, 503]) {
                let response = &operation["responses"][status.to_string()];
                assert!(response["description"].is_string(), "{} {status}", endpoint.path);
            }
        }
    }
}

#[test]
fn a_reader_of_openapi_finds_every_operation() {
    for (dialect, document) in documents() {
        let read = oas3::from_json(document.to_string()).unwrap();
        read.validate_version().unwrap();
        assert_eq!(read.operations().count(), dialect.endpoints.len());
        for (path, method, operation) in read.operations() {
            for (name, parameter) in
                operation.parameters(&read).unwrap().iter().map(|p| (&p.name, p))
            {
                let known = parameter.schema.as_ref().is_some();
                assert!(known, "{method} {path}: {name} has no schema");
            }
            for (status, response) in operation.responses(&read) {
                for (kind, media) in &response.content {
                    let schema = media.schema(&read).unwrap();
                    let named = kind != "application/json" || schema.is_some();
                    assert!(named, "{method} {path} {status} has no schema");
                }
            }
        }
    }
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    for (_, document) in documents() {
        let operations = operations(&document);
        let ids: BTreeSet<_> =
            operations.iter().map(|(_, _, row)| row["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
    }
}

#[test]
fn every_example_is_of_its_schema() {
    for (dialect, document) in documents() {
        for (path, method, operation) in operations(&document) {
            for body in bodies(operation) {
                let mut schema = body["schema"].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::draft202012::new(&schema).unwrap();
                let faults: Vec<_> = validator
                    .iter_errors(&body["example"])
                    .map(|fault| fault.to_string())
                    .collect();
                assert!(faults.is_empty(), "{} {method} {path}: {faults:#?}", dialect.name);
            }
        }
    }
}

#[test]
fn the_documents_are_those_of_the_golden_files() {
    for (dialect, document) in documents() {
        golden(&format!("openapi/{}.json", dialect.name), &document);
    }
}
