//! When the host's hooks are asked, and what their answers do.

mod common;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::host::{
    Draft, Hooks, Invitation, JwtAuthenticator, Refusal, RoomDraft, StaticDirectory,
};
use chat_core::model::{MessageId, MessageKind, RoomId, RoomKind, User, UserId};
use chat_core::rules::{Content, Denial, RoomName};
use chat_core::service::{Conflict, Error, Problem};
use chat_core::{Chat, Outgoing};
use common::{Flaky, SECRET, Shelf, now};
use futures::stream::{self, StreamExt};
use serde_json::Map;

/// Notes what it is asked, and refuses what has to do with a word or a user.
#[derive(Clone, Default)]
struct Host(Arc<Mutex<Vec<String>>>);

impl Host {
    fn note(&self, asked: String) {
        self.0.lock().unwrap().push(asked);
    }

    /// What it was asked since this was last called.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Hooks for Host {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let (sender, text) = (&draft.sender.id, draft.content.as_str());
        let other = draft.other.as_ref().map_or(String::new(), |other| format!(" to {other}"));
        let edits = draft.edited.map_or(String::new(), |it| format!(" for {}", it.content));
        let kind = if draft.kind == MessageKind::Text { "says" } else { "notes" };
        self.note(format!("{sender} {kind} {text}{other}{edits}"));
        match text {
            "bad" => Err("Mind your language.".into()),
            "again" => Err(Refusal::Limited { retry_after: Duration::from_secs(7) }),
            "down" => Err(Refusal::Unavailable("the filter is away".into())),
            "panic" => panic!("the host's own"),
            "darn" => {
                draft.content = Content::parse("d***", 10).unwrap();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn before_add(&self, invitation: Invitation<'_>) -> Result<(), Refusal> {
        let Invitation { room, room_kind, users, by, .. } = invitation;
        let room = room.map_or("a new room".to_owned(), |room| room.to_string());
        let ids: Vec<_> = users.iter().map(UserId::as_str).collect();
        self.note(format!("{} adds {} to {room}, {room_kind:?}", by.id, ids.join(" and ")));
        if ids.contains(&"3") { Err("Leave her alone.".into()) } else { Ok(()) }
    }

    async fn before_join(&self, room: RoomId, user: &User) -> Result<(), Refusal> {
        self.note(format!("{} joins {room}", user.id));
        if user.id.as_str() == "3" { Err("Not you.".into()) } else { Ok(()) }
    }

    async fn before_room(&self, draft: RoomDraft<'_>) -> Result<(), Refusal> {
        let room = draft.room.map_or("a new room".to_owned(), |room| room.to_string());
        let name = draft.name.as_str();
        self.note(format!("{} calls {room}, {:?}, {name}", draft.by.id, draft.room_kind));
        if name == "bad" { Err("Not that name.".into()) } else { Ok(()) }
    }
}

fn open() -> (Chat, Host, Shelf) {
    let users = [1, 2, 3].map(|id: u64| User::new(id.into(), id.to_string()));
    let (host, shelf) = (Host::default(), Shelf::default());
    let authenticator = JwtAuthenticator::hs256(SECRET);
    let chat = Chat::builder(Flaky::default(), StaticDirectory::from_iter(users), authenticator)
        .with_hooks(host.clone())
        .with_files(shelf.clone())
        .build();
    (chat, host, shelf)
}

/// A room of two, and a message of the first one's.
fn pair(chat: &Chat, host: &Host) -> (RoomId, MessageId) {
    let room = now(chat.acting_as("1").direct_room("2")).unwrap().id;
    let message = now(chat.acting_as("1").send(room, "hello")).unwrap().message.id;
    host.asked();
    (room, message)
}

fn name(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
}

/// The field that is refused, and the sentence.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    match result {
        Err(Error::Invalid(fields)) => match &fields[..] {
            [field] if matches!(field.problem, Problem::Refused(_)) => {
                (field.field.to_string(), field.problem.to_string())
            }
            _ => panic!("{fields:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn pairs(field: &str, sentence: &str) -> (String, String) {
    (field.to_owned(), sentence.to_owned())
}

#[test]
fn the_host_is_not_shown_the_drafts_of_strangers() {
    let (chat, host, _) = open();
    let (room, message) = pair(&chat, &host);
    let jane = chat.acting_as("3");
    let sent = now(jane.send(room, "hello"));
    assert!(matches!(sent, Err(Error::Denied(Denial::NotMember))), "{sent:?}");
    let edited = now(jane.edit(room, message, "hello"));
    assert!(matches!(edited, Err(Error::Denied(Denial::NotMember))), "{edited:?}");
    let edited = now(chat.acting_as("2").edit(room, message, "hello"));
    assert!(matches!(edited, Err(Error::Denied(Denial::NotSender))), "{edited:?}");
    assert!(host.asked().is_empty());
    now(chat.acting_as("1").send(room, "hello")).unwrap();
    assert_eq!(host.asked(), ["1 says hello to 2"]);
}

#[test]
fn the_host_is_asked_once_about_a_message_however_often_its_send_is_repeated() {
    let (chat, host, _) = open();
    let (room, _) = pair(&chat, &host);
    let john = chat.acting_as("1");
    let send = || now(john.send(room, Outgoing::new("darn").with_key("k"))).unwrap();
    let first = send();
    for _ in 0..3 {
        let again = send();
        assert!(again.repeated);
        assert_eq!(again.message.id, first.message.id);
    }
    assert_eq!(host.asked(), ["1 says darn to 2"]);
    let other = now(john.send(room, Outgoing::new("other").with_key("k")));
    assert!(matches!(other, Err(Error::Conflict(Conflict::KeyReused))), "{other:?}");
}

#[test]
fn an_edit_is_asked_about_as_a_send_is() {
    let (chat, host, _) = open();
    let (room, message) = pair(&chat, &host);
    let john = chat.acting_as("1");
    assert_eq!(
        refused(now(john.edit(room, message, "bad"))),
        pairs("content", "Mind your language.")
    );
    assert_eq!(host.asked(), ["1 says bad to 2 for hello"]);
    let stands = now(john.message(Some(room), message)).unwrap();
    assert_eq!((stands.content.as_str(), stands.edited_at), ("hello", None));
    let edited = now(john.edit(room, message, "darn")).unwrap().message;
    assert_eq!(edited.content, "d***");
    now(john.delete(room, message)).unwrap();
    host.asked();
    let edited = now(john.edit(room, message, "hello"));
    assert!(matches!(edited, Err(Error::Denied(Denial::Deleted))), "{edited:?}");
    assert!(host.asked().is_empty());
}

#[test]
fn the_host_is_not_asked_about_what_a_closed_room_refuses() {
    let (chat, host, _) = open();
    let room = now(chat.acting_as("1").create_room(RoomKind::Group, name("a"), vec![])).unwrap();
    let send = |text| now(chat.acting_as("1").send(room, Outgoing::new(text).with_key(text)));
    send("before").unwrap();
    now(chat.set_active(room, false)).unwrap();
    host.asked();
    let sent = send("after");
    assert!(matches!(sent, Err(Error::Denied(Denial::Inactive))), "{sent:?}");
    assert!(send("before").unwrap().repeated);
    assert!(host.asked().is_empty());
}

#[test]
fn what_the_host_puts_in_place_of_a_text_is_stored() {
    let (chat, host, _) = open();
    let (room, _) = pair(&chat, &host);
    assert_eq!(now(chat.acting_as("1").send(room, "darn")).unwrap().message.content, "d***");
}

#[test]
fn a_refusal_says_what_it_means() {
    let (chat, host, _) = open();
    let (room, _) = pair(&chat, &host);
    let john = chat.acting_as("1");
    assert_eq!(refused(now(john.send(room, "bad"))), pairs("content", "Mind your language."));
    let limited = now(john.send(room, "again"));
    let wait = Duration::from_secs(7);
    assert!(matches!(limited, Err(Error::Limited { retry_after }) if retry_after == wait));
    assert!(matches!(now(john.send(room, "down")), Err(Error::Unavailable(_))));
}

#[test]
fn the_host_is_asked_about_rooms_and_their_names() {
    let (chat, host, _) = open();
    let john = chat.acting_as("1");
    let bad = john.create_room(RoomKind::Public, name("bad"), Vec::new());
    assert_eq!(refused(now(bad)), pairs("name", "Not that name."));
    let room = john.create_room(RoomKind::Public, name("fine"), vec![2.into()]);
    let room = now(room).unwrap();
    let asked = [
        "1 calls a new room, Public, bad".to_owned(),
        "1 calls a new room, Public, fine".to_owned(),
        "1 adds 2 to a new room, Public".to_owned(),
    ];
    assert_eq!(host.asked(), asked);
    let renamed = now(john.rename_room(room, name("bad")));
    assert_eq!(refused(renamed), pairs("name", "Not that name."));
    assert_eq!(now(john.room(room)).unwrap().room.name.as_deref(), Some("fine"));
    let managed = now(chat.acting_as("2").rename_room(room, name("b")));
    assert!(matches!(managed, Err(Error::Denied(Denial::NotCreator))), "{managed:?}");
    assert_eq!(host.asked(), [format!("1 calls {room}, Public, bad")]);
}

#[test]
fn the_host_is_asked_who_may_come_into_which_room() {
    let (chat, host, _) = open();
    let john = chat.acting_as("1");
    assert_eq!(refused(now(john.direct_room("3"))), pairs("user_id", "Leave her alone."));
    let room = now(john.create_room(RoomKind::Public, name("fine"), Vec::new())).unwrap();
    host.asked();
    let added = now(john.add_members(room, vec![3.into()]));
    assert_eq!(refused(added), pairs("members", "Leave her alone."));
    assert_eq!(refused(now(chat.acting_as("3").join(room))), pairs("", "Not you."));
    now(chat.acting_as("2").join(room)).unwrap();
    now(chat.acting_as("2").join(room)).expect("a member joins again");
    let asked = [
        format!("1 adds 3 to {room}, Public"),
        format!("3 joins {room}"),
        format!("2 joins {room}"),
    ];
    assert_eq!(host.asked(), asked);
    let members = now(chat.members(room)).unwrap();
    let members: HashSet<_> = members.iter().map(|member| member.user.as_str()).collect();
    assert_eq!(members, HashSet::from(["1", "2"]));
    let group = now(john.create_room(RoomKind::Group, name("closed"), Vec::new())).unwrap();
    host.asked();
    let joined = now(chat.acting_as("2").join(group));
    assert!(matches!(joined, Err(Error::Denied(Denial::NotMember))), "{joined:?}");
    assert!(host.asked().is_empty());
}

#[test]
fn a_file_is_gone_whose_message_was_refused_before_it_was_stored() {
    let (chat, host, shelf) = open();
    let (room, _) = pair(&chat, &host);
    let john = chat.acting_as("1");
    for text in ["bad", "again", "down", "panic"] {
        let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
        let upload = now(john.upload(room, "notes.txt", pieces)).unwrap();
        assert_eq!(shelf.contents(), [b"notes"]);
        let outgoing = Outgoing::new(text).with_file(upload);
        let sent = catch_unwind(AssertUnwindSafe(|| now(john.send(room, outgoing))));
        assert_eq!(sent.is_err(), text == "panic");
        assert!(!matches!(sent, Ok(Ok(_))));
        assert!(shelf.contents().is_empty(), "{text}");
    }
}

#[test]
fn hooks_see_what_a_draft_carries() {
    let (chat, host, _) = open();
    let (room, _) = pair(&chat, &host);
    let note = Outgoing::new("joined the call").with_kind(MessageKind::System);
    now(chat.acting_as("1").send(room, note)).unwrap();
    assert_eq!(host.asked(), ["1 notes joined the call to 2"]);
}

#[test]
fn nobody_is_asked_about_a_direct_room_that_stands() {
    let (chat, host, _) = open();
    let opened = now(chat.direct_room(1, 3, Map::new())).unwrap();
    assert!(opened.created);
    let again = now(chat.acting_as("1").direct_room("3")).unwrap();
    assert_eq!((again.id, again.created), (opened.id, false));
    assert!(host.asked().is_empty());
    let other = now(chat.acting_as("2").direct_room("3"));
    assert_eq!(refused(other), pairs("user_id", "Leave her alone."));
}

#[test]
fn the_host_is_not_asked_about_what_it_says_itself() {
    let (chat, host, shelf) = open();
    let (room, _) = pair(&chat, &host);
    now(chat.send_as("3", room, "bad")).unwrap();
    let message = now(chat.compose_as("3", room, "bad")).unwrap();
    assert_eq!((message.by.user().as_str(), message.content.as_str()), ("3", "bad"));
    assert!(host.asked().is_empty());
    // A file that is not needed is gone here too.
    for sender in ["9", "3"] {
        let pieces = stream::iter([Ok(Bytes::from_static(b"notes"))]).boxed();
        let upload = now(chat.acting_as("1").upload(room, "notes.txt", pieces)).unwrap();
        let sent = now(chat.send_as(sender, room, Outgoing::new("").with_file(upload)));
        assert_eq!(
            (sent.is_ok(), shelf.contents().len()),
            (sender == "3", usize::from(sender == "3"))
        );
    }
}

#[test]
fn the_host_is_asked_once_about_a_list_that_names_some_of_them_often() {
    let (chat, host, _) = open();
    let john = chat.acting_as("1");
    let often: Vec<UserId> = (0..5_000).map(|number| UserId::from(1 + number % 2)).collect();
    let room = now(john.create_room(RoomKind::Group, "a", often.clone())).unwrap();
    now(john.add_members(room, often)).unwrap();
    let asked = [
        "1 calls a new room, Group, a".to_owned(),
        "1 adds 1 and 2 to a new room, Group".to_owned(),
        format!("1 adds 1 and 2 to {room}, Group"),
    ];
    assert_eq!(host.asked(), asked);
}

#[test]
fn a_list_that_is_too_long_is_refused_before_anybody_is_asked() {
    let (chat, host, _) = open();
    let john = chat.acting_as("1");
    let room = now(john.create_room(RoomKind::Group, "a", Vec::new())).unwrap();
    host.asked();
    let many: Vec<UserId> = (0..5_001_u64).map(UserId::from).collect();
    match now(john.add_members(room, many)) {
        Err(Error::Invalid(fields)) => {
            assert_eq!(fields[0].field, "members");
            assert_eq!(fields[0].problem, Problem::TooManyMembers { limit: 5_000 });
        }
        other => panic!("{other:?}"),
    }
    assert!(host.asked().is_empty());
}
