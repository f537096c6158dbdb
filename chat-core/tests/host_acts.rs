//! What the host does itself, in nobody's name.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{
    Change, Event, MessageId, MessageKind, RoomId, RoomKind, Slice, User, UserId,
};
use chat_core::rules::Denial;
use chat_core::service::{Conflict, Error, Listener, Problem};
use chat_core::store::Anchor;
use chat_core::{Chat, Outgoing};
use common::{Flaky, SECRET, Shelf, now};
use futures::stream::{self, StreamExt};
use serde_json::{Map, json};

/// What was told of rooms.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Listener for Told {
    fn on_event(&self, event: &Event) {
        let Event::Room(event) = event else { return };
        let words = event.changes.iter().map(|change| match change {
            Change::Deleted { message, sender, .. } => {
                format!("{} of {} is deleted", message.id, sender.username)
            }
            Change::Made { by } => format!("made by {by:?}"),
            Change::Joined { user } => format!("{user} joined"),
            Change::Settings => "settings".to_owned(),
            Change::Sent { message, sender, .. } => {
                format!("{} says {}", sender.username, message.content)
            }
            other => format!("{other:?}"),
        });
        self.0.lock().unwrap().extend(words);
    }
}

fn open() -> (Chat, Shelf) {
    let users = [1, 2, 3].map(|id: u64| User::new(id.into(), format!("user{id}")));
    let shelf = Shelf::default();
    let authenticator = JwtAuthenticator::hs256(SECRET);
    let chat = Chat::builder(Flaky::default(), StaticDirectory::from_iter(users), authenticator)
        .with_files(shelf.clone())
        .build();
    (chat, shelf)
}

fn listen(chat: &Chat) -> Arc<Told> {
    let told = Arc::new(Told::default());
    chat.add_listener(told.clone());
    told
}

fn message(id: u64) -> MessageId {
    MessageId::new(id).unwrap()
}

#[test]
fn the_host_takes_a_message_down_whoever_sent_it_and_is_gone_since() {
    let (chat, shelf) = open();
    let john = chat.acting_as(1);
    let room = now(john.direct_room(2)).unwrap().id;
    let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
    let upload = now(john.upload(room, "notes.txt", pieces)).unwrap();
    let sent = now(john.send(room, Outgoing::new("look").with_file(upload))).unwrap().message;
    now(chat.remove_member(room, &1.into())).unwrap();
    let told = listen(&chat);
    now(chat.delete_message(room, sent.id)).unwrap();
    assert_eq!(*told.0.lock().unwrap(), [format!("{} of user1 is deleted", sent.id)]);
    assert!(shelf.contents().is_empty());
    let jane = chat.acting_as(2);
    let left =
        now(jane.history_with_deleted(room, Anchor::Newest, Slice::first(10))).unwrap().items;
    assert!(left[0].is_deleted() && left[0].content.is_empty());

    let again = now(chat.delete_message(room, sent.id));
    assert!(matches!(again, Err(Error::Denied(Denial::Deleted))), "{again:?}");
    let unknown = now(chat.delete_message(room, message(999)));
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
}

#[test]
fn the_host_makes_and_manages_rooms_that_nobody_else_can_manage() {
    let (chat, _) = open();
    let order = Map::from_iter([("order".to_owned(), json!(17))]);
    let made = chat.create_room(RoomKind::Group, "order 17", vec![1.into()], order.clone());
    let room = now(made).unwrap();
    let john = chat.acting_as(1);
    let seen = now(john.room(room)).unwrap();
    assert_eq!((seen.room.created_by, &*seen.room.metadata), (None, &order));
    let managed = now(john.rename_room(room, "mine"));
    assert!(matches!(managed, Err(Error::Denied(Denial::NotCreator))), "{managed:?}");

    let told = listen(&chat);
    now(chat.rename_room(room, "done")).unwrap();
    now(chat.set_active(room, false)).unwrap();
    now(chat.set_metadata(room, Map::new())).unwrap();
    now(chat.set_metadata(room, Map::new())).expect("what changes nothing succeeds");
    now(chat.add_members(room, vec![2.into()])).unwrap();
    assert_eq!(*told.0.lock().unwrap(), ["settings", "settings", "settings", "2 joined"]);
    let seen = now(chat.acting_as(2).room(room)).unwrap().room;
    assert_eq!((seen.name.as_deref(), seen.active), (Some("done"), false));
    assert!(seen.metadata.is_empty());
    assert_eq!(members(&chat, room), ["1", "2"]);
}

