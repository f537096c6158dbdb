//! What messenger's endpoints answer: bodies, pages, links, idempotency keys.

mod common;

use chat_core::model::MessageId;
use common::{
    HEALTH, MESSAGES, ROOMS, STATS, World, assert_detail, assert_shape, endpoints, fields, headers,
    now, request, response,
};
use http::HeaderValue;
use serde_json::{Value, json};

fn send(world: &World, user: u64, content: &str) -> Value {
    let answer =
        world.post(user, MESSAGES, &json!({ "room": world.room.get(), "content": content }));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
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
    let id = MessageId::new(gone).unwrap();
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
    let id = first.body["id"].as_u64().and_then(MessageId::new).unwrap();
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
fn an_idempotency_key_is_utf_8() {
    let world = World::new();
    let body = json!({ "room": world.room.get(), "content": "x" }).to_string();
    for key in [&b"\xff"[..], b"k\xc3", b"\xed\xa0\x80"] {
        let bearer = format!("Bearer {}", world.token(1));
        let mut headers = headers(&[("authorization", &bearer)]);
        headers.insert("idempotency-key", HeaderValue::from_bytes(key).unwrap());
        fields(&world.dispatch(request("POST", MESSAGES, headers, vec![body.clone().into()])));
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
    let shorter = path.trim_end_matches('/');
    let unslashed = links("", &format!("{shorter}?page_size=4"));
    assert_eq!(unslashed.0, json!(format!("http://example.com:8080{shorter}?page_size=4&page=2")));
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
        let id = MessageId::new(id).unwrap();
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
