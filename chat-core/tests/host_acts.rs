//! What the host does itself, in nobody's name.

mod common;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{Change, Event, MessageId, RoomId, RoomKind, Slice, User, UserId};
use chat_core::rules::Denial;
use chat_core::service::{Error, Listener, Problem};
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
            Change::Joined { user } => format!("{user} joined"),
            Change::Settings => "settings".to_owned(),
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
    let left = now(jane.history(room, Anchor::Newest, Slice::first(10), true)).unwrap().items;
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
        let left = now(jane.history(room, Anchor::Newest, Slice::first(10), true)).unwrap().items;
        let left: Vec<_> = left.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(left, ["hers", ""]);
    }
    assert_eq!(now(chat.rooms_of(&john_id, None, 10)).unwrap(), []);
}
