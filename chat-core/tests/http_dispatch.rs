//! Requests through `dispatch`: what is decided before and after an endpoint runs, and the bodies.

mod common;

use bytes::Bytes;
use chat_core::dialect::MESSENGER;
use chat_core::http::{Rejection, drain_response, refuse};
use chat_core::service::Error;
use common::{Answer, World, assert_shape, headers, now, request, response};
use serde_json::{Value, json};

const ROOMS: &str = "/api/v1.0/chat/rooms/";
const MESSAGES: &str = "/api/v1.0/chat/messages/";
const STATS: &str = "/api/v1.0/chat/stats/";
const HEALTH: &str = "/api/v1.0/chat/health-check/";

/// The seven endpoints with the room of 1 and 2.
fn endpoints(world: &World) -> [(&'static str, String); 7] {
    let room = format!("{ROOMS}{}/", world.room);
    [
        ("GET", ROOMS.to_owned()),
        ("GET", room.clone()),
        ("GET", format!("{room}messages/")),
        ("POST", MESSAGES.to_owned()),
        ("GET", STATS.to_owned()),
        ("GET", format!("{room}health/")),
        ("POST", HEALTH.to_owned()),
    ]
}

fn send(world: &World, user: u64, content: &str) -> Value {
    let answer =
        world.post(user, MESSAGES, &json!({ "room": world.room.get(), "content": content }));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

/// Sends any body to where messages are sent.
fn post_raw(world: &World, body: &str) -> Answer {
    world.ask(1, "POST", MESSAGES, &[], body)
}

#[track_caller]
fn assert_detail(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let fields = answer.body.as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["detail"]);
    assert!(answer.body["detail"].is_string());
    assert_eq!(answer.header("content-type"), "application/json");
}

/// The body of a 400: a map from field to sentences.
#[track_caller]
fn fields(answer: &Answer) -> Value {
    assert_eq!(answer.status, 400, "{}", answer.body);
    for sentences in answer.body.as_object().unwrap().values() {
        let sentences = sentences.as_array().unwrap();
        assert!(!sentences.is_empty() && sentences.iter().all(Value::is_string));
    }
    answer.body.clone()
}

#[test]
fn every_body_has_exactly_the_keys_of_the_document() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    let sent = send(&world, 2, "Hey, how are you?");
    assert_shape(&sent, &response(4));
    world.send(john, &json!({ "type": "message_read", "message_id": sent["id"] }));
    world.send(jane, &json!({ "type": "typing_on" }));
    for (number, (method, path)) in (1..).zip(endpoints(&world)) {
        if number != 4 {
            let answer = world.ask(1, method, &path, &[], "");
            assert_eq!(answer.status, 200, "{path}");
            assert_shape(&answer.body, &response(number));
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

#[test]
fn the_list_of_rooms_says_what_the_document_says() {
    let mut world = World::new();
    let jane = world.open(2);
    world.advance_secs(60);
    let id = send(&world, 2, "Hey, how are you?")["id"].clone();
    world.leave(jane);
    let body = world.get(1, ROOMS).body;
    let person = |id: u64, username: &str, name: &str, last_seen: Value| {
        json!({
            "id": id,
            "username": username,
            "display_name": name,
            "imageUrls": [format!("https://example.com/avatar{id}.jpg")],
            "is_online": false,
            "last_seen": last_seen,
        })
    };
    let john = person(1, "john_doe", "John Doe", Value::Null);
    let jane = person(2, "jane_smith", "Jane Smith", json!("2024-12-25T10:31:00.000000Z"));
    let expected = json!({
        "id": world.room.get(),
        "participant1": john,
        "participant2": jane,
        "other_participant": jane,
        "match": 123,
        "last_message": {
            "id": id,
            "content": "Hey, how are you?",
            "sender_id": 2,
            "status": "sent",
            "created_at": "2024-12-25T10:31:00.000000Z",
        },
        "unread_count": 1,
        "typing_users": [],
        "created_at": "2024-12-25T10:30:00.000000Z",
    });
    assert_eq!(body["results"][0], expected, "the room with the newest activity is first");
    assert_eq!(body["count"], 2);
    assert_eq!(world.get(1, &format!("{ROOMS}{}/", world.room)).body, expected);
    let other = &body["results"][1];
    assert_eq!((&other["match"], &other["last_message"]), (&Value::Null, &Value::Null));
    assert_eq!(world.get(2, ROOMS).body["results"][0]["other_participant"]["id"], 1);
    assert_eq!(world.get(2, ROOMS).body["results"][0]["participant1"]["id"], 1);
}

#[test]
fn a_message_goes_from_sent_over_delivered_to_read() {
    let mut world = World::new();
    let jane = world.open(2);
    let sent = send(&world, 1, "Hello there!");
    let expected = json!({
        "id": sent["id"],
        "room": world.room.get(),
        "sender": sent["sender"],
        "content": "Hello there!",
        "status": "sent",
        "status_display": "Sent",
        "sent_at": "2024-12-25T10:30:00.000000Z",
        "delivered_at": null,
        "read_at": null,
        "is_read": false,
        "created_at": "2024-12-25T10:30:00.000000Z",
        "updated_at": "2024-12-25T10:30:00.000000Z",
    });
    assert_eq!(sent, expected);
    let path = format!("{ROOMS}{}/messages/", world.room);
    for (second, kind, status) in [(1, "delivered", "Delivered"), (2, "read", "Read")] {
        world.advance_secs(1);
        world.send(jane, &json!({ "type": format!("message_{kind}"), "message_id": sent["id"] }));
        let message = world.get(1, &path).body["results"][0].clone();
        let at = json!(format!("2024-12-25T10:30:0{second}.000000Z"));
        assert_eq!(
            (&message["status"], &message["status_display"]),
            (&json!(kind), &json!(status))
        );
        assert_eq!((&message[format!("{kind}_at")], &message["updated_at"]), (&at, &at));
        assert_eq!(message["is_read"], json!(kind == "read"));
    }
    assert_eq!(
        world.get(1, &path).body["results"][0]["delivered_at"],
        "2024-12-25T10:30:01.000000Z"
    );
}

#[test]
fn stats_and_health_count_the_messages_of_a_day() {
    let mut world = World::new();
    send(&world, 1, "yesterday");
    world.advance_secs(86_400);
    let gone = send(&world, 1, "to be deleted")["id"].as_u64().unwrap();
    send(&world, 2, "today");
    let id = chat_core::model::MessageId::new(gone).unwrap();
    now(world.chat.acting_as("1").delete(world.room, id)).unwrap();
    let stats = world.get(1, STATS).body;
    let counts = ["user_id", "total_rooms", "active_rooms_today", "recent_messages_24h"];
    assert_eq!(counts.map(|name| stats[name].as_u64().unwrap()), [1, 2, 1, 2]);
    assert_eq!(stats["channel_layer_status"], "available");
    let health = world.get(2, &format!("{ROOMS}{}/health/", world.room)).body;
    let expected = json!({
        "room_id": world.room.get(),
        "group_name": format!("chat_{}", world.room),
        "health_check_sent": true,
        "recent_messages_count": 2,
        "timestamp": "2024-12-26T10:30:00.000000Z",
    });
    assert_eq!(health, expected);
    let broadcast = world.ask(1, "POST", HEALTH, &[], "").body;
    assert_eq!(
        (&broadcast["health_checks_sent"], &broadcast["total_rooms"]),
        (&json!(2), &json!(2))
    );
}

#[test]
fn an_unknown_path_is_404_before_anybody_is_asked_who_they_are() {
    let world = World::new();
    for path in [
        "/",
        "/api/",
        "/api/v1.0/chat/",
        "/api/v1.0/chat/room/",
        "/api/v1.0/chat/rooms//",
        "/api/v1.0/chat//rooms/",
        "//api/v1.0/chat/rooms/",
        "/api/v1.0/chat/rooms/1/messages/1/",
        "/api/v1.0/chat/Rooms/",
        "/api/v1.0/chat/rooms/1/messages//",
        "/api/v1.0/chat/rooms//messages/",
        "/api/v1.0/chat/stats/1/",
        "/api/v1.0/chat/../chat/rooms/",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let nobody = world.dispatch(request(method, path, headers(&[]), Vec::new()));
            assert_detail(&nobody, 404);
        }
    }
}

#[test]
fn who_asks_comes_before_the_method_and_the_body() {
    let world = World::new();
    for (_, path) in endpoints(&world) {
        for method in ["GET", "POST", "PATCH"] {
            let nobody = world.dispatch(request(method, &path, headers(&[]), Vec::new()));
            assert_detail(&nobody, 401);
            assert_eq!(nobody.header("www-authenticate"), "Bearer");
        }
    }
    let huge = [("content-length", "9999999999"), ("content-type", "text/plain")];
    let nobody = world.dispatch(request("POST", MESSAGES, headers(&huge), Vec::new()));
    assert_detail(&nobody, 401);
}

#[test]
fn another_method_is_405_and_names_those_that_are_allowed() {
    let world = World::new();
    for (allowed, path) in endpoints(&world) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"] {
            let fits = method == allowed || (allowed == "GET" && method == "HEAD");
            if !fits {
                let answer = world.ask(1, method, &path, &[], "");
                assert_detail(&answer, 405);
                let expected = if allowed == "GET" { "GET, HEAD" } else { "POST" };
                assert_eq!(answer.header("allow"), expected, "{method} {path}");
            }
        }
    }
}

