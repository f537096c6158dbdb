//! Frames that are not understood (wire.md, the part on all sockets; failures.md, C4 to C6).

mod common;

use std::time::Duration;

use chat_core::Config;
use chat_core::socket::{Close, Input};
use common::{Peer, World, assert_shape, server_frame};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Frames that are bad each in its own way.
fn bad_frames() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_field = format!(r#"{{"type":"ping","timestamp":{deep}}}"#);
    let deep_objects = format!("{}1{}", r#"{"type":"#.repeat(100_000), "}".repeat(100_000));
    let mut frames = vec![deep, deep_field, deep_objects, "[".repeat(100_000)];
    let texts = [
        // No JSON.
        "",
        " ",
        "nonsense",
        "{",
        "}",
        r#"{"type":"ping""#,
        r#"{"type":"ping"}}"#,
        r#"{"type":"ping"} {"type":"ping"}"#,
        r#"{"type":"ping",}"#,
        r#"{type:"ping"}"#,
        r"{'type':'ping'}",
        "\u{feff}{\"type\":\"ping\"}",
        "\0",
        "{\"type\":\"ping\0\"}",
        r#"{"type":"ping","timestamp":1e999}"#,
        r#"{"type":"ping","timestamp":NaN}"#,
        r#"{"type":"ping","timestamp":01}"#,
        r#"{"type":"ping","timestamp":"\x41"}"#,
        r#"{"type":"message","content":"\ud800"}"#,
        r#"{"type":"message","content":"\udc00\ud800"}"#,
        r#"{"type":"message","content":"\ud800x"}"#,
        r#"{"type":"message","content":"x","temp_id":"\udfff"}"#,
        // No object.
        "null",
        "true",
        "1",
        "\"ping\"",
        "[]",
        r#"["ping"]"#,
        r#"[{"type":"ping"}]"#,
        // No known type.
        "{}",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":["ping"]}"#,
        r#"{"type":""}"#,
        r#"{"type":"PING"}"#,
        r#"{"type":"ping "}"#,
        r#"{"type":"typing"}"#,
        r#"{"type":"connection_established"}"#,
        r#"{"TYPE":"ping"}"#,
        // Each key once.
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"typing_on","type":"ping"}"#,
        r#"{"type":"message","content":"a","content":"b"}"#,
        r#"{"type":"message","content":"a","temp_id":"1","temp_id":"2"}"#,
        r#"{"type":"ping","\u0074ype":"pong"}"#,
        // Fields that are missing or wrong.
        r#"{"type":"message"}"#,
        r#"{"type":"message","content":null}"#,
        r#"{"type":"message","content":1}"#,
        r#"{"type":"message","content":{}}"#,
        r#"{"type":"message","content":[]}"#,
        r#"{"type":"message","content":""}"#,
        r#"{"type":"message","content":"   "}"#,
        r#"{"type":"message","content":"\u0000"}"#,
        r#"{"type":"message","content":"a\u0000b"}"#,
        r#"{"type":"message","content":"a","temp_id":""}"#,
        r#"{"type":"message","content":"a","temp_id":"\u0000"}"#,
        r#"{"type":"message","content":"a","temp_id":1.5}"#,
        r#"{"type":"message_read"}"#,
        r#"{"type":"message_delivered","message_id":null}"#,
        r#"{"type":"message_read","message_id":0}"#,
        r#"{"type":"message_read","message_id":-1}"#,
        r#"{"type":"message_read","message_id":1.0}"#,
        r#"{"type":"message_read","message_id":1e3}"#,
        r#"{"type":"message_read","message_id":281474976710656}"#,
        r#"{"type":"message_read","message_id":9223372036854775807}"#,
        r#"{"type":"message_read","message_id":9223372036854775808}"#,
        r#"{"type":"message_read","message_id":18446744073709551616}"#,
        r#"{"type":"message_read","message_id":""}"#,
        r#"{"type":"message_read","message_id":"01"}"#,
        r#"{"type":"message_read","message_id":"+1"}"#,
        r#"{"type":"message_read","message_id":" 1"}"#,
        r#"{"type":"message_read","message_id":"0x1"}"#,
        r#"{"type":"message_read","message_id":"1e3"}"#,
        r#"{"type":"message_read","message_id":"١"}"#,
        r#"{"type":"message_read","message_id":true}"#,
        r#"{"type":"message_read","message_id":[1]}"#,
    ];
    frames.extend(texts.map(str::to_owned));
    frames
}

