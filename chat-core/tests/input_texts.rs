//! Texts that nobody would send who means well, in every field of every body and frame
//! (failures.md, C4, C6, C10 and C11): taken as wire.md says or refused without effect, never a
//! fault of ours.

mod common;

use chat_core::asyncapi;
use chat_core::dialect::{self, Dialect};
use chat_core::openapi;
use common::scene::{Scene, short};
use common::stage::Stage;
use common::table::{Row, table};
use common::{Answer, nasty};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// The calls that take a JSON body and succeed for somebody.
fn calls(dialect: &Dialect) -> impl Iterator<Item = Row> {
    table(dialect).into_iter().filter(|row| row.body.starts_with('{') && row.granted().is_some())
}

fn stage(dialect: &'static Dialect, row: &Row) -> Stage {
    let cell = row.granted().unwrap();
    Stage::new(dialect, cell.place, cell.who)
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// The fields of a call: those of the table and those that the documentation knows.
fn fields(dialect: &Dialect, row: &Row, body: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<_> = body.keys().cloned().collect();
    let mut add = |example: &Value| names.extend(example.as_object().unwrap().keys().cloned());
    if row.method == "FRAME" {
        let document = asyncapi::document(dialect, "").unwrap();
        let messages = document["components"]["messages"].as_object().unwrap();
        for (_, message) in messages.iter().filter(|(name, _)| name.starts_with("client_")) {
            let examples = message["examples"].as_array().unwrap().iter().map(|it| &it["payload"]);
            examples.filter(|it| it.get("type") == body.get("type")).for_each(&mut add);
        }
    } else {
        let document = openapi::document(dialect, "/");
        let operation = &document["paths"][row.template()][row.method.to_lowercase()];
        add(&operation["requestBody"]["content"]["application/json"]["example"]);
    }
    names.sort();
    names.dedup();
    names
}

/// The body with another value for a field: a JSON text, whatever it is.
fn with(body: &Map<String, Value>, field: &str, raw: &str) -> String {
    let mut body = body.clone();
    let in_list = body.get(field).is_some_and(Value::is_array);
    body.insert(field.to_owned(), "\u{1}here".into());
    let raw = if in_list { format!("[{raw}]") } else { raw.to_owned() };
    Value::Object(body).to_string().replace(r#""\u0001here""#, &raw)
}

/// Whether a text is taken in a field, as wire.md has it.
fn is_taken(dialect: &Dialect, field: &str, text: &str) -> bool {
    let (characters, nul) = (text.chars().count(), text.contains('\0'));
    let limit = if dialect.name == "messenger" { 1_000 } else { 10_000 };
    match field {
        "content" | "body" => !text.trim().is_empty() && characters <= limit && !nul,
        "name" => (1..=255).contains(&text.trim().chars().count()) && !nul,
        "emoji" => (1..=32).contains(&text.len()) && !text.contains(char::is_control),
        "temp_id" => (1..=200).contains(&characters) && !nul,
        // Ids of nobody and nothing, and words that are not among those that are known.
        "user_id" | "participants" | "participant_ids" | "reply_to" | "room" | "message_id"
        | "room_type" | "message_type" | "action" | "type" | "is_active" | "is_typing" => false,
        // A file comes in a form.
        "file_attachment" => text.is_empty(),
        // Not looked at: a time is the server's.
        "timestamp" | "client_time" => true,
        other => panic!("what may {other} be?"),
    }
}

/// Checks that an answer is a refusal that had no effect, in the shape of its dialect.
#[track_caller]
fn assert_refused(stage: &Stage, before: &str, answer: &Answer, what: &str) {
    let status = answer.status;
    assert!((400..500).contains(&status), "{status} rather than a refusal of {what}");
    assert!(stage.state() == before, "refused with {status}, and yet changes something: {what}");
    assert!(!stage.world.take_told(), "refused with {status}, and yet told: {what}");
    assert!(answer.text.len() < 2_000, "{what} comes back: {} bytes", answer.text.len());
    let is_object = answer.body.as_object().is_some_and(|body| !body.is_empty());
    assert!(is_object, "{what}: {}", answer.text);
}

/// Whether a text stands anywhere in an answer, as it was sent.
fn says(answer: &Value, text: &str) -> bool {
    match answer {
        Value::String(said) => said == text,
        Value::Object(fields) => fields.values().any(|value| says(value, text)),
        _ => false,
    }
}

/// Checks that a text that was taken is kept as it was sent.
#[track_caller]
fn assert_kept(answer: &Value, field: &str, text: &str) {
    let what = short(text);
    match field {
        "content" | "body" => assert!(says(answer, text), "{what}: {answer}"),
        "name" => assert_eq!(answer["name"], text.trim(), "{what}"),
        "emoji" if answer["message"] == "Reaction added" => {
            assert!(answer["reactions"][text].is_array(), "{what}: {answer}");
        }
        _ => {}
    }
}

#[test]
fn texts_in_bodies_are_taken_as_the_contract_says_or_refused_without_effect() {
    for dialect in dialect::all() {
        for row in calls(dialect).filter(|row| row.method != "FRAME") {
            let mut stage = stage(dialect, &row);
            let body = object(&stage.fill(row.body));
            for field in fields(dialect, &row, &body) {
                for (raw, text) in nasty::texts() {
                    let (before, path) = (stage.state(), stage.fill(row.path));
                    let answer =
                        stage.ask_at(row.method, &path, with(&body, &field, &raw).as_bytes());
                    let what = format!("{} {field} {}", row.title(), short(&raw));
                    let fits = raw.len() < 1024 * 1024;
                    // The message that is edited has a file, whose caption may be empty.
                    let is_caption = ["PATCH", "PUT"].contains(&row.method) && field == "content";
                    let caption = |text: &str| {
                        let is_blank = text.trim().is_empty();
                        is_caption && is_blank && is_taken(dialect, &field, &format!("{text}x"))
                    };
                    let taken = text
                        .filter(|text| fits && (is_taken(dialect, &field, text) || caption(text)));
                    let Some(text) = taken else {
                        assert_refused(&stage, &before, &answer, &what);
                        continue;
                    };
                    assert!(answer.status < 300, "{what}: {}", answer.text);
                    assert_kept(&answer.body, &field, &text);
                    stage = self::stage(dialect, &row);
                }
            }
        }
    }
}

#[test]
fn texts_in_frames_are_taken_as_the_contract_says_or_answered_with_the_error_frame() {
    for dialect in dialect::all() {
        for row in calls(dialect).filter(|row| row.method == "FRAME") {
            let cell = row.granted().unwrap();
            let mut scene = Scene::new(dialect, cell.place, cell.who);
            let body = object(&scene.stage.fill(row.body));
            for field in fields(dialect, &row, &body) {
                for (raw, text) in nasty::texts() {
                    let word = scene.send(&with(&body, &field, &raw));
                    let what = format!("{} {field} {}", row.title(), short(&raw));
                    let Some(text) = text.filter(|text| is_taken(dialect, &field, text)) else {
                        assert_eq!(word, "error", "{what}");
                        continue;
                    };
                    assert_eq!(word, cell.expected, "{what}: {:?}", scene.own);
                    if word == "sent" {
                        assert_kept(&scene.own[0], &field, &text);
                    }
                    scene = Scene::new(dialect, cell.place, cell.who);
                }
            }
        }
    }
}

/// Whether JSON that is no text is taken in a field.
fn is_taken_as(field: &str, raw: &str) -> bool {
    let is_integer = raw.parse::<i64>().is_ok() || raw.parse::<u64>().is_ok();
    match (field, raw) {
        (_, "1e400") => false,
        ("timestamp" | "client_time", _)
        | ("file_attachment" | "reply_to" | "temp_id", "null")
        | ("participants" | "participant_ids", "[]")
        | ("is_active" | "is_typing", "true" | "false") => true,
        ("temp_id", raw) => is_integer && raw != "-0",
        _ => false,
    }
}

#[test]
fn values_of_another_type_are_refused_without_effect() {
    for dialect in dialect::all() {
        for row in calls(dialect).filter(|row| row.method != "FRAME") {
            let stage = stage(dialect, &row);
            let body = object(&stage.fill(row.body));
            for field in fields(dialect, &row, &body) {
                for raw in nasty::NO_TEXTS.iter().filter(|raw| !is_taken_as(&field, raw)) {
                    let (before, path) = (stage.state(), stage.fill(row.path));
                    let answer =
                        stage.ask_at(row.method, &path, with(&body, &field, raw).as_bytes());
                    let what = format!("{} {field} {raw}", row.title());
                    assert_refused(&stage, &before, &answer, &what);
                }
            }
        }
        for row in calls(dialect).filter(|row| row.method == "FRAME") {
            let cell = row.granted().unwrap();
            let mut scene = Scene::new(dialect, cell.place, cell.who);
            let body = object(&scene.stage.fill(row.body));
            for field in fields(dialect, &row, &body) {
                for raw in nasty::NO_TEXTS.iter().filter(|raw| !is_taken_as(&field, raw)) {
                    let word = scene.send(&with(&body, &field, raw));
                    assert_eq!(word, "error", "{} {field} {raw}", row.title());
                }
            }
        }
    }
}

#[test]
fn texts_in_a_form_are_taken_like_those_in_json() {
    let form = |field: &str, text: &[u8]| {
        let file = "Content-Disposition: form-data; name=\"file_attachment\"; filename=\"a\"";
        let mut body = format!("--x\r\n{file}\r\n\r\na\r\n--x\r\n").into_bytes();
        let head = format!("Content-Disposition: form-data; name=\"{field}\"\r\n\r\n");
        body.extend(head.bytes().chain(text.iter().copied()).chain(*b"\r\n--x--\r\n"));
        body
    };
    let rows = table(dialect::TEAM);
    let row = rows.iter().find(|row| row.body == "$form").unwrap();
    let mut stage = stage(dialect::TEAM, row);
    let path = stage.fill(row.path);
    for field in ["content", "message_type", "reply_to"] {
        for (raw, text) in nasty::texts() {
            let Some(text) = text else { continue };
            let before = stage.state();
            let answer = stage.ask_at(row.method, &path, &form(field, text.as_bytes()));
            let what = format!("{field} {}", short(&raw));
            // With a file there may be no text, and an empty field is none.
            let blank = field == "content" && text.trim().is_empty();
            let none = field == "reply_to" && text.is_empty();
            if !(blank || none || is_taken(dialect::TEAM, field, &text)) {
                assert_refused(&stage, &before, &answer, &what);
                continue;
            }
            assert_eq!(answer.status, 201, "{what}: {}", answer.text);
            assert_kept(&answer.body, field, &text);
            stage = self::stage(dialect::TEAM, row);
        }
        let before = stage.state();
        let answer = stage.ask_at(row.method, &path, &form(field, b"\xff\xed\xa0\x80"));
        assert_refused(&stage, &before, &answer, field);
    }
}

#[test]
fn an_idempotency_key_is_any_text_of_1_to_200_characters() {
    for dialect in dialect::all() {
        for row in calls(dialect).filter(|row| row.granted().unwrap().expected == "201") {
            let stage = stage(dialect, &row);
            let sends = row.body.contains("content");
            let (path, body) = (stage.fill(row.path), stage.fill(row.body));
            for (_, text) in nasty::texts() {
                let Some(text) = text.filter(|_| sends) else { continue };
                let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else { continue };
                let before = stage.state();
                let more =
                    HeaderMap::from_iter([(HeaderName::from_static("idempotency-key"), value)]);
                let answer = stage.ask_with(row.method, &path, more, body.as_bytes());
                if (1..=200).contains(&text.chars().count()) {
                    assert_eq!(answer.status, 201, "{}: {}", short(&text), answer.text);
                    stage.world.take_told();
                } else {
                    assert_refused(&stage, &before, &answer, &short(&text));
                }
            }
        }
    }
}
