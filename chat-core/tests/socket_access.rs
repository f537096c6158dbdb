//! Who is let in to a messenger socket, and who has to leave.

mod common;

use chat_core::Error;
use chat_core::model::{RoomId, RoomKind, Timestamp};
use chat_core::rules::RoomName;
use chat_core::store::RoomStore;
use common::{World, client_frame, now, say, two};
use http::HeaderMap;
use serde_json::json;

#[test]
fn when_membership_ends_the_socket_closes_4403_and_is_told_nothing_more() {
    let (mut world, john, jane) = two();
    world.remove_member(world.room, 2);
    assert_eq!(world.closed(jane), Some(4403));
    world.frames(john);
    say(&mut world, john, "secret");
    world.assert_quiet(jane);
    assert_eq!(world.closed(john), None);
    let token = world.token(2);
    let again = world.open_at(&format!("/ws/chat/{}/", world.room), &token);
    assert_eq!(again.unwrap_err().code, 4403);
}

#[test]
fn where_the_host_deletes_the_room_its_sockets_close_4403_and_none_opens() {
    let (mut world, john, jane) = two();
    let room = world.room;
    assert!(now(world.chat.delete_room(room)).unwrap());
    world.settle();
    for socket in [john, jane] {
        assert_eq!(world.closed(socket), Some(4403));
    }
    let token = world.token(1);
    assert_eq!(world.open_at(&format!("/ws/chat/{room}/"), &token).unwrap_err().code, 4403);
}

#[test]
fn the_host_is_told_whether_there_was_a_membership_to_end() {
    let (mut world, ..) = two();
    world.remove_member(world.room, 2);
    assert!(!now(world.chat.remove_member(world.room, &2.into())).unwrap());
    let missing = now(world.chat.remove_member(RoomId::new(999).unwrap(), &2.into()));
    assert!(matches!(missing, Err(Error::NotFound)));
}

#[test]
fn a_command_of_who_is_no_member_any_more_closes_4403_without_effect() {
    for frame in [
        client_frame("message"),
        client_frame("typing_on"),
        json!({ "type": "message_read", "message_id": 1 }),
    ] {
        let (mut world, john, jane) = two();
        say(&mut world, john, "before");
        world.frames(john);
        now(RoomStore::remove_member(&world.store, world.room, &2.into(), Timestamp::EPOCH))
            .unwrap();
        world.send(jane, &frame);
        assert_eq!(world.closed(jane), Some(4403), "{frame}");
        let kinds: Vec<_> = world.frames(john).iter().map(|it| it["type"].clone()).collect();
        assert_eq!(kinds, ["user_status_change"], "{frame}");
    }
}

#[test]
fn rooms_that_one_may_not_enter_close_alike_and_a_missing_sign_in_comes_first() {
    let mut world = World::new();
    let token = world.token(4);
    let nine = "9".repeat(40);
    let mut ids = vec![world.room.to_string(), "999".to_owned(), nine];
    let wrong = ["0", "01", "-1", "1.0", "abc", "%31", "281474976710656", "+1", "1 ", "١"];
    ids.extend(wrong.map(str::to_owned));
    for id in ids {
        let path = format!("/ws/chat/{id}/");
        let close = world.open_at(&path, &token).unwrap_err();
        assert_eq!((close.code, close.reason), (4403, "no access to this room"), "{id}");
        assert_eq!(world.open_at(&path, "nonsense").unwrap_err().code, 4401, "{id}");
        let nobody = world.open_with(&path, &HeaderMap::new(), None);
        assert_eq!(nobody.unwrap_err().code, 4401, "{id}");
    }
    let unknown = world.token(99);
    let close = world.open_at(&format!("/ws/chat/{}/", world.room), &unknown).unwrap_err();
    assert_eq!(close.code, 4401);
}

#[test]
fn rooms_of_other_kinds_are_not_shown() {
    let mut world = World::new();
    let name = RoomName::parse("General").unwrap();
    let kind = RoomKind::Group;
    let room = now(world.chat.acting_as("1").create_room(kind, name, vec![2.into()])).unwrap();
    let token = world.token(1);
    assert_eq!(world.open_at(&format!("/ws/chat/{room}/"), &token).unwrap_err().code, 4403);
}

#[test]
fn a_store_that_is_down_closes_the_handshake_1013() {
    let mut world = World::new();
    let token = world.token(1);
    world.store.set_down(true);
    let close = world.open_at(&format!("/ws/chat/{}/", world.room), &token).unwrap_err();
    assert_eq!(close.code, 1013);
}