#[track_caller]
fn assert_error(world: &mut World, peer: Peer, frame: &str) {
    let shown: String = frame.chars().take(80).collect();
    let mut error = world.frame(peer);
    assert_eq!(error["type"], "error", "{shown}");
    let temp_id = error.as_object_mut().unwrap().remove("temp_id");
    assert!(temp_id.is_none() || frame.contains("temp_id"), "{shown}");
    assert_shape(&error, &server_frame("error"));
}

#[test]
fn a_bad_frame_is_answered_with_the_error_frame_and_the_socket_stays_open() {
    for frame in bad_frames() {
        let mut world = World::new();
        let (john, jane) = (world.open(1), world.open(2));
        world.frames(john);
        world.send_text(john, &frame);
        assert_error(&mut world, john, &frame);
        world.assert_quiet(jane);
        assert_eq!(world.closed(john), None);
        world.send(john, &json!({ "type": "ping" }));
        assert_eq!(world.frame(john)["type"], "pong");
    }
}

#[test]
fn no_error_tells_what_was_sent() {
    let mut world = World::new();
    let peer = world.open(1);
    for frame in ["s3cret", r#"{"type":"s3cret"}"#, r#"{"type":"message","content":["s3cret"]}"#] {
        world.send_text(peer, frame);
        assert!(!world.frame(peer).to_string().contains("s3cret"));
    }
}

#[test]
fn a_megabyte_of_keys_is_only_many_keys() {
    let mut world = World::new();
    let peer = world.open(1);
    let mut frame = json!({ "type": "connection_check" });
    for key in 0..60_000 {
        frame[format!("key{key}")] = json!(key);
    }
    world.send(peer, &frame);
    assert_eq!(world.frame(peer)["type"], "connection_status");
}

#[test]
fn a_frame_of_a_great_many_parts_is_an_error() {
    let mut world = World::new();
    let peer = world.open(1);
    world.send(peer, &json!({ "type": "ping", "timestamp": vec![json!({ "": 0 }); 20_000] }));
    assert_eq!(world.frame(peer)["type"], "error");
    world.send(peer, &json!({ "type": "ping", "timestamp": vec![json!({ "": 0 }); 900] }));
    assert_eq!(world.frame(peer)["type"], "pong");
}

#[test]
fn the_twentieth_bad_frame_within_a_minute_is_answered_and_closes_1008() {
    let mut world = World::new();
    let peer = world.open(1);
    for _ in 0..19 {
        world.send_text(peer, "nonsense");
        assert_error(&mut world, peer, "nonsense");
        world.advance_secs(1);
    }
    assert_eq!(world.closed(peer), None);
    world.send_text(peer, "nonsense");
    assert_error(&mut world, peer, "nonsense");
    assert_eq!(world.closed(peer), Some(1008));
}

#[test]
fn every_kind_of_bad_frame_counts() {
    let mut world = World::new();
    let mut peer = world.open(1);
    let mut answered = 0;
    for frame in bad_frames() {
        world.send_text(peer, &frame);
        assert_error(&mut world, peer, &frame);
        answered += 1;
        assert_eq!(world.closed(peer), (answered % 20 == 0).then_some(1008), "{answered}");
        if answered % 20 == 0 {
            peer = world.open(1);
        }
    }
}

#[test]
fn nineteen_and_after_a_minute_more_leave_the_socket_open() {
    let mut world = World::new();
    let peer = world.open(1);
    for _ in 0..10 {
        for _ in 0..19 {
            world.send_text(peer, "nonsense");
            assert_error(&mut world, peer, "nonsense");
        }
        world.advance_secs(60);
        world.frames(peer);
        assert_eq!(world.closed(peer), None);
    }
}

