//! What direct's endpoints answer.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use chat_core::Chat;
use chat_core::dialect::DIRECT;
use chat_core::host::{Directory, DirectoryError, JwtAuthenticator, StaticDirectory};
use chat_core::model::{User, UserId};
use common::{Answer, SECRET, World, assert_detail, headers, now, request};
use futures::StreamExt;
use serde_json::{Value, json};

const USERS: &str = "/api/users/";
const CHATS: &str = "/api/chats/";
const CREATE: &str = "/api/chats/create/";

fn world() -> World {
    World::speaking(DIRECT)
}

fn ids(answer: &Answer) -> Vec<Value> {
    answer.body.as_array().unwrap().iter().map(|user| user["id"].clone()).collect()
}

#[track_caller]
fn assert_error(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
    assert!(answer.body["error"].as_str().is_some_and(|sentence| !sentence.is_empty()));
}

#[test]
fn the_users_are_all_but_oneself() {
    let world = world();
    let shown = world.get(2, USERS);
    let expected = r#"[{"id":1,"username":"john_doe"},{"id":3,"username":"alex_brown"},{"id":4,"username":"mary_jones"}]"#;
    assert_eq!((shown.status, &*shown.text), (200, expected));
    for (query, expected) in [
        ("?search=JO", vec![1, 4]),
        ("?search=_", vec![1, 3, 4]),
        ("?search=%25", vec![]),
        ("?search=jane", vec![]),
        ("?search=+", vec![1, 3, 4]),
        ("?search=", vec![1, 3, 4]),
        ("?search=zzz", vec![]),
    ] {
        assert_eq!(ids(&world.get(2, &format!("{USERS}{query}"))), expected, "{query}");
    }
    assert_eq!(world.get(2, &format!("{USERS}?search=zzz")).text, "[]");
    assert_error(&world.get(2, &format!("{USERS}?search=%00")));
}

/// A directory that lists in one way only, as a host's may.
struct Plain(StaticDirectory);

#[async_trait::async_trait]
impl Directory for Plain {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        self.0.users(ids).await
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<Arc<User>>, DirectoryError> {
        self.0.search(text, limit).await
    }
}

