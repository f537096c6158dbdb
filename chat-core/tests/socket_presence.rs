//! Typing and presence, as messenger's sockets are told them.

mod common;

use std::time::Duration;

use chat_core::Config;
use common::{Peer, World, assert_shape, now, server_frame, two};
use serde_json::{Value, json};

fn say(world: &mut World, peer: Peer, kind: &str) {
    world.send(peer, &json!({ "type": kind }));
}

fn typing_users(world: &World, user: u64) -> Value {
    world.get(user, &format!("/api/v1.0/chat/rooms/{}/", world.room)).body["typing_users"].clone()
}

#[track_caller]
fn assert_typing(world: &mut World, peer: Peer, is_typing: bool) {
    let frame = world.frame(peer);
    assert_shape(&frame, &server_frame("typing"));
    assert_eq!((&frame["type"], &frame["is_typing"]), (&json!("typing"), &json!(is_typing)));
}

#[test]
fn typing_is_told_to_others_of_the_room_only() {
    let (mut world, john, jane) = two();
    let (phone, alex) = (world.open(1), world.open_in(3, world.other_room));
    let elsewhere = world.open_in(2, world.direct_room(2, 3));
    for peer in [john, jane, phone, alex] {
        world.frames(peer);
    }
    say(&mut world, john, "typing_on");
    let expected = json!({
        "type": "typing",
        "user_id": 1,
        "username": "john_doe",
        "is_typing": true,
        "timestamp": "2024-12-25T10:30:00.000000Z",
    });
    assert_eq!(world.frame(jane), expected);
    for peer in [john, phone, alex, elsewhere] {
        world.assert_quiet(peer);
    }
    let user = json!([{ "id": 1, "username": "john_doe", "display_name": "John Doe" }]);
    assert_eq!(typing_users(&world, 2), user);
    assert_eq!(typing_users(&world, 1), json!([]));
    say(&mut world, john, "typing_off");
    assert_typing(&mut world, jane, false);
    world.assert_quiet(phone);
    assert_eq!(typing_users(&world, 2), json!([]));
}

#[test]
fn only_changes_of_typing_are_told() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "typing_off");
    world.assert_quiet(jane);
    say(&mut world, john, "typing_on");
    say(&mut world, john, "typing_on");
    assert_typing(&mut world, jane, true);
    say(&mut world, john, "typing_off");
    say(&mut world, john, "typing_off");
    assert_typing(&mut world, jane, false);
}

#[test]
fn sending_a_message_ends_typing() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "typing_on");
    world.frames(jane);
    world.send(john, &json!({ "type": "message", "content": "hello" }));
    let frames = world.frames(jane);
    assert_eq!(frames.len(), 2);
    assert_eq!((&frames[0]["type"], &frames[0]["is_typing"]), (&json!("typing"), &json!(false)));
    assert_eq!(frames[1]["type"], "message");
    world.advance_secs(29);
    world.assert_quiet(jane);
}

#[test]
fn a_refused_message_does_not_end_typing() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "typing_on");
    world.frames(jane);
    world.send(john, &json!({ "type": "message", "content": "" }));
    world.assert_quiet(jane);
}

#[test]
fn typing_ends_by_itself_after_exactly_30_seconds() {
    let (mut world, john, jane) = two();
    world.advance_secs(1);
    say(&mut world, john, "typing_on");
    world.frames(jane);
    world.advance_secs(29);
    assert_eq!(world.frame(jane)["type"], "ping");
    world.advance(Duration::from_micros(999_999));
    world.assert_quiet(jane);
    assert_eq!(typing_users(&world, 2).as_array().unwrap().len(), 1);
    world.advance(Duration::from_micros(1));
    let frame = world.frame(jane);
    assert_eq!((&frame["type"], &frame["is_typing"]), (&json!("typing"), &json!(false)));
    assert_eq!(frame["timestamp"], "2024-12-25T10:30:31.000000Z");
    assert_eq!(typing_users(&world, 2), json!([]));
}

#[test]
fn typing_again_prolongs_it() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "typing_on");
    assert_typing(&mut world, jane, true);
    world.advance_secs(20);
    say(&mut world, john, "typing_on");
    world.advance(Duration::from_micros(29_999_999));
    let frames = world.frames(jane);
    assert!(frames.iter().all(|frame| frame["type"] != "typing"), "{frames:?}");
    world.advance(Duration::from_micros(1));
    assert_typing(&mut world, jane, false);
}

