//! The points of the contract that are easiest to get wrong, once over.

use chat_core::model::{Attachment, MessageVersions, Status};
use chat_core::rules::{Action, Denial, Emoji};
use chat_core::store::{
    EditMessage, ManageRoom, NewDirectRoom, React, StatsQuery, StoreError, StoreResult,
};

use super::*;

async fn set_active(store: &MemoryStore, room: RoomId, active: bool) {
    let by = Some(caller(1));
    let active = Some(active);
    let manage = ManageRoom { active, ..ManageRoom::nothing(room, by, AT) };
    store.manage_room(manage).await.unwrap();
}

fn denial<T>(result: StoreResult<T>) -> Option<Denial> {
    match result.err()? {
        StoreError::Denied(denial) => Some(denial),
        _ => None,
    }
}

#[tokio::test]
async fn a_repetition_is_found_after_membership_and_before_all_else() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let keyed = |by, content| NewMessage { once: Some(once(7, content)), ..text(room, by, AT) };
    let first = store.send(keyed(2, 1)).await.unwrap().message;
    assert!(!store.send(keyed(1, 1)).await.unwrap().repeated, "keys are each sender's own");

    set_active(&store, room, false).await;
    let again = store.send(keyed(2, 1)).await.unwrap();
    assert_eq!((again.repeated, again.message.seq), (true, first.seq));
    assert!(matches!(store.send(keyed(2, 2)).await, Err(StoreError::KeyReused)));
    assert_eq!(denial(store.send(text(room, 2, AT)).await), Some(Denial::Inactive));
    delete(&store, room, 2, first.id).await;
    assert!(matches!(store.send(keyed(2, 1)).await, Err(StoreError::KeyReused)));
    store.leave_room(&caller(2), room, AT).await.unwrap();
    assert_eq!(denial(store.send(keyed(2, 1)).await), Some(Denial::NotMember));
    let direct = Caller { kinds: Kinds::DIRECT, ..caller(1) };
    let hidden = store.send(NewMessage { by: direct.into(), ..keyed(1, 1) }).await;
    assert_eq!(denial(hidden), Some(Denial::Hidden));
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let elsewhere = room_of(&store, &[1, 2]).await;
    let message = fill(&store, room, 1, 1).await[0].id;
    let other = fill(&store, elsewhere, 1, 1).await[0].id;
    let version = store.versions(&[room]).await.unwrap();

    let content = || Content::parse("x", 9).unwrap();
    let edit =
        |by, message| EditMessage { room, message, by: caller(by), content: content(), at: AT };
    assert_eq!(denial(store.edit(edit(2, message)).await), Some(Denial::NotSender));
    assert_eq!(denial(store.edit(edit(3, message)).await), Some(Denial::NotMember));
    assert!(matches!(store.edit(edit(1, other)).await, Err(StoreError::NotFound)));
    let reply = NewMessage { reply_to: Some(other), ..text(room, 1, AT) };
    assert!(matches!(store.send(reply).await, Err(StoreError::BadReply)));
    let missing = RoomId::new(99).unwrap();
    assert!(matches!(store.send(text(missing, 1, AT)).await, Err(StoreError::NotFound)));
    let targets = Targets::Message(other);
    let mark = Mark { room, by: caller(2), kind: ReceiptKind::Read, targets, at: AT };
    assert!(matches!(store.mark(mark).await, Err(StoreError::NotFound)));
    assert_eq!(store.versions(&[missing, room]).await.unwrap(), version);
}

#[tokio::test]
async fn deleting_leaves_the_row_and_nothing_else() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    let file = Attachment {
        key: "k".into(),
        name: "n".into(),
        content_type: "text/plain".into(),
        size: 1,
    };
    let new = NewMessage { attachment: Some(file.clone()), ..text(room, 1, AT) };
    let sent = store.send(new).await.unwrap().message;
    let emoji = Emoji::parse("x").unwrap();
    store.react(React { room, message: sent.id, by: caller(2), emoji, add: true }).await.unwrap();
    let ask = DeleteMessage { room, message: sent.id, by: Some(caller(1)), at: AT };
    let (gone, attachment) = store.delete(ask.clone()).await.unwrap();
    assert_eq!(attachment, Some(file));
    assert_eq!((gone.content.as_str(), &gone.attachment, gone.reactions.len()), ("", &None, 0));
    let versions = MessageVersions { sent: 2, reacted: 3, deleted: 4, ..Default::default() };
    assert_eq!(gone.versions, versions);
    assert_eq!(sent.content, "some words", "who was handed it before keeps it");
    assert_eq!(denial(store.delete(ask).await), Some(Denial::Deleted));

    let summary = store.room(Some(&caller(2)), room).await.unwrap().unwrap();
    let summary = summary.permit(Action::View).unwrap();
    assert_eq!((summary.unread, summary.last_message), (0, None));
    assert!(summary.room.deleted.contains(1) && summary.room.uncounted.contains(1));
}

#[tokio::test]
async fn reactions_are_bounded_for_the_message_and_for_each_user() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3, 4]).await;
    let message = fill(&store, room, 1, 1).await[0].id;
    let react = |by, emoji: u64, add| {
        let emoji = Emoji::parse(emoji.to_string()).unwrap();
        store.react(React { room, message, by: caller(by), emoji, add })
    };
    for emoji in 0..50 {
        assert!(react(emoji / 20 + 1, emoji, true).await.unwrap().1);
    }
    assert!(matches!(react(4, 50, true).await, Err(StoreError::Limit(_))));
    assert!(matches!(react(1, 49, true).await, Err(StoreError::Limit(_))));
    assert!(react(4, 0, true).await.unwrap().1, "one that is there takes no new place");
    let before = store.versions(&[room]).await.unwrap();
    assert!(!react(1, 0, true).await.unwrap().1);
    assert!(!react(2, 0, false).await.unwrap().1);
    assert_eq!(store.versions(&[room]).await.unwrap(), before);
    assert!(react(1, 0, false).await.unwrap().1);
    let (after, _) = react(4, 0, false).await.unwrap();
    assert_eq!((after.reactions.len(), after.reactions[0].emoji.as_str()), (49, "1"));
}