#[test]
fn head_answers_like_get() {
    let world = World::new();
    for (method, path) in endpoints(&world) {
        if method == "GET" {
            let (head, get) = (world.ask(1, "HEAD", &path, &[], ""), world.get(1, &path));
            assert_eq!((head.status, head.headers), (200, get.headers), "{path}");
        }
    }
    assert_eq!(world.ask(1, "HEAD", &format!("{ROOMS}999/"), &[], "").status, 404);
}

#[test]
fn every_path_works_with_and_without_the_trailing_slash() {
    let world = World::new();
    let body = json!({ "room": world.room.get(), "content": "x" }).to_string();
    for (method, path) in endpoints(&world) {
        let body = if path == MESSAGES { &body } else { "" };
        let with = world.ask(1, method, &path, &[], body).status;
        let without = world.ask(1, method, path.trim_end_matches('/'), &[], body).status;
        assert_eq!(
            (with, without),
            if path == MESSAGES { (201, 201) } else { (200, 200) },
            "{path}"
        );
    }
}

#[test]
fn an_id_of_the_wrong_form_or_of_a_foreign_room_is_404() {
    let world = World::new();
    let foreign = world.direct_room(3, 4).to_string();
    let wrong = [
        "0",
        "01",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x1",
        "abc",
        "%31",
        "%20",
        "1%00",
        "1;",
        "~",
        "281474976710656",
        "9223372036854775808",
        "18446744073709551616",
        "%D9%A1",
        "null",
    ];
    let mut bodies = Vec::new();
    for id in wrong.into_iter().chain([foreign.as_str(), "281474976710655", "999"]) {
        for tail in ["", "messages/", "health/"] {
            let answer = world.get(1, &format!("{ROOMS}{id}/{tail}"));
            assert_detail(&answer, 404);
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "ids cannot be probed");
}

#[test]
fn rooms_of_other_kinds_do_not_exist() {
    let world = World::new();
    let name = chat_core::rules::RoomName::parse("General").unwrap();
    let kind = chat_core::model::RoomKind::Public;
    let room = now(world.chat.acting_as("1").create_room(kind, name, vec![2.into()])).unwrap();
    assert_eq!(world.get(1, ROOMS).body["count"], 2);
    for tail in ["", "messages/", "health/"] {
        assert_detail(&world.get(1, &format!("{ROOMS}{room}/{tail}")), 404);
    }
    assert_detail(&world.post(1, MESSAGES, &json!({ "room": room.get(), "content": "x" })), 404);
    assert_eq!(world.get(1, STATS).body["total_rooms"], 2);
}

#[test]
fn nobody_else_is_let_in() {
    let world = World::new();
    let token = world.token(1);
    let bearer = format!("Bearer {token}");
    let unknown = format!("Bearer {}", world.token(99));
    let expired = format!("Bearer {}", world.token_until(1, -30));
    let cookie = format!("sessionid={token}");
    let protocol = format!("bearer, {token}");
    let cases: [(&str, &[(&str, &str)]); 8] = [
        (ROOMS, &[]),
        (ROOMS, &[("authorization", &token)]),
        (ROOMS, &[("authorization", &unknown)]),
        (ROOMS, &[("authorization", &expired)]),
        (ROOMS, &[("cookie", &cookie)]),
        (ROOMS, &[("sec-websocket-protocol", &protocol)]),
        (&format!("{ROOMS}?token={token}"), &[("cookie", &cookie)]),
        (&format!("{ROOMS}?token={token}"), &[("authorization", "Token nonsense")]),
    ];
    let mut bodies = Vec::new();
    for (uri, given) in cases {
        let answer = world.dispatch(request("GET", uri, headers(given), Vec::new()));
        assert_detail(&answer, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    let right = headers(&[("authorization", &bearer), ("cookie", "sessionid=nonsense")]);
    let uri = format!("{ROOMS}?token=nonsense");
    assert_eq!(world.dispatch(request("GET", &uri, right, Vec::new())).status, 200);
}

#[test]
fn a_store_that_is_down_is_503_with_retry_after() {
    let world = World::new();
    world.store.set_down(true);
    let body = json!({ "room": world.room.get(), "content": "x" }).to_string();
    for (method, path) in endpoints(&world) {
        let answer = world.ask(1, method, &path, &[], if path == MESSAGES { &body } else { "" });
        assert_detail(&answer, 503);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    assert_detail(&world.get(1, "/nowhere/"), 404);
    assert_detail(&world.ask(1, "PUT", ROOMS, &[], ""), 405);
}

#[test]
fn draining_and_throttling_say_when_to_come_again() {
    let drained = Answer::new(drain_response());
    assert_detail(&drained, 503);
    assert_eq!((drained.header("retry-after"), drained.header("connection")), ("1", "close"));
    let limited = Error::Limited { retry_after: std::time::Duration::from_secs(7) };
    let limited = Answer::new(refuse(MESSENGER, &Rejection::Chat(limited)));
    assert_detail(&limited, 429);
    assert_eq!(limited.header("retry-after"), "7");
}

#[test]
fn a_body_that_is_announced_or_comes_too_large_is_413() {
    let world = World::new();
    let limit = world.chat.config().body_limit;
    let token = format!("Bearer {}", world.token(1));
    let base = [("authorization", token.as_str()), ("content-type", "application/json")];
    let post = |more: &[(&str, &str)], pieces: Vec<Bytes>| {
        let mut all = headers(&base);
        all.extend(headers(more));
        world.dispatch(request("POST", MESSAGES, all, pieces))
    };
    let announced = |length: usize| post(&[("content-length", &length.to_string())], Vec::new());
    assert_detail(&announced(limit + 1), 413);
    assert_detail(&announced(usize::MAX), 413);
    assert_eq!(announced(limit).status, 400);

    let body = |size: usize| {
        let json = json!({ "room": world.room.get(), "content": "x" }).to_string();
        json + &" ".repeat(size)
    };
    let sized = |size: usize| {
        let text = body(size - body(0).len());
        text.as_bytes().chunks(1_000).map(Bytes::copy_from_slice).collect::<Vec<_>>()
    };
    assert_eq!(post(&[], sized(limit)).status, 201);
    assert_detail(&post(&[], sized(limit + 1)), 413);
    assert_detail(&post(&[("content-length", "10")], sized(limit + 1)), 413);
}

#[test]
fn an_endpoint_without_a_body_does_not_look_at_one() {
    let world = World::new();
    let large = [("content-length", "99999999"), ("content-type", "text/plain")];
    assert_eq!(world.ask(1, "POST", HEALTH, &large, "nonsense").status, 200);
    assert_eq!(world.ask(1, "GET", ROOMS, &large, "nonsense").status, 200);
}

#[test]
fn only_json_is_taken_as_json() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(1));
    let body = json!({ "room": world.room.get(), "content": "x" }).to_string();
    let post = |media: Option<&str>| {
        let mut all = headers(&[("authorization", &token)]);
        if let Some(media) = media {
            all.extend(headers(&[("content-type", media)]));
        }
        world.dispatch(request("POST", MESSAGES, all, vec![Bytes::from(body.clone())]))
    };
    for media in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        "application/vnd.api+json",
    ] {
        assert_eq!(post(Some(media)).status, 201, "{media}");
    }
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "json",
        "",
        "application/xml; application/json",
    ] {
        assert_detail(&post(Some(media)), 415);
    }
    assert_eq!(post(None).status, 201);
}

