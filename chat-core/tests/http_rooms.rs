//! What rooms' endpoints answer.

mod common;

use chat_core::dialect::ROOMS as DIALECT;
use chat_core::model::{RoomId, RoomKind};
use chat_core::rules::RoomName;
use common::{Answer, World, assert_detail, fields, headers, now, request};
use proptest::prelude::*;
use serde_json::{Value, json};

const ROOMS: &str = "/api/chat/rooms/";

fn world() -> World {
    World::speaking(DIALECT)
}

fn room_path(room: RoomId) -> String {
    format!("{ROOMS}{room}/")
}

fn messages_path(room: RoomId) -> String {
    format!("{ROOMS}{room}/messages/")
}

fn message_path(room: RoomId, id: u64) -> String {
    format!("{ROOMS}{room}/messages/{id}/")
}

fn results(body: &Value, key: &str) -> Vec<Value> {
    body["results"].as_array().unwrap().iter().map(|item| item[key].clone()).collect()
}

/// The path and query of a link.
fn relative(link: &Value) -> String {
    link.as_str().unwrap().strip_prefix("http://example.com").unwrap().to_owned()
}

#[test]
fn a_room_has_the_documents_keys_in_the_documents_order() {
    let world = world();
    let group = world.group("General", &[1, 2]);
    let shown = world.get(1, &room_path(group));
    let general = format!(r#"{{"id":{group},"name":"General","participants":[1,2]}}"#);
    assert_eq!((shown.status, &shown.text), (200, &general));
    let direct = format!(r#"{{"id":{},"name":"John Doe","participants":[1,2]}}"#, world.room);
    let list = world.get(2, ROOMS);
    let expected =
        format!(r#"{{"count":2,"next":null,"previous":null,"results":[{direct},{general}]}}"#);
    assert_eq!((list.status, list.text), (200, expected));
    let names = results(&world.get(1, ROOMS).body, "name");
    assert_eq!(names, ["Jane Smith", "Alex Brown", "General"], "by id, direct ones by the other");
}

#[test]
fn rooms_come_in_parts_with_links() {
    let world = world();
    for number in 0..120 {
        world.group(&number.to_string(), &[4]);
    }
    let get = |query: &str| world.get(4, &format!("{ROOMS}{query}")).body;
    let names = |body: &Value| results(body, "name");
    for (query, first, length, next, previous) in [
        ("", "0", 50, json!("limit=50&offset=50"), Value::Null),
        ("?offset=50", "50", 50, json!("limit=50&offset=100"), json!("limit=50")),
        ("?offset=110", "110", 10, Value::Null, json!("limit=50&offset=60")),
        ("?limit=500", "0", 100, json!("limit=100&offset=100"), Value::Null),
        ("?limit=0&offset=-1", "0", 50, json!("limit=50&offset=50"), Value::Null),
        ("?limit=x&offset=x", "0", 50, json!("limit=50&offset=50"), Value::Null),
        ("?limit=7&offset=3", "3", 7, json!("limit=7&offset=10"), json!("limit=7")),
        ("?limit=10&offset=110", "110", 10, Value::Null, json!("limit=10&offset=100")),
    ] {
        let body = get(query);
        assert_eq!((&body["count"], names(&body).len()), (&json!(120), length), "{query}");
        assert_eq!(names(&body)[0], first, "{query}");
        let link = |value: &Value| match value {
            Value::Null => Value::Null,
            link => json!(format!("http://example.com{ROOMS}?{}", link.as_str().unwrap())),
        };
        assert_eq!((&body["next"], &body["previous"]), (&link(&next), &link(&previous)), "{query}");
    }
    for offset in ["120", "99999999999999999999999"] {
        let body = get(&format!("?q=1&offset={offset}"));
        assert_eq!(
            (&body["count"], &body["next"], names(&body)),
            (&json!(120), &Value::Null, vec![])
        );
        assert!(body["previous"].as_str().unwrap().contains("q=1"), "other parameters are kept");
    }
}

#[test]
fn an_inactive_room_is_left_out_of_the_list_and_takes_no_message() {
    let world = world();
    let closed = world.group("Closed", &[4, 1]);
    now(world.chat.acting_as("4").set_active(closed, false)).unwrap();
    assert_eq!(world.get(4, ROOMS).body["count"], 0);
    assert_eq!(world.get(4, &room_path(closed)).status, 200);
    let refused = world.post(4, &messages_path(closed), &json!({ "content": "x" }));
    assert_eq!(
        fields(&refused).as_object().unwrap().keys().collect::<Vec<_>>(),
        ["non_field_errors"]
    );
}

#[test]
fn a_room_is_made_with_its_creator_first() {
    let world = world();
    let create = |body: Value| world.post(1, ROOMS, &body);
    let made = create(json!({ "name": "  New Room ", "participants": [2, "3", 1, 2] }));
    let id = made.body["id"].as_u64().unwrap();
    let expected = format!(r#"{{"id":{id},"name":"New Room","participants":[1,2,3]}}"#);
    assert_eq!((made.status, made.text), (201, expected));
    assert_eq!(world.get(3, &format!("{ROOMS}{id}/")).status, 200);
    assert_eq!(create(json!({ "name": "x".repeat(255) })).body["participants"], json!([1]));
    assert_eq!(create(json!({ "name": "a", "participants": [] })).status, 201);
}

#[test]
fn a_room_that_cannot_be_made_is_a_400() {
    let world = world();
    let before = world.get(1, ROOMS).body["count"].clone();
    let unknown = |id: &str| json!([format!("Invalid pk \"{id}\" - object does not exist.")]);
    for (body, expected) in [
        (json!({}), json!({ "name": ["This field is required."] })),
        (json!({ "name": null }), json!({ "name": ["This field may not be null."] })),
        (json!({ "name": 5 }), json!({ "name": ["Not a valid string."] })),
        (json!({ "name": "  " }), json!({ "name": ["This field may not be blank."] })),
        (json!({ "name": "a\0" }), json!({ "name": ["Null characters are not allowed."] })),
        (
            json!({ "name": "x".repeat(256) }),
            json!({ "name": ["Ensure this field has no more than 255 characters."] }),
        ),
        (json!({ "name": "a", "participants": [2, 99] }), json!({ "participants": unknown("99") })),
        (
            json!({ "name": "a", "participants": ["nobody"] }),
            json!({ "participants": unknown("nobody") }),
        ),
        (json!({ "name": "a", "participants": [1.5] }), json!({ "participants": unknown("1.5") })),
        (
            json!({ "name": "a", "participants": [null] }),
            json!({ "participants": unknown("null") }),
        ),
        (
            json!({ "name": "a", "participants": "2" }),
            json!({ "participants": ["Expected a list of items."] }),
        ),
        (
            json!({ "participants": [true] }),
            json!({ "name": ["This field is required."], "participants": unknown("true") }),
        ),
        (json!([]), json!({ "non_field_errors": ["Invalid data. Expected a dictionary."] })),
    ] {
        assert_eq!(fields(&world.post(1, ROOMS, &body)), expected, "{body}");
    }
    assert_eq!(world.get(1, ROOMS).body["count"], before);
}

#[test]
fn a_message_has_the_documents_keys_in_the_documents_order() {
    let mut world = world();
    let room = world.room;
    let sent = world.post(1, &messages_path(room), &json!({ "content": " Hey there! " }));
    let id = sent.body["id"].as_u64().unwrap();
    let message = |content: &str| {
        format!(
            r#"{{"id":{id},"chat_room":{room},"sender":1,"content":"{content}","timestamp":"2024-12-25T10:30:00.000000Z"}}"#
        )
    };
    assert_eq!((sent.status, &sent.text), (201, &message(" Hey there! ")));
    let path = message_path(room, id);
    assert_eq!(world.get(2, &path).text, message(" Hey there! "));
    let list = world.get(2, &messages_path(room));
    let expected =
        format!(r#"{{"next":null,"previous":null,"results":[{}]}}"#, message(" Hey there! "));
    assert_eq!((list.status, list.text), (200, expected));
    world.advance_secs(5);
    for (method, content) in [("PUT", "whole"), ("PATCH", "part")] {
        let body = json!({ "content": content }).to_string();
        let changed = world.ask(1, method, &path, &[], &body);
        assert_eq!((changed.status, &changed.text), (200, &message(content)), "{method}");
        assert_eq!(world.get(2, &path).text, message(content));
    }
    let same = world.ask(1, "PATCH", &path, &[], "{}");
    assert_eq!((same.status, same.text), (200, message("part")));
    let gone = world.ask(1, "DELETE", &path, &[], "");
    assert_eq!((gone.status, &*gone.text), (204, ""));
    assert!(!gone.headers.contains_key("content-type"));
}

#[test]
fn a_deleted_message_does_not_exist_any_more() {
    let mut world = world();
    let id = world.say(1, world.room, "gone");
    world.say(1, world.room, "stays");
    let path = message_path(world.room, id);
    assert_eq!(world.ask(1, "DELETE", &path, &[], "").status, 204);
    for user in [1, 2] {
        for (method, body) in [
            ("GET", ""),
            ("PUT", r#"{"content":"x"}"#),
            ("PATCH", r#"{"content":"x"}"#),
            ("PATCH", "{}"),
            ("DELETE", ""),
        ] {
            assert_detail(&world.ask(user, method, &path, &[], body), 404);
        }
    }
    assert_eq!(results(&world.get(2, &messages_path(world.room)).body, "content"), ["stays"]);
}

#[test]
fn only_the_sender_may_change_or_delete() {
    let mut world = world();
    let id = world.say(1, world.room, "mine");
    let path = message_path(world.room, id);
    for (method, body) in [
        ("PUT", r#"{"content":"x"}"#),
        ("PUT", "{}"),
        ("PATCH", r#"{"content":"x"}"#),
        ("DELETE", ""),
    ] {
        assert_detail(&world.ask(2, method, &path, &[], body), 403);
        assert_detail(&world.ask(4, method, &path, &[], body), 404);
        assert_detail(&world.ask(1, method, &message_path(world.other_room, id), &[], body), 404);
    }
    assert_eq!(world.get(2, &path).body["content"], "mine");
    for (method, body, sentence) in [
        ("PUT", "{}", "This field is required."),
        ("PUT", r#"{"content":" "}"#, "This field may not be blank."),
        ("PATCH", r#"{"content":null}"#, "This field may not be null."),
    ] {
        let answer = world.ask(1, method, &path, &[], body);
        assert_eq!(fields(&answer), json!({ "content": [sentence] }), "{method} {body}");
    }
}

#[test]
fn messages_come_newest_first_with_cursors_both_ways() {
    let mut world = world();
    for number in 0..120 {
        world.say(1, world.room, &number.to_string());
    }
    let expected =
        |from: u32, to: u32| (to..from).rev().map(|n| json!(n.to_string())).collect::<Vec<_>>();
    let first = world.get(2, &messages_path(world.room)).body;
    assert_eq!(results(&first, "content"), expected(120, 70));
    assert_eq!(first["previous"], Value::Null);
    world.say(1, world.room, "120");
    let second = world.get(2, &relative(&first["next"])).body;
    assert_eq!(results(&second, "content"), expected(70, 20));
    let third = world.get(2, &relative(&second["next"])).body;
    assert_eq!((results(&third, "content"), &third["next"]), (expected(20, 0), &Value::Null));
    let back = world.get(2, &relative(&third["previous"])).body;
    assert_eq!(results(&back, "content"), expected(70, 20));
    let back = world.get(2, &relative(&back["previous"])).body;
    assert_eq!(results(&back, "content"), expected(120, 70));
    let newest = world.get(2, &relative(&back["previous"])).body;
    assert_eq!(
        (results(&newest, "content"), &newest["previous"]),
        (expected(121, 120), &Value::Null)
    );
    let again = world.get(2, &relative(&newest["next"])).body;
    assert_eq!(results(&again, "content"), expected(120, 70));
}

#[test]
fn a_link_keeps_other_parameters_and_says_how_the_server_was_reached() {
    let mut world = world();
    for number in 0..51 {
        world.say(1, world.room, &number.to_string());
    }
    let path = format!("{}?a=b&cursor=", messages_path(world.room));
    assert_detail(&world.get(2, &path), 404);
    let body = world.get(2, &path.replace("&cursor=", "")).body;
    let link = body["next"].as_str().unwrap();
    let start = format!("http://example.com{}?a=b&cursor=", messages_path(world.room));
    assert!(link.starts_with(&start), "{link}");
}

#[test]
fn a_cursor_that_we_did_not_make_is_404() {
    let mut world = world();
    for room in [world.room, world.other_room] {
        for number in 0..60 {
            world.say(1, room, &number.to_string());
        }
    }
    let ours = world.get(1, &messages_path(world.room)).body["next"].as_str().unwrap().to_owned();
    let token = ours.split_once("cursor=").unwrap().1;
    let ask = |user, room, token: &str| {
        world.get(user, &format!("{}?cursor={token}", messages_path(room)))
    };
    assert_eq!(ask(1, world.room, token).status, 200);
    let invalid = |answer: Answer| {
        assert_eq!((answer.status, &*answer.text), (404, r#"{"detail":"Invalid cursor"}"#));
    };
    invalid(ask(1, world.other_room, token));
    invalid(ask(2, world.room, token));
    for forged in ["", "x", "o1", "%00", "abc123", &token[1..], &token.to_uppercase()] {
        invalid(ask(1, world.room, forged));
    }
    assert_eq!(
        ask(4, world.room, token).body,
        json!({ "detail": "Not found." }),
        "strangers learn nothing"
    );
    assert_eq!(ask(4, world.room, "x").body, json!({ "detail": "Not found." }));
}

#[test]
fn sending_twice_with_a_key_stores_once() {
    let world = world();
    let send = |key: &str, content: &str| {
        let body = json!({ "content": content }).to_string();
        world.ask(1, "POST", &messages_path(world.room), &[("idempotency-key", key)], &body)
    };
    let (first, again) = (send("k", "once"), send("k", "once"));
    assert_eq!((first.status, again.status, &first.text), (201, 200, &again.text));
    assert_detail(&send("k", "other"), 409);
    let path = message_path(world.room, first.body["id"].as_u64().unwrap());
    assert_eq!(world.ask(1, "PUT", &path, &[], r#"{"content":"edited"}"#).status, 200);
    assert_eq!(send("k", "once").body["content"], "edited");
    assert_eq!(world.ask(1, "DELETE", &path, &[], "").status, 204);
    assert_detail(&send("k", "once"), 409);
}

#[test]
fn what_is_not_ones_own_does_not_exist() {
    let mut world = world();
    let name = RoomName::parse("Open").unwrap();
    let make = world.chat.acting_as("1");
    let public = now(make.create_room(RoomKind::Public, name, Vec::new())).unwrap();
    let id = world.say(1, public, "hello");
    for path in [
        room_path(public),
        messages_path(public),
        message_path(public, id),
        room_path(world.room),
        messages_path(world.room),
        format!("{ROOMS}999/"),
        format!("{ROOMS}0/"),
        format!("{ROOMS}x/messages/"),
        format!("{ROOMS}{public}/messages/x/"),
    ] {
        assert_detail(&world.get(4, &path), 404);
    }
    assert_detail(&world.post(4, &messages_path(world.room), &json!({ "content": "x" })), 404);
    assert_eq!(world.get(1, &message_path(public, id)).status, 200);
}

#[test]
fn the_methods_and_credentials_of_every_endpoint() {
    let world = world();
    let (room, message) = (room_path(world.room), message_path(world.room, 1));
    for (method, path, allow) in [
        ("DELETE", ROOMS, "GET, POST, HEAD"),
        ("POST", &room, "GET, HEAD"),
        ("PUT", &messages_path(world.room), "GET, POST, HEAD"),
        ("POST", &message, "GET, PUT, PATCH, DELETE, HEAD"),
    ] {
        let answer = world.ask(1, method, path, &[], "");
        assert_detail(&answer, 405);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    for endpoint in DIALECT.endpoints {
        let path = endpoint.path.replace("{room_id}", "1").replace("{pk}", "1");
        let bare = request(endpoint.method.as_str(), &path, headers(&[]), Vec::new());
        assert_detail(&world.dispatch(bare), 401);
    }
    assert!(DIALECT.sockets.is_empty());
    world.store.set_down(true);
    for path in [ROOMS, &room, &messages_path(world.room), &message] {
        assert_detail(&world.get(1, path), 503);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn following_cursors_shows_every_message_once_while_others_come_and_go(
        before in 0usize..170,
        meanwhile in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 8),
    ) {
        let mut world = world();
        let mut ids: Vec<u64> = (0..before).map(|_| world.say(1, world.room, "x")).collect();
        let start = ids.clone();
        let mut gone = Vec::new();
        let (mut path, mut pages) = (messages_path(world.room), Vec::new());
        for (arrives, index) in meanwhile {
            let page = world.get(2, &path).body;
            let next = page["next"].clone();
            pages.push(page);
            if arrives || ids.is_empty() {
                ids.push(world.say(1, world.room, "new"));
            } else {
                let id = *index.get(&ids);
                world.ask(1, "DELETE", &message_path(world.room, id), &[], "");
                gone.push(id);
            }
            if next.is_null() {
                break;
            }
            path = relative(&next);
        }
        let shown: Vec<u64> = pages
            .iter()
            .flat_map(|page| results(page, "id"))
            .map(|id| id.as_u64().unwrap())
            .collect();
        prop_assert!(shown.is_sorted_by(|a, b| a > b));
        let missing: Vec<_> =
            start.iter().filter(|id| !shown.contains(id) && !gone.contains(id)).collect();
        prop_assert_eq!(missing, Vec::<&u64>::new());
        let mut newest = world.get(2, &path).body;
        while !newest["previous"].is_null() {
            newest = world.get(2, &relative(&newest["previous"])).body;
        }
        let last = ids.iter().rev().find(|id| !gone.contains(id));
        if let (Some(id), Some(first)) = (last, results(&newest, "id").first()) {
            prop_assert_eq!(first, &json!(id));
        }
    }
}
