//! What team's endpoints of rooms, searches and sessions answer.

mod common;

use chat_core::model::{RoomId, RoomKind};
use chat_core::rules::RoomName;
use chat_core::store::SessionStore;
use common::{Answer, TEAM_ROOMS, World, assert_detail, in_room, now, open_team, sent, team, uuid};
use serde_json::{Value, json};

const JOHN: &str = r#"{"id":"1","email":"john_doe@example.com","display_name":"John Doe","profile_picture":null,"clerk_profile_image_url":"https://example.com/avatar1.jpg"}"#;
const JANE: &str = r#"{"id":"2","email":"jane_smith@example.com","display_name":"Jane Smith","profile_picture":"https://example.com/jane.jpg","clerk_profile_image_url":"https://example.com/avatar2.jpg"}"#;
const AT: &str = "2024-12-25T10:30:00.000000Z";
const DIRECT: &str = "/api/chat/rooms/direct_message/";

fn public(world: &World, user: u64) -> RoomId {
    let name = RoomName::parse("Lobby").unwrap();
    let actor = world.chat.acting_as(user.to_string());
    now(actor.create_room(RoomKind::Public, name, Vec::new())).unwrap()
}

fn patch(world: &World, user: u64, path: &str, body: &Value) -> Answer {
    world.ask(user, "PATCH", path, &[], &body.to_string())
}

#[track_caller]
fn assert_forbidden(answer: &Answer) {
    assert_detail(answer, 403);
    assert_eq!(answer.body["detail"], "You don't have access to this room");
}

