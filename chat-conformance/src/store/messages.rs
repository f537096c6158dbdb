//! Sending, editing, deleting and reading messages.

use std::sync::Arc;

use chat_core::model::{Kinds, MessageKind, MessageVersions, RoomKind, SeqSet, UserId};
use chat_core::rules::{Action, Caller, Content, Denial, Emoji, RoomName, Term, Words};
use chat_core::store::{DeleteMessage, EditMessage, MessageSearch, NewMessage, NewRoom, Store};

use super::world::{
    Refusal, World, at, attachment, caller, content, no_message, no_room, refusal, user,
};

/// A message "takes the room's next `seq` and next version; the id is larger than those of the
/// room's messages before it".
pub async fn a_message_takes_the_next_position_version_and_a_larger_id(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    let mut ids = Vec::new();
    for seq in 1..=5 {
        let message = world.say(room, 1 + seq % 2, "hello").await;
        assert_eq!((message.seq, message.room), (seq, room));
        assert_eq!(message.versions, MessageVersions { sent: seq + 1, ..Default::default() });
        assert_eq!(world.version(room).await, seq + 1);
        assert!(ids.iter().all(|id| *id < message.id));
        ids.push(message.id);
        let elsewhere = world.say(other, 1, "hello").await;
        assert_eq!(elsewhere.seq, seq, "each room counts for itself");
        assert!(!ids.contains(&elsewhere.id), "an id is unique in its store");
    }
}

/// A message comes back as it was sent, in every way to read it.
pub async fn a_message_is_kept_as_it_was_sent(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let first = world.say(room, 2, "first").await;
    let text = " <b>é</b> 👩‍👩‍👧 'quoted' \"\\\" $1 %s\r\n\t\u{202e}end ";
    for kind in MessageKind::ALL {
        let new = NewMessage {
            kind,
            attachment: Some(attachment("Büro 1.png")),
            reply_to: Some(first.id),
            ..world.text(room, 1, text)
        };
        let sent_at = new.at;
        let sent = world.send(new).await;
        assert_eq!((sent.content.as_str(), sent.kind), (text, kind));
        assert_eq!(sent.attachment, Some(attachment("Büro 1.png")));
        assert_eq!((sent.reply_to, &sent.sender), (Some(first.id), &user(1)));
        assert_eq!((sent.created_at, sent.edited_at, sent.deleted_at), (sent_at, None, None));
        assert_eq!((sent.delivered_at, sent.read_at, &sent.status_by), (None, None, &None));
        assert!(sent.reactions.is_empty());
        assert_eq!(world.message(2, sent.id).await, sent);
        assert_eq!(world.summary(room, 2).await.last_message, Some(sent.clone()));
        assert_eq!(world.everything(room).await.messages.last(), Some(&*sent));
    }
}

/// A file may come without text, and a long text is kept whole.
pub async fn empty_captions_and_long_texts_are_kept(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let long = "👍".repeat(10_000);
    for text in ["", " \n ", &long] {
        let content = Content::parse_caption(text, 10_000).unwrap();
        let attachment = Some(attachment("file"));
        let new = NewMessage { content, attachment, ..world.text(room, 1, "-") };
        let sent = world.send(new).await;
        assert_eq!(world.message(2, sent.id).await.content, text);
    }
}