#[test]
fn a_400_maps_fields_to_sentences() {
    let world = World::new();
    let room = world.room.get();
    let required = json!(["This field is required."]);
    let of = |body: &Value| fields(&world.post(1, MESSAGES, body));
    assert_eq!(of(&json!({ "room": room })), json!({ "content": required }));
    assert_eq!(of(&json!({ "content": "x" })), json!({ "room": required }));
    assert_eq!(of(&json!({})), json!({ "content": required, "room": required }));
    let blank = json!({ "content": ["This field may not be blank."] });
    for content in ["", " ", "\n\t\u{3000}"] {
        assert_eq!(of(&json!({ "room": room, "content": content })), blank);
    }
    for content in [json!(null), json!(1), json!([]), json!({}), json!(true), json!("a\0b")] {
        let problems = of(&json!({ "room": room, "content": content }));
        assert_eq!(problems.as_object().unwrap().keys().collect::<Vec<_>>(), ["content"]);
    }
    let too_long = json!({ "content": ["Ensure this field has no more than 1000 characters."] });
    assert_eq!(of(&json!({ "room": room, "content": "é".repeat(1_001) })), too_long);
    assert_eq!(send(&world, 1, &"é".repeat(1_000))["content"], "é".repeat(1_000));
    for wrong in
        [json!(null), json!("1"), json!(1.0), json!(1.5), json!([1]), json!({}), json!(true)]
    {
        let problems = of(&json!({ "room": wrong, "content": "x" }));
        assert_eq!(problems.as_object().unwrap().keys().collect::<Vec<_>>(), ["room"], "{wrong}");
    }
}

