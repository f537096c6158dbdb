//! What team's endpoints of messages answer.

mod common;

use common::{Answer, World, about, assert_detail, in_room, sent, team, uuid};
use serde_json::{Value, json};

const JOHN: &str = r#"{"id":"1","email":"john_doe@example.com","display_name":"John Doe","profile_picture":null,"clerk_profile_image_url":"https://example.com/avatar1.jpg"}"#;
const JANE: &str = r#"{"id":"2","email":"jane_smith@example.com","display_name":"Jane Smith","profile_picture":"https://example.com/jane.jpg","clerk_profile_image_url":"https://example.com/avatar2.jpg"}"#;
const AT: &str = "2024-12-25T10:30:00.000000Z";

fn post(world: &World, user: u64, path: &str, body: &Value) -> Answer {
    world.post(user, path, body)
}

fn patch(world: &World, user: u64, path: &str, body: &Value) -> Answer {
    world.ask(user, "PATCH", path, &[], &body.to_string())
}

fn contents(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap();
    results.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_error(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
    assert!(answer.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
}

#[test]
fn a_message_has_the_documents_keys_in_the_documents_order() {
    let world = team();
    let message = sent(&world, 1, world.room, " hello <b> ");
    let id = message["id"].as_str().unwrap();
    let expected = |reactions: &str, read_by: &str| {
        format!(
            r#"{{"id":"{id}","room":"{}","sender":{JOHN},"content":" hello <b> ","message_type":"text","file_attachment":null,"file_name":null,"file_size":null,"timestamp":"{AT}","edited_at":null,"is_deleted":false,"reply_to":null,"reactions":{reactions},"read_by":[{read_by}],"is_edited":false}}"#,
            uuid(world.room.get())
        )
    };
    let list = || world.get(2, &in_room(world.room, "messages/")).text;
    let page = |message: &str| {
        format!(r#"{{"count":1,"next":null,"previous":null,"results":[{message}]}}"#)
    };
    assert_eq!(list(), page(&expected("{}", "")));
    post(&world, 2, &about(&message, "mark_read/"), &json!({}));
    post(&world, 2, &about(&message, "react/"), &json!({ "emoji": "👍", "action": "add" }));
    post(&world, 1, &about(&message, "react/"), &json!({ "emoji": "👍", "action": "add" }));
    assert_eq!(list(), page(&expected(r#"{"👍":["2","1"]}"#, JANE)));
}

#[test]
fn page_one_is_the_newest_and_begins_with_its_oldest() {
    let world = team();
    let all: Vec<_> = (1..=5).map(|n| sent(&world, 1, world.room, &n.to_string())).collect();
    let list = |query: &str| world.get(2, &in_room(world.room, &format!("messages/{query}")));
    assert_eq!(contents(&list("")), ["1", "2", "3", "4", "5"]);
    let first = list("?page_size=2");
    assert_eq!(contents(&first), ["4", "5"]);
    let next = first.body["next"].as_str().unwrap().strip_prefix("http://example.com").unwrap();
    assert_eq!(contents(&world.get(2, next)), ["2", "3"]);
    assert_eq!(contents(&list("?page_size=2&page=3")), ["1"]);
    let fourth = all[3]["id"].as_str().unwrap();
    let before = list(&format!("?before={fourth}&page_size=2"));
    assert_eq!(
        (contents(&before), &before.body["count"]),
        (vec!["2".into(), "3".into()], &json!(3))
    );
    let next = before.body["next"].as_str().unwrap().strip_prefix("http://example.com").unwrap();
    assert!(next.contains("before="));
    assert_eq!(contents(&world.get(2, next)), ["1"]);
    assert_eq!(contents(&list("?before=4")).len(), 5, "no id of ours counts as not given");
    for page in ["4", "0", "x", "99999999999999999999999"] {
        assert_detail(&list(&format!("?page_size=2&page={page}")), 404);
    }
}

#[test]
fn a_send_is_answered_with_the_message() {
    let world = team();
    let path = in_room(world.room, "messages/");
    let first = sent(&world, 2, world.room, "first");
    let body = json!({ "content": "hi", "message_type": "text", "reply_to": first["id"],
        "file_attachment": null });
    let answer = post(&world, 1, &path, &body);
    assert_eq!((answer.status, &answer.body["reply_to"]), (201, &first["id"]));
    for kind in ["image", "file"] {
        let body = json!({ "content": "x", "message_type": kind });
        assert_eq!(post(&world, 1, &path, &body).body["message_type"], kind);
    }
    let null = json!({ "content": "x", "reply_to": null });
    assert_eq!(post(&world, 1, &path, &null).status, 201);
    let elsewhere = sent(&world, 1, world.other_room, "elsewhere");
    let deleted = sent(&world, 1, world.room, "deleted");
    world.ask(1, "DELETE", &about(&deleted, ""), &[], "");
    for body in [
        json!({}),
        json!({ "content": null }),
        json!({ "content": " " }),
        json!({ "content": 5 }),
        json!({ "content": "a\0" }),
        json!({ "content": "x".repeat(10_001) }),
        json!({ "content": "x", "message_type": "system" }),
        json!({ "content": "x", "message_type": "typing" }),
        json!({ "content": "x", "message_type": null }),
        json!({ "content": "x", "reply_to": 1 }),
        json!({ "content": "x", "reply_to": "1" }),
        json!({ "content": "x", "reply_to": uuid(9999) }),
        json!({ "content": "x", "reply_to": elsewhere["id"] }),
        json!({ "content": "x", "reply_to": deleted["id"] }),
    ] {
        assert_error(&post(&world, 1, &path, &body));
    }
    assert_error(&world.ask(1, "POST", &path, &[], "nonsense"));
    assert_error(&world.ask(1, "POST", &path, &[], "[]"));
    let plain = [("content-type", "text/plain")];
    assert_detail(&world.ask(1, "POST", &path, &plain, "x"), 415);
    assert_detail(&world.ask(1, "POST", &path, &[("content-length", "99999999")], "{}"), 413);
}

#[test]
fn fields_that_are_not_the_clients_change_nothing() {
    let world = team();
    let injected = json!({ "content": "x", "id": uuid(77), "room": uuid(world.other_room.get()),
        "sender": "2", "timestamp": "2000-01-01T00:00:00Z", "edited_at": "2000-01-01T00:00:00Z",
        "is_deleted": true, "reactions": { "a": ["2"] }, "read_by": ["2"], "is_edited": true,
        "file_name": "a", "file_size": 5, "seq": 9, "status": "read", "is_read": true });
    let plain = sent(&world, 1, world.room, "x");
    let answer = post(&world, 1, &in_room(world.room, "messages/"), &injected);
    let mut expected = plain;
    expected["id"] = answer.body["id"].clone();
    assert_ne!(answer.body["id"], uuid(77));
    assert_eq!((answer.status, &answer.body), (201, &expected));
    let edited = patch(&world, 1, &about(&answer.body, ""), &injected).body;
    expected["edited_at"] = json!(AT);
    expected["is_edited"] = json!(true);
    assert_eq!(edited, expected);
}

#[test]
fn a_repetition_finds_the_first_message() {
    let world = team();
    let path = in_room(world.room, "messages/");
    let send = |content: &str| {
        let body = json!({ "content": content }).to_string();
        world.ask(1, "POST", &path, &[("idempotency-key", "k")], &body)
    };
    let first = send("x");
    post(&world, 2, &about(&first.body, "mark_read/"), &json!({}));
    let again = send("x");
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(
        (&again.body["id"], &again.body["read_by"][0]["id"]),
        (&first.body["id"], &json!("2"))
    );
    assert_detail(&send("y"), 409);
}

#[test]
fn only_the_sender_edits_and_nobody_edits_what_is_deleted() {
    let mut world = team();
    let message = sent(&world, 1, world.room, "first");
    post(&world, 2, &about(&message, "mark_read/"), &json!({}));
    world.advance_secs(5);
    let path = about(&message, "");
    let edited = patch(&world, 1, &path, &json!({ "content": "second" }));
    assert_eq!((edited.status, &edited.body["content"]), (200, &json!("second")));
    assert_eq!(edited.body["edited_at"], "2024-12-25T10:30:05.000000Z");
    assert_eq!(
        (&edited.body["is_edited"], &edited.body["read_by"][0]["id"]),
        (&json!(true), &json!("2"))
    );
    assert_detail(&patch(&world, 2, &path, &json!({ "content": "x" })), 403);
    for body in [json!({}), json!({ "content": "" }), json!({ "content": 5 })] {
        assert_error(&patch(&world, 1, &path, &body));
    }
    assert_detail(&world.ask(2, "DELETE", &path, &[], ""), 403);
    assert_eq!(world.ask(1, "DELETE", &path, &[], "").status, 204);
    assert_error(&patch(&world, 1, &path, &json!({ "content": "x" })));
}

#[test]
fn a_deleted_message_keeps_its_place_without_its_text() {
    let world = team();
    let message = sent(&world, 1, world.room, "secret");
    let path = about(&message, "");
    for _ in 0..2 {
        let deleted = world.ask(1, "DELETE", &path, &[], "");
        assert_eq!((deleted.status, &*deleted.text), (204, ""));
    }
    let list = world.get(2, &in_room(world.room, "messages/")).body;
    let shown = &list["results"][0];
    assert_eq!((&list["count"], &shown["is_deleted"]), (&json!(1), &json!(true)));
    assert_eq!((&shown["content"], &shown["reactions"]), (&json!(""), &json!({})));
    assert_error(&post(
        &world,
        2,
        &about(&message, "react/"),
        &json!({ "emoji": "a", "action": "add" }),
    ));
    let marked = post(&world, 2, &about(&message, "mark_read/"), &json!({}));
    assert_eq!((marked.status, &marked.body["status"]), (200, &json!("marked as read")));
    assert_eq!(world.get(2, &in_room(world.room, "")).body["last_message"], Value::Null);
}

#[test]
fn an_emoji_counts_once_for_each_user() {
    let world = team();
    let message = sent(&world, 1, world.room, "x");
    let path = about(&message, "react/");
    let react = |user: u64, emoji: &str, action: &str| {
        post(&world, user, &path, &json!({ "emoji": emoji, "action": action })).text
    };
    let added =
        |reactions: &str| format!(r#"{{"reactions":{reactions},"message":"Reaction added"}}"#);
    let removed =
        |reactions: &str| format!(r#"{{"reactions":{reactions},"message":"Reaction removed"}}"#);
    assert_eq!(react(2, "👍", "add"), added(r#"{"👍":["2"]}"#));
    assert_eq!(react(2, "👍", "add"), added(r#"{"👍":["2"]}"#));
    assert_eq!(react(1, "👍", "add"), added(r#"{"👍":["2","1"]}"#));
    assert_eq!(react(1, "❤️", "add"), added(r#"{"👍":["2","1"],"❤️":["1"]}"#));
    assert_eq!(react(1, "x", "remove"), removed(r#"{"👍":["2","1"],"❤️":["1"]}"#));
    assert_eq!(react(2, "👍", "remove"), removed(r#"{"👍":["1"],"❤️":["1"]}"#));
    assert_eq!(react(1, "👍", "remove"), removed(r#"{"❤️":["1"]}"#));
    for body in [
        json!({}),
        json!({ "action": "add" }),
        json!({ "emoji": "", "action": "add" }),
        json!({ "emoji": "a".repeat(33), "action": "add" }),
        json!({ "emoji": "\n", "action": "add" }),
        json!({ "emoji": 5, "action": "add" }),
        json!({ "emoji": "a", "action": "toggle" }),
        json!({ "emoji": "a", "action": null }),
    ] {
        assert_error(&post(&world, 1, &path, &body));
    }
}

#[test]
fn marking_one_message_marks_that_one_and_says_whether_it_was() {
    let world = team();
    let first = sent(&world, 1, world.room, "one");
    let second = sent(&world, 1, world.room, "two");
    let mark = |user: u64, message: &Value| {
        post(&world, user, &about(message, "mark_read/"), &json!({})).text
    };
    let answer = |was: bool| format!(r#"{{"status":"marked as read","was_already_read":{was}}}"#);
    assert_eq!((mark(2, &second), mark(2, &second)), (answer(false), answer(true)));
    assert_eq!((mark(2, &first), mark(1, &first)), (answer(false), answer(true)));
}

#[test]
fn read_by_leaves_out_the_sender_and_who_joined_later() {
    let world = team();
    let group = world.group("General", &[1, 2]);
    sent(&world, 1, group, "before");
    let body = json!({ "participant_ids": ["3"] });
    assert_eq!(patch(&world, 1, &in_room(group, ""), &body).status, 200);
    sent(&world, 1, group, "after");
    for user in [1, 2, 3] {
        world.ask(user, "POST", &in_room(group, "mark_read/"), &[], "");
    }
    let list = world.get(1, &in_room(group, "messages/")).body;
    let readers = |index: usize| -> Vec<Value> {
        let readers = list["results"][index]["read_by"].as_array().unwrap();
        readers.iter().map(|user| user["id"].clone()).collect()
    };
    assert_eq!((readers(0), readers(1)), (vec![json!("2")], vec![json!("2"), json!("3")]));
}

#[test]
fn a_message_that_is_not_in_the_room_is_404() {
    let world = team();
    let elsewhere = sent(&world, 1, world.other_room, "elsewhere");
    for id in [elsewhere["id"].as_str().unwrap(), &uuid(9999), "1", "x"] {
        let path = |rest: &str| in_room(world.room, &format!("messages/{id}/{rest}"));
        assert_detail(&patch(&world, 1, &path(""), &json!({ "content": "x" })), 404);
        assert_detail(&world.ask(1, "DELETE", &path(""), &[], ""), 404);
        let emoji = json!({ "emoji": "a", "action": "add" });
        assert_detail(&post(&world, 1, &path("react/"), &emoji), 404);
        assert_detail(&post(&world, 1, &path("mark_read/"), &json!({})), 404);
    }
}

#[test]
fn messages_are_searched_in_ones_own_rooms() {
    let world = team();
    let first = sent(&world, 1, world.room, "the red fox");
    let second = sent(&world, 3, world.other_room, "a Fox");
    let search = |user: u64, q: &str| world.get(user, &format!("/api/chat/search/messages/{q}"));
    let found = search(1, "?q=fox").body;
    assert_eq!(found, json!([second, first]));
    assert_eq!(search(2, "?q=fox").body, json!([first]));
    assert_eq!(search(4, "?q=fox").body, json!([]));
    for q in ["", "?q=", "?q=+"] {
        let refused = search(1, q);
        assert_eq!(
            (refused.status, &*refused.text),
            (400, r#"{"error":"Search query is required"}"#)
        );
    }
}