#[test]
fn typing_again_at_the_moment_it_ends_is_told_as_a_change_or_not_at_all() {
    let (mut world, john, jane) = two();
    say(&mut world, john, "typing_on");
    assert_typing(&mut world, jane, true);
    // Whoever ends what is over has not been woken yet.
    world.time.advance(Duration::from_secs(30));
    say(&mut world, john, "typing_on");
    let mut told = vec![true];
    told.extend(world.frames(jane).iter().map(|frame| frame["is_typing"].as_bool().unwrap()));
    world.advance_secs(31);
    let frames = world.frames(jane);
    let typing = frames.iter().filter(|frame| frame["type"] == "typing");
    told.extend(typing.map(|frame| frame["is_typing"].as_bool().unwrap()));
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
    assert_eq!(told.last(), Some(&false));
}

#[test]
fn how_long_typing_lasts_is_configurable() {
    let mut config = Config::default();
    config.typing_limit = Duration::from_secs(5);
    let mut world = World::with_config(config);
    let (john, jane) = (world.open(1), world.open(2));
    say(&mut world, john, "typing_on");
    world.frames(jane);
    world.advance_secs(5);
    assert_typing(&mut world, jane, false);
}

#[test]
fn typing_ends_when_the_last_socket_in_the_room_closes() {
    let (mut world, john, jane) = two();
    let (phone, elsewhere) = (world.open(1), world.open_in(1, world.other_room));
    say(&mut world, phone, "typing_on");
    assert_typing(&mut world, jane, true);
    world.leave(phone);
    world.assert_quiet(jane);
    world.leave(john);
    assert_typing(&mut world, jane, false);
    world.assert_quiet(elsewhere);
}

#[test]
fn presence_is_told_when_the_first_socket_opens_and_the_last_one_closes() {
    let mut world = World::new();
    let jane = world.open(2);
    world.advance_secs(5);
    let john = world.open(1);
    let came = world.frame(jane);
    assert_shape(&came, &server_frame("user_status_change"));
    let expected = json!({
        "type": "user_status_change",
        "user_id": 1,
        "username": "john_doe",
        "is_online": true,
        "last_seen": "2024-12-25T10:30:05.000000Z",
    });
    assert_eq!(came, expected);
    let phone = world.open(1);
    let elsewhere = world.open_in(1, world.other_room);
    world.assert_quiet(jane);

    world.leave(john);
    world.leave(phone);
    world.assert_quiet(jane);
    world.advance_secs(5);
    world.leave(elsewhere);
    let went = world.frame(jane);
    assert_eq!(went["is_online"], false);
    assert_eq!(went["last_seen"], "2024-12-25T10:30:10.000000Z");
}

#[test]
fn presence_is_told_in_rooms_that_are_shared_and_never_to_oneself() {
    let (mut world, john, jane) = two();
    let alex = world.open_in(3, world.other_room);
    let stranger = world.open_in(4, world.direct_room(3, 4));
    let phone = world.open_in(1, world.other_room);
    for peer in [john, jane, alex, stranger, phone] {
        world.frames(peer);
    }
    world.leave(john);
    world.leave(phone);
    assert_eq!(world.frame(jane)["user_id"], 1);
    assert_eq!(world.frame(alex)["user_id"], 1);
    world.assert_quiet(stranger);
    let again = world.open(1);
    world.assert_quiet(again);
    assert_eq!(world.frame(alex)["is_online"], true, "wherever the socket opened");
}

#[test]
fn presence_over_http_is_that_of_the_sockets() {
    let mut world = World::new();
    let person = |world: &World| {
        let room = world.get(1, &format!("/api/v1.0/chat/rooms/{}/", world.room)).body;
        let other = &room["other_participant"];
        (other["is_online"].clone(), other["last_seen"].clone())
    };
    let at = |second: &str| json!(format!("2024-12-25T10:30:{second}.000000Z"));
    world.get(2, "/api/v1.0/chat/rooms/");
    assert_eq!(person(&world), (json!(false), Value::Null));
    let jane = world.open(2);
    assert_eq!(person(&world), (json!(true), at("00")));
    world.advance_secs(7);
    world.send(jane, &json!({ "type": "pong" }));
    world.advance_secs(7);
    assert_eq!(person(&world), (json!(true), at("07")));
    world.leave(jane);
    assert_eq!(person(&world), (json!(false), at("14")));
}

#[test]
fn a_socket_that_is_closed_by_us_takes_its_user_offline_too() {
    let (mut world, john, jane) = two();
    world.input(john, chat_core::socket::Input::Broken(chat_core::socket::Close::BINARY));
    assert_eq!(world.closed(john), Some(1003));
    assert_eq!(world.frame(jane)["is_online"], false);
}

#[test]
fn who_is_not_let_in_comes_online_nowhere() {
    let mut world = World::new();
    let alex = world.open_in(3, world.direct_room(3, 4));
    let token = world.token(4);
    assert!(world.open_at(&format!("/ws/chat/{}/", world.room), &token).is_err());
    world.assert_quiet(alex);
    assert!(!now(world.chat.presence(&[4.into()])).unwrap()[0].online);
}