/// Whatever the rules let through is kept as it was sent: text, emoji, names and user ids.
pub async fn texts_of_every_sort_are_kept(store: Arc<dyn Store>) {
    let world = World::new(store);
    for text in [
        "\u{200b}\u{200d}\u{feff}".to_owned(),
        "\u{1}\u{1b}\u{7f}\u{85}\u{2028}".to_owned(),
        "\u{fffe}\u{ffff}\u{fdd0}\u{e000}\u{10ffff}\u{fffd}".to_owned(),
        "\u{202e}gpj.exe\u{2066}a".to_owned(),
        format!("Z{}", "\u{301}".repeat(9_999)),
        "\u{301}a".repeat(5_000),
        "👨\u{200d}👩\u{200d}👧\u{200d}👦".repeat(1_000),
        "🏴\u{e0067}\u{e0062}\u{e007f}🇩🇪🇩".to_owned(),
        "%' _ \\ %%% ' or '1'='1'; drop table messages; --".to_owned(),
        "\\u0000 \\x00 {\"a\": [null]} $1 ${a} {} %s :a & | ! <-> (".to_owned(),
        "__proto__".to_owned(),
        "ﷺ ǅ ß İ ı ﬁ ①".to_owned(),
        (0..1_250).map(|number| format!("w{number:06}")).collect::<Vec<_>>().join(" "),
        "x".repeat(10_000),
    ] {
        let beginning: String = text.chars().take(8).collect();
        let visible = text.chars().filter(|it| !it.is_control()).take(60);
        let visible: String = ['a'].into_iter().chain(visible).collect();
        let other = UserId::new(&visible).unwrap();
        let name = RoomName::parse(&visible).unwrap();
        let new = NewRoom {
            name: Some(name.clone()),
            members: vec![other.clone()],
            ..world.new_room(RoomKind::Group, &[1])
        };
        let room = world.store.create_room(new).await.unwrap();
        let sent = world.say(room, 1, &text).await;
        assert_eq!(sent.content, text);
        let edited = world.edit(room, 1, sent.id, &text).await.unwrap();
        assert_eq!(edited.content, text);
        let emoji = Emoji::parse(beginning.clone()).ok().map(|_| beginning.as_str());
        if let Some(emoji) = emoji {
            assert!(world.react(room, 1, sent.id, emoji).await.unwrap().1);
        }
        let by = Caller { user: other.clone(), kinds: Kinds::ALL }.into();
        let reply = NewMessage { by, reply_to: Some(sent.id), ..world.text(room, 1, &text) };
        assert_eq!(world.send(reply).await.sender, other);

        let kept = world.message(1, sent.id).await;
        assert_eq!((&kept.content, kept.reactions.len()), (&text, usize::from(emoji.is_some())));
        assert!(kept.reactions.iter().all(|it| Some(it.emoji.as_str()) == emoji));
        let summary = world.summary(room, 1).await;
        assert_eq!(summary.room.name.as_deref(), Some(name.as_str()));
        assert_eq!(summary.members[1], other);
        if let Some(word) = Words::of(&text).as_slice().first() {
            let term = Term::parse(word).unwrap();
            let search = MessageSearch { by: caller(1), term, limit: 50 };
            let found = world.store.search_messages(search).await.unwrap();
            assert!(found.iter().any(|it| it.access().room == room), "{word:?} is not found");
        }
    }
}

/// "`created_at` is `at`, or that of the message before it if that is later."
pub async fn a_message_is_never_older_than_the_one_before(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let say = async |by, second| {
        let new = world.text(room, by, "hello");
        world.send(NewMessage { at: at(second), ..new }).await.created_at
    };
    assert_eq!(say(1, 100).await, at(100));
    assert_eq!(say(2, 50).await, at(100));
    assert_eq!(say(1, 100).await, at(100));
    assert_eq!(say(2, 101).await, at(101));
    assert_eq!(world.summary(room, 1).await.room.activity_at, at(101));
}

/// "When the newest message was sent, deleted or not; else when the room was made. Never goes
/// back": neither by a deletion nor by a clock that is behind.
pub async fn activity_never_goes_back(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let made_at = world.summary(room, 1).await.room.created_at;
    let activity = async || world.summary(room, 1).await.room.activity_at;
    let new = world.text(room, 1, "a clock behind");
    world.send(NewMessage { at: at(-1_000), ..new }).await;
    assert_eq!(activity().await, made_at);
    let message = world.say(room, 1, "hello").await;
    assert_eq!(activity().await, message.created_at);
    world.delete(room, 1, message.id).await.unwrap();
    assert_eq!(activity().await, message.created_at);
}

/// "The sender has read and received it."
pub async fn the_sender_has_read_and_received_the_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.say(room, 1, "one").await;
    world.say(room, 2, "two").await;
    world.say(room, 1, "three").await;
    let member = world.member(room, 1).await;
    let own = SeqSet::from_iter([1, 3]);
    assert_eq!((&member.read, &member.delivered), (&own, &own));
    assert_eq!(world.unread(room, 1).await, 1);
    assert_eq!(world.unread(room, 2).await, 2);
}

/// "A system message is uncounted": nobody has to read it.
pub async fn a_system_message_is_uncounted(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.say(room, 1, "hello").await;
    let note = world.note(room, 1, "a note").await;
    let now = world.summary(room, 2).await;
    assert_eq!(now.unread, 1);
    assert_eq!(now.room.uncounted, SeqSet::from(2..=2));
    assert!(now.room.deleted.is_empty());
    assert_eq!(now.last_message, Some(note));
}

