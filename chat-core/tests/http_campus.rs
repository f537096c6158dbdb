//! What campus's endpoints answer.

mod common;

use chat_core::dialect::CAMPUS;
use chat_core::model::{MessageId, RoomId, RoomKind};
use chat_core::rules::RoomName;
use common::{Answer, World, assert_detail, fields, now};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

const CHATS: &str = "/chat/chats/";
const START: &str = "/chat/chats/start/";

fn world() -> World {
    World::speaking(CAMPUS)
}

fn messages(room: RoomId) -> String {
    format!("{CHATS}{room}/messages/")
}

fn contents(body: &Value) -> Vec<&str> {
    body.as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect()
}

const JOHN: &str = r#"{"id":1,"email":"john_doe@example.com","role":"Student","profile":{"first_name":"John","last_name":"Doe","photo":null}}"#;
const JANE: &str = r#"{"id":2,"email":"jane_smith@example.com","role":"Student","profile":{"first_name":"Jane","last_name":"Smith","photo":"https://example.com/jane.jpg"}}"#;

#[track_caller]
fn assert_error(answer: &Answer, sentence: &str) {
    assert_eq!((answer.status, &answer.body), (400, &json!({ "error": sentence })));
}

#[test]
fn a_chat_has_the_documents_keys_in_the_documents_order() {
    let world = world();
    let chat = format!(
        r#"{{"id":{},"participants":[{JOHN},{JANE}],"created_at":"2024-12-25T10:30:00.000000Z"}}"#,
        world.room
    );
    let shown = world.get(1, &format!("{CHATS}{}/", world.room));
    assert_eq!((shown.status, &shown.text), (200, &chat));
    let list = world.get(2, CHATS);
    assert_eq!((list.status, list.text), (200, format!("[{chat}]")));
    assert_eq!(list.headers["content-type"], "application/json");
}

#[test]
fn the_chats_come_newest_activity_first_and_without_inactive_ones() {
    let mut world = world();
    let group = world.group("Seminar", &[1, 2, 3]);
    let closed = world.group("Closed", &[1, 2]);
    now(world.chat.acting_as("1").set_active(closed, false)).unwrap();
    world.advance_secs(1);
    world.say(1, world.room, "hello");
    let ids = |world: &World, user| -> Vec<u64> {
        let body = world.get(user, CHATS).body;
        body.as_array().unwrap().iter().map(|chat| chat["id"].as_u64().unwrap()).collect()
    };
    let (room, other) = (world.room.get(), world.other_room.get());
    assert_eq!(ids(&world, 1), [room, group.get(), other]);
    assert_eq!(world.get(4, CHATS).text, "[]");
    assert_eq!(world.get(1, &format!("{CHATS}{closed}/")).status, 200, "members see it by its id");
    let refused = world.post(1, &messages(closed), &json!({ "content": "late" }));
    assert_eq!(fields(&refused)["non_field_errors"].as_array().unwrap().len(), 1);
}

#[test]
fn a_long_list_of_chats_has_each_once_while_chats_move() {
    let mut world = world();
    let rooms: Vec<_> = (0..250).map(|n| world.group(&format!("Room {n}"), &[4, 3])).collect();
    let mut pieces = world.stream(4, CHATS);
    let mut text = now(pieces.next()).unwrap().unwrap().to_vec();
    world.say(4, rooms[3], "to the front");
    now(world.chat.acting_as("4").leave(rooms[249])).unwrap();
    now(world.chat.acting_as("4").leave(rooms[248])).unwrap();
    world.group("New", &[4]);
    while let Some(piece) = now(pieces.next()) {
        text.extend(piece.unwrap());
    }
    let body: Value = serde_json::from_slice(&text).unwrap();
    let mut ids: Vec<_> =
        body.as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "each once");
    assert!(rooms.iter().all(|room| ids.contains(&room.get())), "none is missing");
}