fn members(chat: &Chat, room: RoomId) -> Vec<String> {
    let members = now(chat.members(room)).unwrap();
    members.iter().map(|member| member.user.to_string()).collect()
}

#[test]
fn the_host_brings_in_nobody_that_the_directory_does_not_know_and_nobody_into_direct_rooms() {
    let (chat, _) = open();
    let unknown: UserId = 9.into();
    let nobody = |result: Result<(), Error>| match result {
        Err(Error::Invalid(fields)) => {
            assert_eq!(fields[0].field, "members");
            assert_eq!(fields[0].problem, Problem::UnknownUser("9".to_owned()));
        }
        other => panic!("{other:?}"),
    };
    let add = vec![2.into(), unknown];
    let made = chat.create_room(RoomKind::Group, "a", add.clone(), Map::new());
    nobody(now(made).map(drop));
    let room = now(chat.create_room(RoomKind::Public, "a", Vec::new(), Map::new())).unwrap();
    nobody(now(chat.add_members(room, add)));
    assert!(members(&chat, room).is_empty());

    let made = now(chat.create_room(RoomKind::Direct, "a", Vec::new(), Map::new()));
    assert!(matches!(made, Err(Error::Denied(Denial::WrongKind))), "{made:?}");
    let pair = now(chat.acting_as(1).direct_room(2)).unwrap().id;
    let told = listen(&chat);
    now(chat.set_active(pair, false)).unwrap();
    now(chat.set_active(pair, false)).expect("what changes nothing succeeds");
    assert_eq!(*told.0.lock().unwrap(), ["settings"]);
    let sent = now(chat.acting_as(1).send(pair, "hello"));
    assert!(matches!(sent, Err(Error::Denied(Denial::Inactive))), "{sent:?}");
    let managed = now(chat.rename_room(pair, "ours"));
    assert!(matches!(managed, Err(Error::Denied(Denial::WrongKind))), "{managed:?}");
    let managed = now(chat.add_members(pair, vec![3.into()]));
    assert!(matches!(managed, Err(Error::Denied(Denial::WrongKind))), "{managed:?}");
    let nowhere = RoomId::new(999).unwrap();
    assert!(matches!(now(chat.add_members(nowhere, vec![])), Err(Error::NotFound)));
    assert!(matches!(now(chat.members(nowhere)), Err(Error::NotFound)));
}

#[test]
fn the_host_finds_all_rooms_of_a_user_and_takes_back_what_they_said() {
    let (chat, _) = open();
    let (john, jane) = (chat.acting_as(1), chat.acting_as(2));
    let pair = now(john.direct_room(2)).unwrap().id;
    let group = now(jane.create_room(RoomKind::Group, "a", vec![1.into()])).unwrap();
    for room in [pair, group] {
        now(john.send(room, "mine")).unwrap();
        now(jane.send(room, "hers")).unwrap();
    }
    now(chat.set_active(group, false)).unwrap();
    let john_id = UserId::from(1);
    assert_eq!(now(chat.rooms_of(&john_id, None, 10)).unwrap(), [pair, group]);
    assert_eq!(now(chat.rooms_of(&john_id, Some(pair), 10)).unwrap(), [group]);
    for room in [pair, group] {
        let pages = now(john.all_messages(room, None, None)).unwrap();
        for page in now(pages.collect::<Vec<_>>()) {
            for message in page.unwrap().iter().filter(|message| message.sender == john_id) {
                now(chat.delete_message(room, message.id)).unwrap();
            }
        }
        now(chat.remove_member(room, &john_id)).unwrap();
        let left =
            now(jane.history_with_deleted(room, Anchor::Newest, Slice::first(10))).unwrap().items;
        let left: Vec<_> = left.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(left, ["hers", ""]);
    }
    assert_eq!(now(chat.rooms_of(&john_id, None, 10)).unwrap(), []);
}

