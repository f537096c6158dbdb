//! JSON that is none, or goes too far (failures.md, C6), and fields that only the server may set
//! (failures.md, B8), in every body and on every socket.

mod common;

use std::collections::BTreeSet;

use chat_core::asyncapi;
use chat_core::dialect::{self, Dialect};
use chat_core::openapi;
use common::nasty;
use common::scene::{Scene, short};
use common::stage::Stage;
use common::table::{Row, table};
use serde_json::{Map, Value};

/// The calls that take JSON and succeed for somebody.
fn calls(dialect: &Dialect) -> (Vec<Row>, Vec<Row>) {
    let rows = table(dialect).into_iter();
    let rows = rows.filter(|row| row.body.starts_with('{') && row.granted().is_some());
    rows.partition(|row| row.method == "FRAME")
}

fn stage(dialect: &'static Dialect, row: &Row) -> Stage {
    let cell = row.granted().unwrap();
    Stage::new(dialect, cell.place, cell.who)
}

fn scene(dialect: &'static Dialect, row: &Row) -> Scene {
    let cell = row.granted().unwrap();
    Scene::new(dialect, cell.place, cell.who)
}

#[test]
fn what_is_no_json_object_with_each_key_once_is_400_and_changes_nothing() {
    for dialect in dialect::all() {
        for row in calls(dialect).1 {
            let stage = stage(dialect, &row);
            let (before, path) = (stage.state(), stage.fill(row.path));
            let not_utf8 = [&b"{\"content\": \"\xff\"}"[..], b"\xed\xa0\x80", b"\xff\xfe{\0}\0"];
            let documents = nasty::documents(&stage.fill(row.body)).into_iter();
            for body in documents.chain(not_utf8.map(<[u8]>::to_vec)) {
                let answer = stage.ask_at(row.method, &path, &body);
                let what = format!("{} {}", row.title(), short(&String::from_utf8_lossy(&body)));
                assert_eq!(answer.status, 400, "{what}: {}", answer.text);
                assert!(answer.text.len() < 500, "{what}: {}", answer.text);
                assert!(stage.state() == before && !stage.world.take_told(), "{what}");
            }
            let good = stage.ask(row.method, row.path, row.body);
            assert!(good.status < 300, "{}: {}", row.title(), good.text);
        }
    }
}

#[test]
fn on_a_socket_it_is_answered_with_the_error_frame_and_the_socket_goes_on() {
    for dialect in dialect::all() {
        for row in calls(dialect).0 {
            let mut scene = scene(dialect, &row);
            for frame in nasty::documents(&scene.stage.fill(row.body)) {
                let frame = String::from_utf8(frame).unwrap();
                assert_eq!(scene.send(&frame), "error", "{} {}", row.title(), short(&frame));
            }
            assert_eq!(scene.send_row(&row), row.cells[0].expected, "{}", row.title());
        }
    }
}

/// The fields that a call may have, by the documentation.
fn known(dialect: &Dialect, row: &Row) -> BTreeSet<String> {
    let schemas = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let resolve = |document: &Value, schema: &Value| match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).cloned().unwrap(),
        None => schema.clone(),
    };
    let mut names = BTreeSet::new();
    if row.method == "FRAME" {
        let document = asyncapi::document(dialect, "").unwrap();
        let messages = document["components"]["messages"].as_object().unwrap();
        for (_, message) in messages.iter().filter(|(name, _)| name.starts_with("client_")) {
            let schema = resolve(&document, &message["payload"]);
            names.extend(schemas(&schema).keys().cloned());
        }
    } else {
        let document = openapi::document(dialect, "/");
        let operation = &document["paths"][row.template()][row.method.to_lowercase()];
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        names.extend(schemas(&resolve(&document, body)).keys().cloned());
    }
    assert!(!names.is_empty(), "{}", row.title());
    names
}

/// The body with all fields of the model that it may not have.
fn injected(body: &str, known: &BTreeSet<String>) -> String {
    let mut all: Map<String, Value> = serde_json::from_str(nasty::MODEL_FIELDS).unwrap();
    all.retain(|name, _| !known.contains(name));
    let body: Map<String, Value> = serde_json::from_str(body).unwrap();
    all.extend(body);
    Value::Object(all).to_string()
}

/// An answer without the signatures in it, whose key is new in every world.
fn unsigned(text: &str) -> String {
    let mut parts = text.split("signature=");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part[64..])
}

#[test]
fn fields_that_only_the_server_sets_change_nothing_in_a_body() {
    for dialect in dialect::all() {
        for row in calls(dialect).1 {
            let (plain, stage) = (stage(dialect, &row), stage(dialect, &row));
            let body = injected(&stage.fill(row.body), &known(dialect, &row));
            let expected = plain.ask(row.method, row.path, row.body);
            let answer = stage.ask_at(row.method, &stage.fill(row.path), body.as_bytes());
            assert_eq!(answer.status, expected.status, "{}: {}", row.title(), answer.text);
            assert_eq!(unsigned(&answer.text), unsigned(&expected.text), "{}", row.title());
            assert_eq!(stage.state(), plain.state(), "{}", row.title());
        }
    }
}

#[test]
fn fields_that_only_the_server_sets_change_nothing_in_a_frame() {
    for dialect in dialect::all() {
        for row in calls(dialect).0 {
            let (mut plain, mut scene) = (scene(dialect, &row), scene(dialect, &row));
            let frame = injected(&scene.stage.fill(row.body), &known(dialect, &row));
            assert_eq!(scene.send(&frame), plain.send_row(&row), "{}", row.title());
            assert_eq!(scene.own, plain.own, "{}", row.title());
            assert_eq!(scene.stage.state(), plain.stage.state(), "{}", row.title());
        }
    }
}