/// "`reply_to` must be a message of the room that is not deleted, else `BadReply`."
pub async fn only_messages_of_the_room_that_are_there_are_answered(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    let elsewhere = world.say(other, 1, "elsewhere").await;
    let there = world.say(room, 1, "there").await;
    let deleted = world.say(room, 1, "deleted").await;
    world.delete(room, 1, deleted.id).await.unwrap();
    for id in [elsewhere.id, deleted.id, no_message()] {
        let reply = NewMessage { reply_to: Some(id), ..world.text(room, 2, "reply") };
        assert_eq!(world.refuses(room, world.store.send(reply)).await, Refusal::BadReply);
    }
    let reply = NewMessage { reply_to: Some(there.id), ..world.text(room, 2, "reply") };
    let reply = world.send(reply).await;
    assert_eq!(reply.reply_to, Some(there.id));
    world.delete(room, 1, there.id).await.unwrap();
    assert_eq!(world.message(1, reply.id).await.reply_to, Some(there.id), "the answer stays");
}

/// An edit "sets `edited_at` and takes a version, also where the text is the same".
pub async fn an_edit_takes_a_version_also_where_the_text_is_the_same(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let new = NewMessage { attachment: Some(attachment("file")), ..world.text(room, 1, "text") };
    let sent = world.send(new).await;
    world.react(room, 2, sent.id, "👍").await.unwrap();
    world.read(room, 2, &sent).await;
    let before = world.message(1, sent.id).await;
    let mut last_edit = None;
    for (text, version) in [("edited", 5), ("edited", 6), (" 'é' ", 7)] {
        let edited = world.edit(room, 1, sent.id, text).await.unwrap();
        assert_eq!((edited.content.as_str(), edited.versions.edited), (text, version));
        assert!(edited.edited_at > last_edit, "each edit has its moment");
        last_edit = edited.edited_at;
        assert_eq!(world.message(2, sent.id).await, edited);

        let mut rest = (*edited).clone();
        rest.content.clone_from(&before.content);
        rest.edited_at = None;
        rest.versions.edited = 0;
        assert_eq!(rest, *before, "all else stays");
    }
    assert_eq!(world.version(room).await, 7);
}

/// `edited_at` and `deleted_at` are the moments that were given.
pub async fn edits_and_deletions_have_the_moment_given(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    let edit = EditMessage {
        room,
        message: message.id,
        by: caller(1),
        content: content("edited"),
        at: at(5_000),
    };
    assert_eq!(world.store.edit(edit).await.unwrap().edited_at, Some(at(5_000)));
    let delete = DeleteMessage { room, message: message.id, by: Some(caller(1)), at: at(6_000) };
    let (deleted, _) = world.store.delete(delete).await.unwrap();
    assert_eq!((deleted.edited_at, deleted.deleted_at), (Some(at(5_000)), Some(at(6_000))));
}

/// "Text, attachment and reactions are gone from the store. The attachment is handed back"; "the
/// row stays and keeps its place".
pub async fn a_deleted_message_keeps_its_place_and_nothing_else(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let answered = world.say(room, 2, "answered").await;
    let new = NewMessage {
        attachment: Some(attachment("file")),
        reply_to: Some(answered.id),
        ..world.text(room, 1, "text")
    };
    let sent = world.send(new).await;
    world.react(room, 2, sent.id, "👍").await.unwrap();
    world.read(room, 2, &sent).await;
    let before = world.message(1, sent.id).await;

    let (deleted, file) = world.delete(room, 1, sent.id).await.unwrap();
    assert_eq!(file, Some(attachment("file")));
    assert_eq!(deleted.content, "");
    assert_eq!((&deleted.attachment, deleted.reactions.len()), (&None, 0));
    assert!(deleted.is_deleted());
    assert_eq!((deleted.versions.deleted, world.version(room).await), (6, 6));
    assert_eq!((deleted.id, deleted.seq, &deleted.sender), (sent.id, 2, &user(1)));
    assert_eq!((deleted.created_at, deleted.reply_to), (sent.created_at, Some(answered.id)));
    assert_eq!((deleted.read_at, deleted.status()), (before.read_at, before.status()));
    assert_eq!(world.message(2, sent.id).await, deleted);
    assert_eq!(world.say(room, 1, "next").await.seq, 3, "a position is never used again");
}

/// Without a file nothing is handed back.
pub async fn a_message_without_a_file_hands_back_none(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    let message = world.say(room, 1, "text").await;
    assert_eq!(world.delete(room, 1, message.id).await.unwrap().1, None);
}