#[test]
fn a_body_that_is_no_json_object_is_wrong_as_a_whole() {
    let world = World::new();
    let deep = "[".repeat(100_000);
    let deep_field = format!(r#"{{"room":1,"content":{deep}"#);
    for body in [
        "nonsense",
        " ",
        "{",
        "[]",
        "1",
        "\"x\"",
        "null",
        "true",
        "[{}]",
        "{} {}",
        "{'room': 1}",
        "\u{feff}{}",
        "\0",
        r#"{"content":"\ud800"}"#,
        r#"{"content":"x","room":1e999}"#,
        r#"{"content":"x","room":NaN}"#,
        &deep,
        &deep_field,
    ] {
        let problems = fields(&post_raw(&world, body));
        let keys: Vec<_> = problems.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["non_field_errors"], "{}", &body[..body.len().min(40)]);
    }
    let token = format!("Bearer {}", world.token(1));
    let given = headers(&[("authorization", &token), ("content-type", "application/json")]);
    let bytes = Bytes::from_static(b"{\"content\":\"\xff\"}");
    let answer = world.dispatch(request("POST", MESSAGES, given, vec![bytes]));
    assert!(fields(&answer)["non_field_errors"].is_array());
}

#[test]
fn a_message_to_a_room_that_is_not_ones_own_is_404() {
    let world = World::new();
    let foreign = world.direct_room(3, 4).get();
    for room in
        [json!(foreign), json!(999), json!(0), json!(-1), json!(1_u64 << 48), json!(i64::MAX)]
    {
        assert_detail(&world.post(1, MESSAGES, &json!({ "room": room, "content": "x" })), 404);
    }
    let beyond = r#"{"room":18446744073709551616,"content":"x"}"#;
    assert!((400..500).contains(&post_raw(&world, beyond).status));
}