#[test]
fn many_users_are_listed_in_order_and_in_pages() {
    let name = |n: u64| if n.is_multiple_of(3) { format!("u{n}") } else { n.to_string() };
    let many = || (1..=450).map(|n| User::new(UserId::new(name(n)).unwrap(), "somebody"));
    let mut expected: Vec<_> = many().map(|user| user.id).filter(|id| id.as_str() != "1").collect();
    expected.sort_by(UserId::cmp_for_listing);
    let store = common::Flaky::default();
    let listed: StaticDirectory = many().collect();
    for chat in [
        Chat::new(store.clone(), Plain(listed.clone()), JwtAuthenticator::hs256(SECRET)),
        Chat::new(store.clone(), listed, JwtAuthenticator::hs256(SECRET)),
    ] {
        let mut pages = chat.acting_as("1").all_users("some").unwrap();
        let mut found = Vec::new();
        while let Some(page) = now(pages.next()) {
            let page = page.unwrap();
            assert!(page.len() <= 100);
            found.extend(page.into_iter().map(|user| user.id.clone()));
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn a_chat_has_the_documents_keys_in_the_documents_order() {
    let mut world = world();
    let room = world.room;
    let (john, jane) = (r#"{"id":1,"username":"john_doe"}"#, r#"{"id":2,"username":"jane_smith"}"#);
    let chat = |other: &str, last: &str, unread: u8| {
        format!(
            r#"{{"id":{room},"participants":[{john},{jane}],"other_user":{other},"created":"2024-12-25T10:30:00.000000Z","last_message":{last},"unread_count":{unread}}}"#
        )
    };
    assert_eq!(world.get(2, CHATS).text, format!("[{}]", chat(john, "null", 0)));
    world.advance_secs(300);
    world.say(2, room, "Hello there!");
    let last =
        r#"{"body":"Hello there!","created":"2024-12-25T10:35:00.000000Z","sender":"jane_smith"}"#;
    assert_eq!(world.get(2, CHATS).text, format!("[{}]", chat(john, last, 0)));
    let answer = world.get(1, CHATS);
    assert_eq!(answer.status, 200);
    assert!(answer.text.starts_with(&format!("[{},", chat(jane, last, 1))), "{}", answer.text);
    assert_eq!(ids(&answer), [room.get(), world.other_room.get()]);
    let same = world.post(2, CREATE, &json!({ "user_id": 1 }));
    assert_eq!((same.status, same.text), (200, chat(john, last, 0)));
}

#[test]
fn only_active_direct_rooms_are_chats() {
    let world = world();
    world.group("Group", &[4, 1]);
    assert_eq!(world.get(4, CHATS).text, "[]");
    assert_eq!(world.get(4, CHATS).status, 200);
}

#[test]
fn creating_a_chat_is_201_once_and_then_200() {
    let world = world();
    let made = world.post(4, CREATE, &json!({ "user_id": "2" }));
    assert_eq!(made.status, 201);
    let chat = &made.body;
    let names: Vec<_> = chat["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["username"].clone())
        .collect();
    assert_eq!(names, ["mary_jones", "jane_smith"]);
    assert_eq!(chat["other_user"]["id"], 2);
    assert_eq!((&chat["last_message"], &chat["unread_count"]), (&Value::Null, &json!(0)));
    for (user, other) in [(4, 2), (2, 4)] {
        let again = world.post(user, CREATE, &json!({ "user_id": other }));
        assert_eq!((again.status, &again.body["id"]), (200, &chat["id"]));
    }
}

#[test]
fn every_400_is_one_sentence() {
    let world = world();
    for body in [
        "",
        "{}",
        "[]",
        "nonsense",
        "5",
        "\u{feff}{}",
        r#"{"user_id":1}"#,
        r#"{"user_id":"1"}"#,
        r#"{"user_id":99}"#,
        r#"{"user_id":"nobody"}"#,
        r#"{"user_id":null}"#,
        r#"{"user_id":true}"#,
        r#"{"user_id":-1}"#,
        r#"{"user_id":2.0}"#,
        r#"{"user_id":""}"#,
        r#"{"user_id":"a\u0000"}"#,
        r#"{"user_id":{}}"#,
    ] {
        assert_error(&world.ask(1, "POST", CREATE, &[], body));
    }
    let answer = world.ask(1, "POST", CREATE, &[], "{}");
    assert_eq!(answer.body["error"], "user_id is required");
    let answer = world.ask(1, "POST", CREATE, &[], r#"{"user_id":99}"#);
    assert_eq!(answer.body["error"], "User not found");
}

#[test]
fn a_token_may_be_called_token() {
    let world = world();
    let ask = |authorization: &str| {
        let all = headers(&[("authorization", authorization)]);
        world.dispatch(request("GET", USERS, all, Vec::new()))
    };
    let token = world.token(1);
    for scheme in ["Bearer", "Token", "token", "bearer"] {
        assert_eq!(ask(&format!("{scheme} {token}")).status, 200, "{scheme}");
    }
    for wrong in [format!("Basic {token}"), token.clone(), "Token x".into(), String::new()] {
        assert_detail(&ask(&wrong), 401);
    }
}

#[test]
fn other_methods_and_paths() {
    let world = world();
    for (method, path, allow) in
        [("GET", CREATE, "POST"), ("POST", CHATS, "GET, HEAD"), ("DELETE", USERS, "GET, HEAD")]
    {
        let answer = world.ask(1, method, path, &[], "");
        assert_detail(&answer, 405);
        assert_eq!(answer.header("allow"), allow);
    }
    assert_detail(&world.get(1, "/api/chats/1/"), 404);
    assert_eq!(world.get(1, "/api/users").status, 200);
    world.store.set_down(true);
    assert_detail(&world.get(1, CHATS), 503);
    assert_detail(&world.post(1, CREATE, &json!({ "user_id": 2 })), 503);
}