#[track_caller]
fn assert_error(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
    assert!(answer.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
}

#[test]
fn a_room_has_the_documents_keys_in_the_documents_order() {
    let world = team();
    let message = sent(&world, 2, world.room, "hello");
    let id = message["id"].as_str().unwrap();
    let expected = format!(
        r#"{{"id":"{}","name":null,"room_type":"direct","participants":[{JOHN},{JANE}],"created_by":{JOHN},"created_at":"{AT}","updated_at":"{AT}","is_active":true,"last_message":{{"id":"{id}","content":"hello","sender":{JANE},"timestamp":"{AT}"}},"unread_count":1,"other_user":{JANE}}}"#,
        uuid(world.room.get())
    );
    let shown = world.get(1, &in_room(world.room, ""));
    assert_eq!((shown.status, &shown.text), (200, &expected));
    let list = world.get(2, TEAM_ROOMS);
    assert_eq!(list.status, 200);
    assert_eq!(list.body["count"], 1);
    assert_eq!(list.body["results"][0]["other_user"]["id"], "1");
    assert_eq!(list.body["results"][0]["unread_count"], 0);
    assert!(list.text.starts_with(r#"{"count":1,"next":null,"previous":null,"results":[{"id":"#));
    let group = world.group("General", &[1, 2]);
    let shown = world.get(1, &in_room(group, "")).body;
    assert_eq!((&shown["other_user"], &shown["last_message"]), (&Value::Null, &Value::Null));
}

#[test]
fn rooms_are_listed_by_activity_in_pages() {
    let mut world = team();
    world.advance_secs(1);
    sent(&world, 1, world.room, "newest");
    let list = world.get(1, &format!("{TEAM_ROOMS}?page_size=1")).body;
    assert_eq!(list["results"][0]["id"], uuid(world.room.get()));
    assert_eq!(list["next"], format!("http://example.com{TEAM_ROOMS}?page_size=1&page=2"));
    assert_detail(&world.get(1, &format!("{TEAM_ROOMS}?page=3")), 404);
    assert_detail(&world.get(1, &format!("{TEAM_ROOMS}?page=x")), 404);
}

#[test]
fn a_room_is_made_of_every_kind_but_direct() {
    let world = team();
    for kind in ["group", "project", "public"] {
        let body = json!({ "name": " Team ", "room_type": kind, "participant_ids": ["2", 3, "1"] });
        let made = world.post(1, TEAM_ROOMS, &body);
        assert_eq!((made.status, &made.body["name"]), (201, &json!("Team")), "{}", made.body);
        assert_eq!(made.body["room_type"], kind);
        let ids = made.body["participants"].as_array().unwrap();
        assert_eq!(ids.iter().map(|user| &user["id"]).collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(made.body["created_by"]["id"], "1");
    }
    assert_eq!(world.post(1, TEAM_ROOMS, &json!({ "name": "a" })).body["room_type"], "group");
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": " " }),
        json!({ "name": 5 }),
        json!({ "name": "a\0" }),
        json!({ "name": "x".repeat(256) }),
        json!({ "name": "a", "room_type": "direct" }),
        json!({ "name": "a", "room_type": "x" }),
        json!({ "name": "a", "room_type": null }),
        json!({ "name": "a", "participant_ids": "2" }),
        json!({ "name": "a", "participant_ids": null }),
        json!({ "name": "a", "participant_ids": ["nobody"] }),
        json!({ "name": "a", "participant_ids": [[]] }),
    ] {
        assert_error(&world.post(1, TEAM_ROOMS, &body));
    }
}

#[test]
fn fields_that_are_not_the_clients_change_nothing() {
    let world = team();
    let injected = json!({ "name": "a", "id": uuid(9), "created_by": "2", "is_active": false,
        "participants": ["3"], "unread_count": 7, "metadata": { "a": 1 }, "updated_at": "2000" });
    let made = world.post(1, TEAM_ROOMS, &injected).body;
    assert_eq!((&made["created_by"]["id"], &made["is_active"]), (&json!("1"), &json!(true)));
    assert_eq!(made["participants"].as_array().unwrap().len(), 1);
    let path = format!("{TEAM_ROOMS}{}/", made["id"].as_str().unwrap());
    let unknown = json!({ "room_type": "public", "created_by": "2", "participants": ["2"] });
    let patched = patch(&world, 1, &path, &unknown);
    assert_eq!((patched.status, patched.body), (200, made));
}

#[test]
fn the_direct_room_is_made_once() {
    let world = team();
    let made = world.post(2, DIRECT, &json!({ "user_id": "3" }));
    assert_eq!((made.status, &made.body["other_user"]["id"]), (201, &json!("3")));
    let found = world.post(3, DIRECT, &json!({ "user_id": 2 }));
    assert_eq!((found.status, &found.body["id"]), (200, &made.body["id"]));
    let unknown = world.post(1, DIRECT, &json!({ "user_id": "99" }));
    assert_detail(&unknown, 404);
    assert_eq!(unknown.body["detail"], "User not found");
    for body in [
        json!({}),
        json!({ "user_id": null }),
        json!({ "user_id": "1" }),
        json!({ "user_id": [] }),
        json!({ "user_id": "" }),
    ] {
        assert_error(&world.post(1, DIRECT, &body));
    }
    for method in ["GET", "PATCH", "DELETE"] {
        assert_detail(&world.ask(1, method, DIRECT, &[], ""), 405);
    }
}

#[test]
fn a_room_is_changed_by_its_creator_alone() {
    let world = team();
    let room = world.group("General", &[1, 2]);
    let path = in_room(room, "");
    let body = json!({ "name": " New ", "participant_ids": ["3", "2"] });
    let changed = patch(&world, 1, &path, &body);
    assert_eq!((changed.status, &changed.body["name"]), (200, &json!("New")));
    assert_eq!(changed.body["participants"].as_array().unwrap().len(), 3);
    for body in [json!({ "name": "x" }), json!({}), json!({ "is_active": false })] {
        assert_detail(&patch(&world, 2, &path, &body), 403);
        assert_forbidden(&patch(&world, 4, &path, &body));
        assert_error(&patch(&world, 1, &in_room(world.room, ""), &body));
    }
    for body in [
        json!({ "name": "" }),
        json!({ "is_active": "yes" }),
        json!({ "is_active": null }),
        json!({ "participant_ids": ["99"] }),
    ] {
        assert_error(&patch(&world, 1, &path, &body));
    }
    assert_detail(&patch(&world, 1, &format!("{TEAM_ROOMS}{}/", uuid(999)), &json!({})), 404);
    assert_eq!(world.get(1, &path).body["name"], "New");
}

#[test]
fn a_deleted_room_is_inactive_and_may_come_back() {
    let world = team();
    let room = world.group("General", &[1, 2]);
    let path = in_room(room, "");
    let delete = |user: u64, path: &str| world.ask(user, "DELETE", path, &[], "");
    sent(&world, 1, room, "stays");
    assert_detail(&delete(2, &path), 403);
    assert_forbidden(&delete(3, &path));
    assert_error(&delete(1, &in_room(world.room, "")));
    assert_eq!((delete(1, &path).status, delete(1, &path).text.as_str()), (204, ""));
    assert_eq!(world.get(2, TEAM_ROOMS).body["count"], 1);
    assert_eq!(world.get(2, &path).body["is_active"], false);
    assert_eq!(world.get(2, &in_room(room, "messages/")).body["count"], 1);
    assert_error(&world.post(2, &in_room(room, "messages/"), &json!({ "content": "x" })));
    assert_eq!(patch(&world, 1, &path, &json!({ "is_active": true })).body["is_active"], true);
    sent(&world, 2, room, "again");
}

#[test]
fn strangers_are_told_403_where_the_room_exists_and_404_where_not() {
    let world = team();
    let group = world.group("General", &[1, 2]);
    let lobby = public(&world, 1);
    let message = uuid(now(world.chat.acting_as("1").send(group, "x")).unwrap().message.id.get());
    for (method, rest, body) in [
        ("GET", String::new(), ""),
        ("PATCH", String::new(), "{}"),
        ("DELETE", String::new(), ""),
        ("POST", "mark_read/".into(), ""),
        ("GET", "typing_users/".into(), ""),
        ("POST", "join/".into(), ""),
        ("POST", "leave/".into(), ""),
        ("GET", "messages/".into(), ""),
        ("POST", "messages/".into(), r#"{"content":"x"}"#),
        ("PATCH", format!("messages/{message}/"), r#"{"content":"x"}"#),
        ("DELETE", format!("messages/{message}/"), ""),
        ("POST", format!("messages/{message}/react/"), r#"{"emoji":"x","action":"add"}"#),
        ("POST", format!("messages/{message}/mark_read/"), ""),
    ] {
        let ask = |path: &str| world.ask(4, method, path, &[], body);
        assert_forbidden(&ask(&in_room(group, &rest)));
        for id in [&*uuid(999), "1", "x", "00000000-0000-4000-8000-000000000001"] {
            assert_detail(&ask(&format!("{TEAM_ROOMS}{id}/{rest}")), 404);
        }
        if rest == "join/" || (method == "GET" && rest != "typing_users/") {
            assert_eq!(ask(&in_room(lobby, &rest)).status, 200, "{method} {rest}");
            now(world.chat.acting_as("4").leave(lobby)).ok();
        } else {
            assert_forbidden(&ask(&in_room(lobby, &rest)));
        }
    }
}

#[test]
fn a_public_room_is_joined_and_left() {
    let world = team();
    let lobby = public(&world, 1);
    let group = world.group("General", &[1, 2]);
    let post = |user: u64, room, rest: &str| world.ask(user, "POST", &in_room(room, rest), &[], "");
    for _ in 0..2 {
        let joined = post(3, lobby, "join/");
        assert_eq!((joined.status, &*joined.text), (200, r#"{"status":"joined room"}"#));
    }
    sent(&world, 3, lobby, "hello");
    let left = post(3, lobby, "leave/");
    assert_eq!((left.status, &*left.text), (200, r#"{"status":"left room"}"#));
    assert_forbidden(&post(3, lobby, "leave/"));
    assert_error(&post(2, group, "join/"));
    assert_error(&post(1, world.room, "join/"));
    assert_error(&post(1, world.room, "leave/"));
}

#[test]
fn marking_a_room_read_counts_what_was_new() {
    let world = team();
    for text in ["one", "two"] {
        sent(&world, 1, world.room, text);
    }
    let mark = |user| world.ask(user, "POST", &in_room(world.room, "mark_read/"), &[], "").text;
    assert_eq!(mark(2), r#"{"status":"marked as read","count":2}"#);
    assert_eq!(mark(2), r#"{"status":"marked as read","count":0}"#);
    assert_eq!(mark(1), r#"{"status":"marked as read","count":0}"#);
}

#[test]
fn who_types_is_shown_to_the_others_for_thirty_seconds() {
    let mut world = team();
    let actor = world.chat.acting_as("1");
    now(actor.start_typing(world.room, world.time.instant())).unwrap();
    let path = in_room(world.room, "typing_users/");
    let expected = format!(
        r#"[{{"room":"{}","user":{JOHN},"is_typing":true,"last_seen":"{AT}"}}]"#,
        uuid(world.room.get())
    );
    assert_eq!(world.get(2, &path).text, expected);
    assert_eq!(world.get(1, &path).text, "[]");
    world.advance_secs(31);
    assert_eq!(world.get(2, &path).text, "[]");
}

#[test]
fn rooms_are_searched_by_names() {
    let world = team();
    let group = world.group("Project Alpha", &[1, 2]);
    let lobby = public(&world, 3);
    let search = |user: u64, q: &str| world.get(user, &format!("/api/chat/search/rooms/{q}"));
    let ids = |answer: Answer| -> Vec<Value> {
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body.as_array().unwrap().iter().map(|room| room["id"].clone()).collect()
    };
    assert_eq!(ids(search(1, "?q=alph")), [uuid(group.get())]);
    assert_eq!(ids(search(1, "?q=lobby")), [uuid(lobby.get())]);
    assert_eq!(ids(search(4, "?q=alpha")), [] as [Value; 0]);
    assert_eq!(ids(search(1, "?q=alex")).len(), 2);
    assert!(search(1, "?q=alpha").text.starts_with(r#"[{"id":"#));
    for q in ["", "?q=", "?q=%20"] {
        let refused = search(1, q);
        assert_eq!(
            (refused.status, &*refused.text),
            (400, r#"{"error":"Search query is required"}"#)
        );
    }
}

#[test]
fn sessions_are_the_callers_own_open_ones() {
    let mut world = team();
    let room = world.room;
    let peer = open_team(&mut world, 1, room);
    let other = open_team(&mut world, 2, room);
    let active = |world: &World| world.get(1, "/api/chat/sessions/active_sessions/");
    let shown = active(&world).body;
    assert_eq!(shown.as_array().unwrap().len(), 1);
    let id = shown[0]["session_id"].as_str().unwrap();
    let expected = format!(
        r#"[{{"session_id":"{id}","session_type":"web","is_active":true,"last_ping":"{AT}","connected_at":"{AT}","user_agent":"","ip_address":null}}]"#
    );
    assert_eq!(active(&world).text, expected);
    world.leave(peer);
    world.leave(other);
    assert_eq!(active(&world).text, "[]");
    let clean = |world: &World, user| {
        world.ask(user, "POST", "/api/chat/sessions/cleanup_old_sessions/", &[], "").text
    };
    let answer = |count| format!(r#"{{"status":"cleanup completed","deleted_sessions":{count}}}"#);
    assert_eq!(clean(&world, 1), answer(0));
    world.advance_secs(24 * 3600 + 1);
    assert_eq!((clean(&world, 1), clean(&world, 1)), (answer(1), answer(0)));
}

#[test]
fn a_session_that_closed_long_ago_is_forgotten() {
    let mut world = team();
    let room = world.room;
    let kept = |world: &World| now(world.store.sessions(&1.into(), None, 10)).unwrap().len();
    let peer = open_team(&mut world, 1, room);
    world.leave(peer);
    world.advance_secs(30 * 24 * 3600);
    assert!(!now(world.chat.forget_sessions()).unwrap());
    assert_eq!(kept(&world), 1);
    world.advance_secs(1);
    assert!(!now(world.chat.forget_sessions()).unwrap(), "there are no more");
    assert_eq!(kept(&world), 0);
}