#[test]
fn the_host_says_what_it_wants_in_any_room_once() {
    let (chat, _) = open();
    let pair = now(chat.direct_room(1, 2, Map::new())).unwrap().id;
    now(chat.set_active(pair, false)).unwrap();
    let told = listen(&chat);
    let note = || {
        let note = Outgoing::new("shipped").with_kind(MessageKind::System);
        now(chat.send_as(3, pair, note.with_key("order-17"))).unwrap()
    };
    let first = note();
    assert_eq!((first.repeated, first.message.kind), (false, MessageKind::System));
    assert_eq!((first.sender.username.as_str(), note().repeated), ("user3", true));
    assert_eq!(*told.0.lock().unwrap(), ["user3 says shipped"]);
    let other = now(chat.send_as(3, pair, Outgoing::new("else").with_key("order-17")));
    assert!(matches!(other, Err(Error::Conflict(Conflict::KeyReused))), "{other:?}");
    assert_eq!(now(chat.acting_as(1).room(pair)).unwrap().unread, 0, "nobody has to read notes");
    now(chat.send_as(3, pair, "call me")).unwrap();
    assert_eq!(now(chat.acting_as(1).room(pair)).unwrap().unread, 1);

    let nowhere = now(chat.send_as(3, RoomId::new(999).unwrap(), "hello"));
    assert!(matches!(nowhere, Err(Error::NotFound)), "{nowhere:?}");
    for (sender, wrong) in [("9", "sender"), ("", "sender"), ("3", "content")] {
        let text = if wrong == "content" { " " } else { "hello" };
        match now(chat.send_as(sender, pair, text)) {
            Err(Error::Invalid(fields)) => assert_eq!(fields[0].field, wrong),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_host_opens_the_direct_room_of_any_two_with_what_it_notes() {
    let (chat, _) = open();
    let order = Map::from_iter([("match".to_owned(), json!(17))]);
    let opened = now(chat.direct_room(1, 2, order.clone())).unwrap();
    let again = now(chat.direct_room(2, 1, Map::new())).unwrap();
    assert_eq!((opened.created, again.created, again.id), (true, false, opened.id));
    let seen = now(chat.acting_as(2).room(opened.id)).unwrap().room;
    assert_eq!((seen.created_by, &*seen.metadata), (Some(1.into()), &order));
    for (second, problem) in [("1", Problem::Oneself), ("9", Problem::UnknownUser("9".to_owned()))]
    {
        match now(chat.direct_room(1, second, Map::new())) {
            Err(Error::Invalid(fields)) => assert_eq!(fields[0].problem, problem),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_host_reads_all_rooms_and_all_that_was_said() {
    let (chat, _) = open();
    let pair = now(chat.direct_room(1, 2, Map::new())).unwrap().id;
    let group = now(chat.create_room(RoomKind::Group, "a", vec![1.into()], Map::new())).unwrap();
    now(chat.set_active(group, false)).unwrap();
    let sent: Vec<_> = (1..=250)
        .map(|number| now(chat.send_as(1 + number % 2, pair, number.to_string())).unwrap().message)
        .collect();
    now(chat.delete_message(pair, sent[0].id)).unwrap();

    let ids = |after, limit| {
        let rooms = now(chat.rooms(after, limit)).unwrap();
        rooms.iter().map(|summary| summary.room.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids(None, 10), ids(None, 1), ids(Some(pair), 1)),
        (vec![pair, group], vec![pair], vec![group])
    );
    let seen = now(chat.room(pair)).unwrap();
    assert_eq!((seen.members.len(), seen.unread), (2, 0));
    assert_eq!(seen.last_message.unwrap().content, "250");

    assert!(now(chat.message(sent[0].id)).unwrap().is_deleted());
    let page = now(chat.history(pair, Anchor::Newest, Slice::first(2))).unwrap();
    let texts: Vec<_> = page.items.iter().map(|message| message.content.as_str()).collect();
    assert_eq!((page.count, texts), (249, vec!["250", "249"]));
    let page = now(chat.history_with_deleted(pair, Anchor::Newest, Slice::page(250, 1))).unwrap();
    assert_eq!((page.count, page.items[0].id), (250, sent[0].id));
    let pages = now(now(chat.all_messages(pair)).unwrap().collect::<Vec<_>>());
    let all: Vec<_> =
        pages.into_iter().flat_map(Result::unwrap).map(|message| message.id).collect();
    let living: Vec<_> = sent[1..].iter().map(|message| message.id).collect();
    assert_eq!(all, living);

    let nowhere = RoomId::new(999).unwrap();
    assert!(matches!(now(chat.room(nowhere)), Err(Error::NotFound)));
    assert!(matches!(now(chat.message(message(999))), Err(Error::NotFound)));
    assert!(matches!(
        now(chat.history(nowhere, Anchor::Newest, Slice::first(1))),
        Err(Error::NotFound)
    ));
    assert!(matches!(now(chat.all_messages(nowhere)).err(), Some(Error::NotFound)));
}

#[test]
fn a_room_that_is_made_is_told_of_once_with_who_is_in_it() {
    let (chat, _) = open();
    let told = listen(&chat);
    let take = || std::mem::take(&mut *told.0.lock().unwrap());
    now(chat.create_room(RoomKind::Group, "a", vec![2.into(), 2.into()], Map::new())).unwrap();
    assert_eq!(take(), ["made by None", "2 joined"]);
    let john = chat.acting_as(1);
    now(john.create_room(RoomKind::Group, "a", vec![3.into(), 1.into()])).unwrap();
    assert_eq!(take(), ["made by Some(UserId(1))", "1 joined", "3 joined"]);
    for _ in 0..2 {
        now(john.direct_room(2)).unwrap();
    }
    assert_eq!(take(), ["made by Some(UserId(1))", "1 joined", "2 joined"]);
    now(chat.create_room(RoomKind::Group, "a", vec![9.into()], Map::new())).unwrap_err();
    assert!(take().is_empty());
}

#[test]
fn a_room_that_the_host_deletes_is_gone_and_told_of_once() {
    let (chat, shelf) = open();
    let (john, jane) = (chat.acting_as(1), chat.acting_as(2));
    let pair = now(john.direct_room(2)).unwrap().id;
    let group = now(john.create_room(RoomKind::Group, "a", vec![2.into()])).unwrap();
    let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
    let upload = now(john.upload(pair, "notes.txt", pieces)).unwrap();
    let sent = now(john.send(pair, Outgoing::new("look").with_file(upload))).unwrap().message.id;
    assert_eq!(now(jane.unread()).unwrap(), 1);
    let told = listen(&chat);
    assert!(now(chat.delete_room(pair)).unwrap());
    for room in [pair, RoomId::new(999).unwrap()] {
        assert!(!now(chat.delete_room(room)).unwrap(), "there is no such room");
    }
    assert_eq!(*told.0.lock().unwrap(), ["Gone"]);

    assert!(matches!(now(john.send(pair, "hello")), Err(Error::NotFound)));
    assert!(matches!(now(chat.send_as(3, pair, "hello")), Err(Error::NotFound)));
    assert!(matches!(now(jane.message(None, sent)), Err(Error::NotFound)));
    assert!(matches!(now(chat.message(sent)), Err(Error::NotFound)));
    assert!(matches!(now(chat.members(pair)), Err(Error::NotFound)));
    assert!(matches!(now(jane.download(sent)), Err(Error::NotFound)));
    assert_eq!(now(jane.unread()).unwrap(), 0);
    assert_eq!(now(chat.rooms_of(&2.into(), None, 10)).unwrap(), [group]);
    now(chat.erase_user(&3.into())).unwrap();

    assert_eq!(shelf.contents().len(), 1);
    while now(chat.sweep_gone_rooms()).unwrap() {}
    while now(chat.delete_gone_files()).unwrap() {}
    assert!(shelf.contents().is_empty());
    let anew = now(jane.direct_room(1)).unwrap();
    assert!(anew.created && anew.id > group);
}

#[test]
fn a_room_is_deleted_where_nothing_was_said_since_and_else_kept_untold() {
    let (chat, _) = open();
    let john = chat.acting_as(1);
    let pair = now(john.direct_room(2)).unwrap().id;
    let sent = now(john.send(pair, "hello")).unwrap().message.created_at;
    let told = listen(&chat);
    assert!(!now(chat.delete_room_if_idle(pair, sent)).unwrap(), "it was just said");
    now(john.room(pair)).expect("it is kept");
    assert!(told.0.lock().unwrap().is_empty());
    let later = sent.after(Duration::from_micros(1));
    assert!(now(chat.delete_room_if_idle(pair, later)).unwrap());
    assert!(!now(chat.delete_room_if_idle(pair, later)).unwrap(), "there is no such room");
    assert_eq!(*told.0.lock().unwrap(), ["Gone"]);
    assert!(matches!(now(john.room(pair)), Err(Error::NotFound)));
}

#[test]
fn a_deletion_of_a_room_whose_answer_was_lost_is_found_out_by_calling_again() {
    let users = StaticDirectory::from_iter([1, 2].map(|id: u64| User::new(id.into(), "somebody")));
    let store = Flaky::default();
    let chat = Chat::new(store.clone(), users, JwtAuthenticator::hs256(SECRET));
    let room = now(chat.direct_room(1, 2, Map::new())).unwrap().id;
    store.set_down(true);
    assert!(matches!(now(chat.delete_room(room)), Err(Error::Unavailable(_))));
    store.set_down(false);
    now(chat.room(room)).expect("nothing was done");
    store.set_mute(true);
    assert!(matches!(now(chat.delete_room(room)), Err(Error::Unavailable(_))));
    store.set_mute(false);
    assert!(!now(chat.delete_room(room)).unwrap(), "it was done");
    assert!(matches!(now(chat.room(room)), Err(Error::NotFound)));
}

#[test]
fn the_host_reads_from_the_oldest_on_what_it_has_not_deleted() {
    let (chat, _) = open();
    let room = now(chat.direct_room(1, 2, Map::new())).unwrap().id;
    let mut sent: Vec<_> = (1..=7)
        .map(|number| now(chat.send_as(1, room, number.to_string())).unwrap().message)
        .collect();
    assert!(sent.is_sorted_by_key(|message| message.created_at));
    now(chat.delete_message(room, sent.remove(1).id)).unwrap();
    while !sent.is_empty() {
        let page = now(chat.history(room, Anchor::AfterSeq(0), Slice::first(2))).unwrap();
        let oldest: Vec<_> = page.items.iter().map(|message| message.id).collect();
        let wanted: Vec<_> = sent.drain(..2).map(|message| message.id).collect();
        assert_eq!(oldest, wanted);
        for message in oldest {
            now(chat.delete_message(room, message)).unwrap();
        }
    }
    let left = now(chat.history(room, Anchor::AfterSeq(0), Slice::first(2))).unwrap();
    assert!(left.items.is_empty());
}