/// A deleted message "is in the room's `deleted` and `uncounted`".
pub async fn a_deleted_message_does_not_count(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    world.say(room, 1, "one").await;
    let two = world.say(room, 1, "two").await;
    let note = world.note(room, 1, "note").await;
    assert_eq!(world.unread(room, 2).await, 2);
    world.delete(room, 1, two.id).await.unwrap();
    let summary = world.summary(room, 2).await;
    assert_eq!(summary.room.deleted, SeqSet::from(2..=2));
    assert_eq!(summary.room.uncounted, SeqSet::from(2..=3));
    assert_eq!(summary.unread, 1);
    world.delete(room, 1, note.id).await.unwrap();
    let summary = world.summary(room, 2).await;
    assert_eq!((summary.room.deleted, summary.unread), (SeqSet::from(2..=3), 1));
}

/// A message that was read and is deleted then is not taken off twice.
pub async fn deleting_what_was_read_leaves_unread_as_it_is(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let one = world.say(room, 1, "one").await;
    world.say(room, 1, "two").await;
    world.read(room, 2, &one).await;
    world.delete(room, 1, one.id).await.unwrap();
    assert_eq!(world.unread(room, 2).await, 1);
}

/// "Deleting again is `Denial::Deleted`"; neither is a deleted message edited.
pub async fn a_deleted_message_takes_no_edit_and_no_deletion(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.delete(room, 1, message.id).await.unwrap();
    let refused = world.refuses(room, world.delete(room, 1, message.id)).await;
    assert_eq!(refused, Refusal::Denied(Denial::Deleted));
    let refused = world.refuses(room, world.edit(room, 1, message.id, "edited")).await;
    assert_eq!(refused, Refusal::Denied(Denial::Deleted));
    let refused = world.refuses(room, world.delete(room, 2, message.id)).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotSender), "that comes first");
}

/// Editing and deleting are the sender's alone, not the creator's.
pub async fn only_the_sender_edits_and_deletes(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 2, "text").await;
    let refused = world.refuses(room, world.edit(room, 1, message.id, "edited")).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotSender));
    let refused = world.refuses(room, world.delete(room, 1, message.id)).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotSender));
}

/// "A message that is not in the room is `NotFound`", for edits, deletions and reactions.
pub async fn a_message_of_another_room_is_not_found(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    world.say(room, 1, "here").await;
    let elsewhere = world.say(other, 1, "elsewhere").await;
    let before = world.everything(other).await;
    for id in [elsewhere.id, no_message()] {
        let edited = world.edit(room, 1, id, "edited");
        assert_eq!(world.refuses(room, edited).await, Refusal::NotFound);
        assert_eq!(world.refuses(room, world.delete(room, 1, id)).await, Refusal::NotFound);
        assert_eq!(world.refuses(room, world.react(room, 1, id, "👍")).await, Refusal::NotFound);
    }
    assert_eq!(world.everything(other).await, before);
}

/// Nothing is written in a room that is not there.
pub async fn a_room_that_is_not_there_takes_no_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let message = world.say(room, 1, "text").await;
    let sent = world.store.send(world.text(no_room(), 1, "text")).await;
    assert_eq!(refusal(sent), Refusal::NotFound);
    assert_eq!(refusal(world.edit(no_room(), 1, message.id, "x").await), Refusal::NotFound);
    assert_eq!(refusal(world.delete(no_room(), 1, message.id).await), Refusal::NotFound);
    assert_eq!(refusal(world.react(no_room(), 1, message.id, "👍").await), Refusal::NotFound);
}

/// Reading a message: "`None` where there is none, or `room` is given and is not its room".
pub async fn a_message_is_read_by_its_id_and_room(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    let read = async |room, id| world.store.message(Some(&caller(2)), room, id).await.unwrap();
    for asked in [None, Some(room)] {
        let found = read(asked, message.id).await.unwrap();
        assert_eq!(found.access().room, room);
        assert_eq!(found.permit(Action::ReadHistory).unwrap(), message);
    }
    assert!(read(Some(other), message.id).await.is_none());
    assert!(read(Some(no_room()), message.id).await.is_none());
    assert!(read(None, no_message()).await.is_none());
}

/// An inactive room refuses messages and nothing else.
pub async fn in_an_inactive_room_all_but_sending_goes_on(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "text").await;
    world.set_active(room, 1, false).await;
    let sent = world.store.send(world.text(room, 1, "text"));
    assert_eq!(world.refuses(room, sent).await, Refusal::Denied(Denial::Inactive));
    world.edit(room, 1, message.id, "edited").await.unwrap();
    world.react(room, 2, message.id, "👍").await.unwrap();
    assert_eq!(world.read_all(room, 2).await.newly, 1);
    world.delete(room, 1, message.id).await.unwrap();
    assert_eq!(world.version(room).await, 7);
}