#[test]
fn unknown_fields_of_a_body_change_nothing() {
    let world = World::new();
    let body = json!({
        "room": world.room.get(), "content": "x", "sender": 2, "sender_id": 2, "status": "read",
        "id": 1, "is_read": true, "created_at": "1999-01-01T00:00:00Z", "message_type": "system",
    });
    let answer = world.post(1, MESSAGES, &body);
    assert_eq!((answer.status, &answer.body["sender"]["id"]), (201, &json!(1)));
    assert_eq!((&answer.body["status"], &answer.body["is_read"]), (&json!("sent"), &json!(false)));
    assert_eq!(answer.body["created_at"], "2024-12-25T10:30:00.000000Z");
}

#[test]
fn an_idempotency_key_finds_the_first_message_again() {
    let world = World::new();
    let room = world.room.get();
    let post = |user: u64, key: &str, room: u64, content: &str| {
        let body = json!({ "room": room, "content": content }).to_string();
        world.ask(user, "POST", MESSAGES, &[("idempotency-key", key)], &body)
    };
    let first = post(1, "k", room, "hello");
    assert_eq!(first.status, 201);
    let again = post(1, "k", room, "hello");
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_detail(&post(1, "k", room, "other"), 409);
    assert_detail(&post(1, "k", room, "hello "), 409);
    for (user, key, room) in [(1, "K", room), (2, "k", room), (1, "k", world.other_room.get())] {
        assert_eq!(post(user, key, room, "hello").status, 201, "{user} {key} {room}");
    }
    let id = first.body["id"].as_u64().and_then(chat_core::model::MessageId::new).unwrap();
    now(world.chat.acting_as("1").edit(world.room, id, "edited")).unwrap();
    let edited = post(1, "k", room, "hello");
    assert_eq!((edited.status, &edited.body["content"]), (200, &json!("edited")));
    now(world.chat.acting_as("1").delete(world.room, id)).unwrap();
    assert_detail(&post(1, "k", room, "hello"), 409);
}