#[test]
fn the_minute_slides() {
    let mut world = World::new();
    let peer = world.open(1);
    world.send_text(peer, "nonsense");
    world.advance(Duration::from_micros(59_999_999));
    (0..18).for_each(|_| world.send_text(peer, "nonsense"));
    world.advance(Duration::from_micros(1));
    world.send_text(peer, "nonsense");
    assert_eq!(world.closed(peer), None, "the first one is a minute ago");
    world.send_text(peer, "nonsense");
    assert_eq!(world.closed(peer), Some(1008));
}

#[test]
fn good_frames_and_refusals_do_not_count() {
    let mut world = World::new();
    let peer = world.open(1);
    for _ in 0..50 {
        world.send(peer, &json!({ "type": "ping" }));
        world.send(peer, &json!({ "type": "message_read", "message_id": 9_999 }));
    }
    assert_eq!(world.frames(peer).len(), 100);
    assert_eq!(world.closed(peer), None);
}

#[test]
fn how_many_bad_frames_are_too_many_is_configurable() {
    let mut config = Config::default();
    config.bad_frame_limit = 2;
    config.bad_frame_window = Duration::from_secs(5);
    let mut world = World::with_config(config);
    let peer = world.open(1);
    for _ in 0..5 {
        world.send_text(peer, "nonsense");
        world.advance_secs(5);
    }
    assert_eq!(world.closed(peer), None);
    world.send_text(peer, "nonsense");
    world.send_text(peer, "nonsense");
    assert_eq!(world.closed(peer), Some(1008));
}

#[test]
fn frames_after_the_twentieth_are_not_handled() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    world.frames(john);
    world.hold_commands(john);
    world.send(john, &json!({ "type": "message", "content": "before" }));
    (0..20).for_each(|_| world.send_text(john, "nonsense"));
    world.send(john, &json!({ "type": "message", "content": "after" }));
    world.release_command(john);
    assert_eq!(world.closed(john), Some(1008));
    let told: Vec<_> =
        world.frames(jane).iter().map(|it| it["message"]["content"].clone()).collect();
    assert_eq!(told, [json!("before"), Value::Null], "a message, and that john is gone");
}

#[test]
fn a_binary_frame_closes_1003() {
    let mut world = World::new();
    let peer = world.open(1);
    world.input(peer, Input::Broken(Close::BINARY));
    assert_eq!(world.closed(peer), Some(1003));
    world.assert_quiet(peer);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const TYPES: [&str; 9] = [
    "message",
    "typing_on",
    "typing_off",
    "message_read",
    "message_delivered",
    "ping",
    "pong",
    "connection_check",
    "other",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a frame's fields are, it is answered at most once for each thing it is, and with
    /// frames of the document; nothing but an error comes of what is wrong.
    #[test]
    fn any_fields_are_answered_by_frames_of_the_document(
        kind in prop::sample::select(&TYPES),
        content in prop::option::of(any_json()),
        temp_id in prop::option::of(any_json()),
        message_id in prop::option::of(any_json()),
        timestamp in prop::option::of(any_json()),
    ) {
        let mut frame = json!({ "type": kind });
        let fields = [("content", content), ("temp_id", temp_id), ("message_id", message_id), ("timestamp", timestamp)];
        for (name, value) in fields {
            if let Some(value) = value {
                frame[name] = value;
            }
        }
        let mut world = World::new();
        let peer = world.open(1);
        world.send(peer, &frame);
        let answers = world.frames(peer);
        prop_assert!(answers.len() <= 1, "{frame}: {answers:?}");
        for mut answer in answers {
            let temp_id = answer.as_object_mut().unwrap().remove("temp_id");
            prop_assert!(temp_id.is_none_or(|temp_id| temp_id == frame["temp_id"]));
            if answer["type"] == "pong" {
                let timestamp = answer["timestamp"].take();
                prop_assert_eq!(Some(&timestamp), frame.get("timestamp").or(Some(&Value::Null)));
            }
            assert_shape(&answer, &server_frame(answer["type"].as_str().unwrap()));
        }
        prop_assert_eq!(world.closed(peer), None);
    }

    #[test]
    fn any_text_is_answered_by_an_error(text in ".{0,40}") {
        let mut world = World::new();
        let peer = world.open(1);
        world.send_text(peer, &text);
        prop_assert_eq!(&world.frame(peer)["type"], "error");
    }
}
