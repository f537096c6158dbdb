//! Requests through `dispatch`: what is decided before and after an endpoint runs, and the bodies.

mod common;

use bytes::Bytes;
use chat_core::dialect::MESSENGER;
use chat_core::http::{Rejection, drain_response, refuse};
use chat_core::service::Error;
use common::{
    Answer, HEALTH, MESSAGES, ROOMS, STATS, World, assert_detail, endpoints, fields, headers, now,
    request,
};
use serde_json::{Value, json};

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
fn answers_are_not_kept_and_not_sniffed() {
    let world = World::new();
    for answer in
        [world.get(1, ROOMS), world.get(1, "/nowhere/"), world.ask(1, "PUT", ROOMS, &[], "")]
    {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[test]
fn the_openapi_document_is_for_anybody_who_asks_with_get() {
    let world = World::new();
    let path = MESSENGER.openapi_path();
    let ask = |method| world.dispatch(request(method, &path, headers(&[]), Vec::new()));
    let answer = ask("GET");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, chat_core::openapi::document(MESSENGER, "/"));
    assert_eq!(ask("HEAD").status, 200);
    let refused = ask("POST");
    assert_detail(&refused, 405);
    assert_eq!(refused.header("allow"), "GET, HEAD");
}
