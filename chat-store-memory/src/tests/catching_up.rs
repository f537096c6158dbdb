//! Pages of changes.

use chat_core::model::{Cursor, Seq, Version};
use chat_core::store::{Changed, EditMessage, ManageRoom};

use super::*;

type Row = (Version, Seq, Option<UserId>);

fn row(item: &Changed) -> Row {
    match item {
        Changed::Message(message) => (message.versions.last(), message.seq, None),
        Changed::Member(member) => (member.version, 0, Some(member.user.clone())),
    }
}

async fn rows(store: &MemoryStore, room: RoomId, after: Version, limit: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut after = Some(Cursor::version(after));
    while let Some(point) = after {
        let changes = store.changes(room, point, limit).await.unwrap();
        assert!(!changes.items.is_empty() || changes.more.is_none());
        assert!(changes.more.is_none_or(|more| more > point));
        rows.extend(changes.items.iter().map(row));
        after = changes.more;
    }
    rows
}

#[tokio::test]
async fn pages_of_any_size_lose_and_repeat_nothing() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1, 2, 3]).await;
    let sent = fill(&store, room, 1, 40).await;
    store.leave_room(&caller(3), room, AT).await.unwrap();
    // One version moves many statuses, and more members join at one version than a page has.
    mark(&store, room, 2, ReceiptKind::Read, Targets::All).await;
    let add = (3..=9).map(UserId::from).collect();
    let manage =
        ManageRoom { active: Some(false), add, ..ManageRoom::nothing(room, Some(caller(1)), AT) };
    let added = store.manage_room(manage).await.unwrap();
    let version = added.joined.as_ref().unwrap().1;
    assert_eq!((added.settings, added.joined.unwrap().0.len()), (Some(version - 1), 7));
    delete(&store, room, 1, sent[20].id).await;
    let content = Content::parse("other words", 100).unwrap();
    let edit = EditMessage { room, message: sent[3].id, by: caller(1), content, at: AT };
    store.edit(edit).await.unwrap();

    for after in 0..=version + 3 {
        let whole = rows(&store, room, after, usize::MAX).await;
        assert!(whole.is_sorted_by_key(|(version, seq, _)| (*version, *seq)));
        assert!(whole.iter().all(|(version, ..)| *version > after));
        for limit in [0, 1, 2, 3, 7, 38, 39, 48] {
            assert_eq!(rows(&store, room, after, limit).await, whole, "{after} {limit}");
        }
    }
    assert_eq!(rows(&store, room, 0, 5).await.len(), 9 + 40);
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_change_says_so() {
    let store = MemoryStore::new();
    let room = room_of(&store, &[1]).await;
    fill(&store, room, 1, 10).await;
    let changes = store.changes(room, Cursor::version(1), 10).await.unwrap();
    assert_eq!((changes.items.len(), changes.more), (10, None));
    let changes = store.changes(room, Cursor::version(11), 10).await.unwrap();
    assert_eq!((changes.items.len(), changes.more, changes.room.version), (0, None, 11));
}
