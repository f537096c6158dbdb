//! How many reactions a message takes, and from whom (failures.md, C10).

mod common;

use std::thread;

use chat_core::model::{MessageId, Reaction};
use common::{Answer, World, about, nasty, now, sent, team};
use serde_json::{Value, json};

/// A group of 1 to 4 and a message of 1.
fn four() -> (World, Value) {
    let world = team();
    let room = world.group("Four", &[1, 2, 3, 4]);
    let message = sent(&world, 1, room, "hello");
    (world, message)
}

fn react(world: &World, user: u64, message: &Value, emoji: &str, action: &str) -> Answer {
    world.post(user, &about(message, "react/"), &json!({ "emoji": emoji, "action": action }))
}

/// Checks that a reaction is refused with a sentence.
#[track_caller]
fn assert_refused(answer: &Answer, sentence: &str) {
    assert_eq!((answer.status, &answer.body), (400, &json!({ "error": sentence })));
}

#[test]
fn a_message_takes_fifty_emoji_and_twenty_of_one_user() {
    let (world, message) = four();
    for number in 0..50 {
        let answer = react(&world, 1 + number / 20, &message, &format!("e{number}"), "add");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let all = react(&world, 4, &message, "e0", "add");
    assert_eq!((all.status, all.body["reactions"]["e0"].clone()), (200, json!(["1", "4"])));
    let fifty = "a message holds at most 50 different emoji";
    assert_refused(&react(&world, 4, &message, "e50", "add"), fifty);
    let twenty = "one user has at most 20 emoji on a message";
    assert_refused(&react(&world, 1, &message, "e49", "add"), twenty);
    assert_eq!(react(&world, 1, &message, "e0", "add").body, all.body.clone(), "again");
    assert_eq!(react(&world, 1, &message, "e1", "remove").status, 200);
    assert_eq!(react(&world, 4, &message, "e50", "add").status, 200, "there is room again");
}

#[test]
fn whatever_is_tried_the_bounds_hold() {
    let (world, message) = four();
    let texts = nasty::texts().into_iter().filter_map(|(_, text)| text);
    let plain = (0..1_000).map(|number| format!("\u{1f000}{number}"));
    for emoji in texts.chain(plain) {
        for user in 1..=4 {
            let answer = react(&world, user, &message, &emoji, "add");
            assert!([200, 400, 413].contains(&answer.status), "{}", answer.body);
        }
    }
    let all = react(&world, 1, &message, "-", "remove").body["reactions"].clone();
    let all = all.as_object().unwrap();
    assert!(all.contains_key("__proto__") && all.contains_key("❤\u{fe0f}"));
    assert!(all.len() <= 50 && all.keys().all(|emoji| emoji.len() <= 32));
    for user in ["1", "2", "3", "4"] {
        let own = all.values().filter(|users| users.as_array().unwrap().contains(&user.into()));
        assert_eq!(own.count(), 20);
    }
}

#[test]
fn of_many_reactions_at_once_none_is_lost() {
    let (world, _) = four();
    let room = world.group("Others", &[1, 2, 3, 4]);
    let id = sent(&world, 1, room, "hello")["id"].as_str().unwrap().to_owned();
    let id = u64::from_str_radix(id.rsplit('-').next().unwrap(), 16).unwrap();
    let id = MessageId::new(id).unwrap();
    let chat = &world.chat;
    thread::scope(|scope| {
        for task in 0..32 {
            let actor = chat.acting_as((1 + task % 4).to_string());
            scope.spawn(move || {
                let (own, fleeting) = (format!("own{task}"), format!("fleeting{}", task / 4));
                for _ in 0..20 {
                    now(actor.react(room, id, &fleeting)).unwrap();
                    now(actor.react(room, id, &own)).unwrap();
                    now(actor.unreact(room, id, &fleeting)).unwrap();
                    now(actor.unreact(room, id, &own)).unwrap();
                }
                now(actor.react(room, id, &own)).unwrap();
                now(actor.react(room, id, "shared")).unwrap();
            });
        }
    });
    let message = now(chat.acting_as("1").message(Some(room), id)).unwrap();
    let users = |reaction: &Reaction| {
        let mut users: Vec<_> = reaction.users.iter().map(ToString::to_string).collect();
        users.sort();
        users
    };
    let mut left: Vec<_> =
        message.reactions.iter().map(|it| (it.emoji.clone(), users(it))).collect();
    left.sort();
    let own = |task: u64| (format!("own{task}"), vec![(1 + task % 4).to_string()]);
    let mut expected: Vec<_> = (0..32).map(own).collect();
    expected.push(("shared".to_owned(), ["1", "2", "3", "4"].map(str::to_owned).into()));
    expected.sort();
    assert_eq!(left, expected);
}