#[test]
fn a_message_has_the_documents_keys_in_the_documents_order() {
    let mut world = world();
    world.advance_secs(5);
    let sent = world.post(2, &messages(world.room), &json!({ "content": " Hello, <b>you</b>! " }));
    let id = sent.body["id"].as_u64().unwrap();
    let message = |is_read: bool| {
        format!(
            r#"{{"id":{id},"sender":{JANE},"content":" Hello, <b>you</b>! ","timestamp":"2024-12-25T10:30:05.000000Z","is_read":{is_read}}}"#
        )
    };
    assert_eq!((sent.status, &sent.text), (201, &message(false)));
    let path = format!("/chat/messages/{id}/read/");
    for (user, is_read) in [(2, false), (1, true), (1, true)] {
        let marked = world.ask(user, "PATCH", &path, &[], "");
        assert_eq!((marked.status, &*marked.text), (200, r#"{"status":"marked as read"}"#));
        assert_eq!(world.get(1, &messages(world.room)).text, format!("[{}]", message(is_read)));
    }
}

#[test]
fn marking_one_message_marks_no_other_and_only_for_members() {
    let mut world = world();
    let first = world.say(2, world.room, "first");
    let second = world.say(2, world.room, "second");
    let gone = world.say(2, world.room, "gone");
    let gone_id = MessageId::new(gone).unwrap();
    now(world.chat.acting_as("2").delete(world.room, gone_id)).unwrap();
    let mark =
        |user, id: &str| world.ask(user, "PATCH", &format!("/chat/messages/{id}/read/"), &[], "");
    assert_eq!(mark(1, &second.to_string()).status, 200);
    let read: Vec<_> = world.get(1, &messages(world.room)).body.as_array().unwrap().clone();
    let read: Vec<_> = read.iter().map(|it| (it["id"].clone(), it["is_read"].clone())).collect();
    assert_eq!(read, [(json!(first), json!(false)), (json!(second), json!(true))]);
    for (user, id) in [(3, first.to_string()), (1, gone.to_string()), (1, "999999".into())] {
        assert_detail(&mark(user, &id), 404);
    }
    for id in ["0", "01", "-1", "x", "281474976710656", "99999999999999999999"] {
        assert_detail(&mark(1, id), 404);
    }
}

#[test]
fn the_messages_are_oldest_first_and_can_be_narrowed() {
    let mut world = world();
    let ids: Vec<u64> =
        (0..230).map(|number| world.say(1, world.room, &number.to_string())).collect();
    let get = |query: &str| world.get(2, &format!("{}{query}", messages(world.room))).body;
    let range = |from: usize, to: usize| (from..to).map(|n| n.to_string()).collect::<Vec<_>>();
    for (query, from, to) in [
        (String::new(), 0, 230),
        ("?limit=3".into(), 227, 230),
        ("?limit=230".into(), 0, 230),
        ("?limit=99999999999999999999".into(), 0, 230),
        ("?limit=0".into(), 0, 230),
        ("?limit=-1&before=".into(), 0, 230),
        ("?limit=x&before=x".into(), 0, 230),
        (format!("?before={}", ids[5]), 0, 5),
        (format!("?before={}&limit=2", ids[5]), 3, 5),
        (format!("?before={}&limit=150", ids[200]), 50, 200),
        (format!("?before={}", ids[0]), 0, 0),
        ("?before=99999999999999999999".into(), 0, 230),
    ] {
        assert_eq!(contents(&get(&query)), range(from, to), "{query}");
    }
    now(world.chat.acting_as("1").delete(world.room, MessageId::new(ids[228]).unwrap())).unwrap();
    assert_eq!(contents(&get("?limit=2")), ["227", "229"]);
}

#[test]
fn messages_are_read_as_the_client_takes_them_up_to_the_newest_at_the_beginning() {
    let mut world = world();
    let ids: Vec<u64> =
        (0..300).map(|number| world.say(1, world.room, &number.to_string())).collect();
    let mut pieces = world.stream(2, &messages(world.room));
    let mut text = now(pieces.next()).unwrap().unwrap().to_vec();
    let start = String::from_utf8(text.clone()).unwrap();
    assert!(start.matches("\"content\"").count() < 150, "not everything at once");
    world.say(1, world.room, "later");
    for id in &ids[150..] {
        now(world.chat.acting_as("1").delete(world.room, MessageId::new(*id).unwrap())).unwrap();
    }
    while let Some(piece) = now(pieces.next()) {
        text.extend(piece.unwrap());
    }
    let expected: Vec<_> = (0..150).map(|number| number.to_string()).collect();
    assert_eq!(contents(&serde_json::from_slice(&text).unwrap()), expected);
}

#[test]
fn a_store_that_goes_down_cuts_the_array_and_says_so_where_it_can() {
    let mut world = world();
    for number in 0..300 {
        world.say(1, world.room, &number.to_string());
    }
    let mut pieces = world.stream(2, &messages(world.room));
    now(pieces.next()).unwrap().unwrap();
    world.store.set_down(true);
    assert!(now(pieces.next()).unwrap().is_err());
    assert!(now(pieces.next()).is_none(), "an array that is cut has no end");
    for path in [CHATS.to_owned(), messages(world.room)] {
        let answer = world.get(2, &path);
        assert_detail(&answer, 503);
        assert!(answer.headers.contains_key("retry-after"));
    }
}

#[test]
fn sending_twice_with_a_key_stores_once() {
    let world = world();
    let send = |key: &str, content: &str| {
        let body = json!({ "content": content }).to_string();
        world.ask(1, "POST", &messages(world.room), &[("idempotency-key", key)], &body)
    };
    let first = send("k", "once");
    let again = send("k", "once");
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.text, again.text);
    assert_detail(&send("k", "other"), 409);
    assert_eq!(send("", "x").status, 400);
    assert_eq!(contents(&world.get(2, &messages(world.room)).body), ["once"]);
}

#[test]
fn a_400_maps_fields_to_sentences() {
    let world = world();
    let post = |body: &str| world.ask(1, "POST", &messages(world.room), &[], body);
    for (body, field, sentence) in [
        ("{}", "content", "This field is required."),
        (r#"{"content":null}"#, "content", "This field may not be null."),
        (r#"{"content":5}"#, "content", "Not a valid string."),
        (r#"{"content":" "}"#, "content", "This field may not be blank."),
        (r#"{"content":"a\u0000"}"#, "content", "Null characters are not allowed."),
        ("[]", "non_field_errors", "Invalid data. Expected a dictionary."),
    ] {
        assert_eq!(fields(&post(body)), json!({ field: [sentence] }), "{body}");
    }
    let long = json!({ "content": "x".repeat(10_001) }).to_string();
    assert!(fields(&post(&long))["content"].is_array());
    assert_eq!(post(&json!({ "content": "x".repeat(10_000) }).to_string()).status, 201);
}

#[test]
fn what_is_not_ones_own_does_not_exist() {
    let mut world = world();
    let name = RoomName::parse("Open").unwrap();
    let public =
        world.chat.acting_as("1").create_room(RoomKind::Public, name, Vec::new()).now_or_never();
    let public = public.unwrap().unwrap();
    let message = world.say(1, public, "hello");
    for path in [
        format!("{CHATS}{}/", world.room),
        format!("{CHATS}{public}/"),
        messages(world.room),
        messages(public),
        format!("{CHATS}999/"),
        format!("{CHATS}x/"),
        messages(RoomId::new(999).unwrap()),
    ] {
        assert_detail(&world.get(4, &path), 404);
    }
    assert_detail(&world.post(4, &messages(public), &json!({ "content": "x" })), 404);
    let read = format!("/chat/messages/{message}/read/");
    assert_detail(&world.ask(4, "PATCH", &read, &[], ""), 404);
}

#[test]
fn a_status_is_known_once_a_user_has_opened_a_socket() {
    let mut world = world();
    let status = |world: &World, id: &str| world.get(1, &format!("/chat/users/{id}/status/"));
    for id in ["2", "99", "nobody", "%00", "%ff"] {
        assert_detail(&status(&world, id), 404);
    }
    let jane = world.open(2);
    let shown = status(&world, "2");
    let expected = r#"{"is_online":true,"last_seen":"2024-12-25T10:30:00.000000Z"}"#;
    assert_eq!((shown.status, &*shown.text), (200, expected));
    assert_eq!(status(&world, "%32").status, 200, "a path is percent-encoded");
    world.advance_secs(7);
    world.leave(jane);
    let expected = r#"{"is_online":false,"last_seen":"2024-12-25T10:30:07.000000Z"}"#;
    assert_eq!(status(&world, "2").text, expected);
}

#[test]
fn starting_a_chat_finds_the_one_that_stands() {
    let world = world();
    let made = world.post(4, START, &json!({ "user_id": 2 }));
    assert_eq!(made.status, 201);
    let people: Vec<_> = made.body["participants"].as_array().unwrap().iter().collect();
    assert_eq!((&people[0]["id"], &people[1]["id"]), (&json!(4), &json!(2)));
    for (user, other) in [(4, json!(2)), (2, json!("4")), (2, json!(4))] {
        let again = world.post(user, START, &json!({ "user_id": other }));
        assert_eq!((again.status, &again.text), (200, &made.text));
    }
}

#[test]
fn every_400_of_start_is_one_sentence() {
    let world = world();
    let start = |body: &str| world.ask(1, "POST", START, &[], body);
    assert_error(&start("{}"), "user_id is required");
    assert_error(&start(""), "user_id is required");
    assert_error(&start(r#"{"user_id":1}"#), "This cannot be done with oneself.");
    for body in [
        r#"{"user_id":null}"#,
        r#"{"user_id":true}"#,
        r#"{"user_id":1.5}"#,
        r#"{"user_id":""}"#,
        r#"{"user_id":"a\u0000"}"#,
        r#"{"user_id":[1]}"#,
        "[1]",
        "nonsense",
    ] {
        let answer = start(body);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
        assert!(answer.body["error"].is_string());
    }
    for body in [r#"{"user_id":99}"#, r#"{"user_id":"nobody"}"#] {
        assert_detail(&start(body), 404);
    }
}

#[test]
fn a_word_of_a_path_wins_over_an_id() {
    let world = world();
    for (method, path, allow) in [
        ("GET", START, "POST"),
        ("DELETE", CHATS, "GET, HEAD"),
        ("PUT", "/chat/chats/1/messages/", "GET, POST, HEAD"),
        ("GET", "/chat/messages/1/read/", "PATCH"),
        ("POST", "/chat/users/1/status/", "GET, HEAD"),
    ] {
        let answer = world.ask(1, method, path, &[], "");
        assert_detail(&answer, 405);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    assert_eq!(world.get(1, "/chat/chats").status, 200);
    assert_eq!(world.ask(1, "POST", "/chat/chats/start", &[], "{}").status, 400);
}

#[test]
fn nobody_is_let_in_without_credentials() {
    let world = world();
    for endpoint in CAMPUS.endpoints {
        let path = endpoint.path.replace("{id}", "1");
        let bare =
            common::request(endpoint.method.as_str(), &path, common::headers(&[]), Vec::new());
        let answer = world.dispatch(bare);
        assert_detail(&answer, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}