#[test]
fn an_idempotency_key_has_1_to_200_characters() {
    let world = World::new();
    let body = json!({ "room": world.room.get(), "content": "x" }).to_string();
    let post = |key: &str| world.ask(1, "POST", MESSAGES, &[("idempotency-key", key)], &body);
    for key in ["k", &"k".repeat(200), &"é".repeat(200)] {
        assert_eq!(post(key).status, 201);
        assert_eq!(post(key).status, 200);
    }
    for key in ["", &"k".repeat(201), &"é".repeat(201)] {
        fields(&post(key));
    }
}

#[test]
fn an_idempotency_key_and_a_temp_id_do_not_meet() {
    let mut world = World::new();
    let john = world.open(1);
    let room = world.room;
    let body = json!({ "room": room.get(), "content": "x" }).to_string();
    for key in ["k", "\"k\""] {
        world.ask(1, "POST", MESSAGES, &[("idempotency-key", key)], &body);
    }
    world.send(john, &json!({ "type": "message", "content": "x", "temp_id": "k" }));
    assert_eq!(world.get(1, &format!("{ROOMS}{room}/messages/")).body["count"], 3);
}

#[test]
fn sends_without_a_key_are_different_messages() {
    let world = World::new();
    assert_ne!(send(&world, 1, "x")["id"], send(&world, 1, "x")["id"]);
}

#[test]
fn pages_hold_the_newest_first_and_are_bounded() {
    let world = World::new();
    (0..130).for_each(|number| drop(send(&world, 1, &number.to_string())));
    let path = format!("{ROOMS}{}/messages/", world.room);
    let page = |query: &str| {
        let answer = world.get(1, &format!("{path}{query}"));
        assert_eq!((answer.status, &answer.body["count"]), (200, &json!(130)), "{query}");
        let texts = answer.body["results"].as_array().unwrap().iter();
        let texts: Vec<_> = texts.map(|it| it["content"].as_str().unwrap().to_owned()).collect();
        (texts.len(), texts.first().cloned().unwrap(), texts.last().cloned().unwrap())
    };
    let is = |len, first: &str, last: &str| (len, first.to_owned(), last.to_owned());
    assert_eq!(page(""), is(50, "129", "80"));
    assert_eq!(page("?page=2"), is(50, "79", "30"));
    assert_eq!(page("?page=3"), is(30, "29", "0"));
    assert_eq!(page("?page_size=1"), is(1, "129", "129"));
    assert_eq!(page("?page_size=100&page=2"), is(30, "29", "0"));
    for most in ["100", "101", "1000000", "18446744073709551616"] {
        assert_eq!(page(&format!("?page_size={most}")), is(100, "129", "30"));
    }
    for none in ["", "0", "-1", "abc", "1.5", "1e3", "0x1", "+5", "%00"] {
        assert_eq!(page(&format!("?page_size={none}")), is(50, "129", "80"), "{none}");
    }
    let past = ["4", "0", "-1", "abc", "", "1.0", "1e3", "last", "2147483648", "9007199254740993"];
    let beyond = ["9223372036854775807", "9223372036854775808", "18446744073709551616", "%F0"];
    for number in past.into_iter().chain(beyond) {
        let answer = world.get(1, &format!("{path}?page={number}"));
        assert_eq!(
            (answer.status, answer.body),
            (404, json!({ "detail": "Invalid page." })),
            "{number}"
        );
    }
}

