//! Receipts for very many messages.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chat_core::model::{Cursor, RoomId};
use chat_core::store::{
    Changed, Mark, MessageStore, ReceiptKind, ReceiptStore, RoomStore, Targets,
};
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use common::{AT, caller, group, text};
use futures::future::join_all;
use sqlx::Connection;

/// How many messages the room has.
const MANY: u64 = 120_000;

/// A room of Ada and Bob with very many messages of hers, which he has not received.
async fn long_room(cluster: &Cluster, id: u64, many: u64) -> RoomId {
    let end = many + 1;
    let fill = format!(
        "insert into chat.rooms
                (id, kind, metadata, created_at, activity_at, last_at, last_seq, version)
            values ({id}, 'group', '{{}}', now(), now(), now(), {many}, {end});
        insert into chat.members
                (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version,
                    joining)
            values ({id}, 'ada', now(), 0, '{{[1,{end})}}', '{{[1,{end})}}', {many}, 1, 1),
                ({id}, 'bob', now(), 0, '{{}}', '{{}}', 0, 1, 2);
        insert into chat.messages
                (room_id, seq, sender, kind, content, created_at, v_sent, changed, words)
            select {id}, n, 'ada', 'text', '', now(), n + 1, n + 1, array_to_tsvector(array['{id}:w'])
            from generate_series(1, {many}) n"
    );
    let mut admin = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut admin).await.unwrap();
    RoomId::new(id).unwrap()
}

fn read_all(room: RoomId) -> Mark {
    Mark { room, by: caller("bob"), kind: ReceiptKind::Read, targets: Targets::All, at: AT }
}

/// One statement for all of them would end for taking too long, again and again, and with it
/// everything that came to the lane at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_for_very_many_messages_succeeds_while_others_write() {
    let cluster = Cluster::start();
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    let other = group(&store).await;
    // Whatever the number of lanes, 2 to 8, both rooms have the same.
    let room = long_room(&cluster, other.get() + 840, MANY).await;
    let marked = Arc::new(AtomicBool::new(false));
    let sending = async || {
        let mut sent = 0;
        while !marked.load(Ordering::Relaxed) {
            store.send(text(other, "ada", "meanwhile")).await.unwrap();
            store.mark(read_all(other)).await.unwrap();
            sent += 1;
        }
        sent
    };
    let marking = async {
        let done = store.mark(read_all(room)).await;
        marked.store(true, Ordering::Relaxed);
        done.unwrap()
    };
    let (done, sent, more) = tokio::join!(marking, sending(), sending());
    assert!(sent + more >= 20, "only {sent} and {more} messages were sent meanwhile");
    assert_eq!((done.newly, done.moved.len()), (MANY, 0));
    let versions = store.versions(&[room]).await.unwrap();
    assert_eq!(versions, [(room, done.version.unwrap())]);

    let (mut cursor, mut seen) = (Cursor::version(MANY + 1), 0);
    loop {
        let page = store.changes(room, cursor, 1_000).await.unwrap();
        assert!(page.items.len() <= 1_000);
        for item in &page.items {
            let Changed::Message(message) = item else { panic!("nobody came") };
            seen += 1;
            assert_eq!((message.seq, message.read_at.is_some()), (seen, true));
        }
        let Some(more) = page.more else { break };
        cursor = more;
    }
    assert_eq!(seen, MANY);
    let again = store.mark(read_all(room)).await.unwrap();
    assert_eq!((again.newly, again.version), (0, None));
}

/// What is too much for one commit waits for the next one, and a few statuses wait for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_for_many_messages_of_several_rooms_at_once_all_succeed() {
    let cluster = Cluster::start();
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    let first = group(&store).await;
    let sizes = [5_000, 1, 1_024, 1_025, 32, 33, 5_000, 2_048, 500, 0];
    let mut rooms = Vec::new();
    for (place, size) in (1..).zip(sizes) {
        rooms.push((long_room(&cluster, first.get() + 840 * place, size).await, size));
    }
    let marks = rooms.iter().map(|(room, _)| store.mark(read_all(*room)));
    for (done, (room, size)) in join_all(marks).await.into_iter().zip(&rooms) {
        let done = done.unwrap();
        assert_eq!(done.newly, *size);
        assert_eq!(done.moved.len() as u64, if *size <= 100 { *size } else { 0 });
        let version = store.versions(&[*room]).await.unwrap()[0].1;
        assert_eq!(version, size + 1 + size.div_ceil(1_024), "of {size} messages");
        assert_eq!(done.version.unwrap_or(1), version);
    }
}