#[tokio::test]
async fn a_status_moves_when_the_last_present_member_gets_there() {
    use ReceiptKind::{Delivered, Read};

    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3]).await;
    let sent = fill(&store, room, 1, 2).await;
    let one = Targets::Message(sent[0].id);
    assert_eq!(mark(&store, room, 1, Read, Targets::All).await.newly, 0);
    assert_eq!(mark(&store, room, 2, Delivered, one).await.version, None);
    let moved = mark(&store, room, 3, Read, Targets::All).await;
    assert_eq!((moved.newly, moved.moved.len()), (2, 1));
    let message = &moved.moved[0];
    assert_eq!((message.status(), message.versions.status), (Status::Delivered, 4));
    assert_eq!(message.delivered_at, Some(message.created_at), "never before it was sent");
    assert_eq!(message.status_by, Some(UserId::from(3)));

    // That a member leaves or joins moves nothing by itself.
    store.leave_room(&caller(2), room, AT).await.unwrap();
    store.join_room(&caller(4), room, LIMIT, AT).await.unwrap();
    let joined = store.room(Some(&caller(4)), room).await.unwrap().unwrap();
    let joined = joined.permit(Action::View).unwrap();
    assert_eq!((joined.unread, joined.members.last()), (0, Some(&UserId::from(4))));
    assert_eq!(joined.room.version, 6);
    let repeated = mark(&store, room, 3, Read, Targets::All).await;
    assert_eq!((repeated.newly, repeated.version), (0, None));
    store.join_room(&caller(2), room, LIMIT, AT).await.unwrap();
    let summary = store.room(Some(&caller(2)), room).await.unwrap().unwrap();
    let order: Vec<_> = summary
        .permit(Action::View)
        .unwrap()
        .members
        .iter()
        .map(|user| user.as_integer().unwrap())
        .collect();
    assert_eq!(order, [1, 3, 4, 2]);
}

#[tokio::test]
async fn a_status_that_stands_is_not_set_again() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3]).await;
    fill(&store, room, 1, 2).await;
    mark(&store, room, 2, ReceiptKind::Delivered, Targets::All).await;
    let delivered = mark(&store, room, 3, ReceiptKind::Delivered, Targets::All).await;
    assert_eq!((delivered.newly, delivered.version), (2, Some(4)));
    let read = mark(&store, room, 2, ReceiptKind::Read, Targets::All).await;
    assert_eq!((read.newly, read.version), (2, None));
    let read = mark(&store, room, 3, ReceiptKind::Read, Targets::All).await;
    assert_eq!((read.newly, read.version, read.moved.len()), (2, Some(5), 2));
}

#[tokio::test]
async fn statuses_that_are_many_move_at_one_version_and_are_not_handed_back() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2]).await;
    fill(&store, room, 1, 101).await;
    let system = NewMessage { kind: MessageKind::System, ..text(room, 1, AT) };
    store.send(system).await.unwrap();
    let moved = mark(&store, room, 2, ReceiptKind::Read, Targets::All).await;
    assert_eq!((moved.newly, moved.version, moved.moved.len()), (101, Some(104), 0));
}

#[tokio::test]
async fn a_direct_room_stays_the_pairs_own_also_without_them() {
    let store = MemoryStore::new();
    let new = |first: u64, second: u64| NewDirectRoom {
        first: UserId::from(first),
        second: UserId::from(second),
        metadata: no_metadata(),
        at: AT,
    };
    let (room, _) = store.direct_room(new(2, 1)).await.unwrap();
    assert_eq!(denial(store.direct_room(new(1, 1)).await), Some(Denial::WrongKind));
    assert_eq!(denial(store.leave_room(&caller(1), room, AT).await), Some(Denial::WrongKind));
    let left = store.remove_member(room, &UserId::from(1), AT).await.unwrap();
    assert_eq!(left.map(|left| left.version), Some(2));
    assert_eq!(store.remove_member(room, &UserId::from(1), AT).await.unwrap(), None);
    assert_eq!(store.direct_room(new(1, 2)).await.unwrap(), (room, false));
}

#[tokio::test]
async fn counts_of_a_given_room_and_of_all() {
    let store = MemoryStore::new();
    let (open, closed) = (room_of(&store, &[1]).await, room_of(&store, &[1]).await);
    let sent = fill(&store, open, 1, 10).await;
    fill(&store, closed, 1, 3).await;
    delete(&store, open, 1, sent[9].id).await;
    set_active(&store, closed, false).await;
    let count = async |by, room, since| {
        let since = Timestamp::from_seconds(since);
        let query = StatsQuery { by: caller(by), room, since, today: since };
        let stats = store.stats(query).await.unwrap();
        (stats.rooms, stats.active_today, stats.recent_messages)
    };
    assert_eq!(count(1, None, 3).await, (1, 1, 7));
    assert_eq!(count(1, Some(closed), 3).await, (1, 1, 1));
    assert_eq!(count(1, None, 10).await, (1, 1, 0));
    assert_eq!(count(1, None, 11).await, (1, 0, 0));
    assert_eq!(count(2, Some(open), 0).await, (0, 0, 0));
}