#[test]
fn page_1_of_nothing_is_an_empty_page() {
    let world = World::new();
    let empty = json!({ "count": 0, "next": null, "previous": null, "results": [] });
    assert_eq!(world.get(4, ROOMS).body, empty);
    let messages = world.get(1, &format!("{ROOMS}{}/messages/?page=1", world.room));
    assert_eq!((messages.status, messages.body), (200, empty));
    assert_detail(&world.get(4, &format!("{ROOMS}?page=2")), 404);
}

#[test]
fn links_lead_to_the_neighbours_and_keep_prefix_and_other_parameters() {
    let world = World::new();
    (0..5).for_each(|number| drop(send(&world, 1, &number.to_string())));
    let path = format!("{ROOMS}{}/messages/", world.room);
    let links = |prefix: &str, uri: &str| {
        let bearer = format!("Bearer {}", world.token(1));
        let given = headers(&[("authorization", &bearer), ("host", "example.com:8080")]);
        let mut request = request("GET", uri, given, Vec::new());
        prefix.clone_into(&mut request.prefix);
        let body = world.dispatch(request).body;
        (body["next"].clone(), body["previous"].clone())
    };
    let base = format!("http://example.com:8080{path}");
    assert_eq!(links("", &path), (Value::Null, Value::Null));
    let first = links("", &format!("{path}?page_size=2"));
    assert_eq!(first, (json!(format!("{base}?page_size=2&page=2")), Value::Null));
    let second = links("", &format!("{path}?page=2&page_size=2&x=a%26b&x=c"));
    let kept = "page_size=2&x=a%26b&x=c";
    let expected = (json!(format!("{base}?{kept}&page=3")), json!(format!("{base}?{kept}")));
    assert_eq!(second, expected);
    let third = links("", &format!("{path}?page=3&page_size=2"));
    assert_eq!(third, (Value::Null, json!(format!("{base}?page_size=2&page=2"))));

    let prefixed = links("/messenger", &format!("{path}?page_size=4"));
    let expected = format!("http://example.com:8080/messenger{path}?page_size=4&page=2");
    assert_eq!(prefixed.0, json!(expected));
    let bare = path.trim_end_matches('/');
    let unslashed = links("", &format!("{bare}?page_size=4"));
    assert_eq!(unslashed.0, json!(format!("http://example.com:8080{bare}?page_size=4&page=2")));
}

#[test]
fn the_links_of_a_walk_show_every_message_once() {
    let world = World::new();
    (0..25).for_each(|number| drop(send(&world, 1, &number.to_string())));
    let mut seen = Vec::new();
    let mut next = Some(format!("{ROOMS}{}/messages/?page_size=7", world.room));
    while let Some(uri) = next {
        let body = world.get(1, uri.trim_start_matches("http://example.com")).body;
        let results = body["results"].as_array().unwrap();
        seen.extend(results.iter().map(|it| it["content"].as_str().unwrap().to_owned()));
        next = body["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, (0..25).rev().map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_deleted_message_is_left_out() {
    let world = World::new();
    let gone = send(&world, 2, "gone")["id"].as_u64().unwrap();
    send(&world, 2, "stays");
    let last = send(&world, 2, "gone too")["id"].as_u64().unwrap();
    for id in [gone, last] {
        let id = chat_core::model::MessageId::new(id).unwrap();
        now(world.chat.acting_as("2").delete(world.room, id)).unwrap();
    }
    let messages = world.get(1, &format!("{ROOMS}{}/messages/", world.room)).body;
    assert_eq!(
        (&messages["count"], &messages["results"][0]["content"]),
        (&json!(1), &json!("stays"))
    );
    let room = world.get(1, &format!("{ROOMS}{}/", world.room)).body;
    assert_eq!(
        (&room["last_message"]["content"], &room["unread_count"]),
        (&json!("stays"), &json!(1))
    );
}

#[test]
fn answers_are_not_kept_and_not_sniffed() {
    let world = World::new();
    for answer in
        [world.get(1, ROOMS), world.get(1, "/nowhere/"), world.ask(1, "PUT", ROOMS, &[], "")]
    {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}
