//! Rooms that are deleted: their rows, other nodes that know them, and transactions of the host's.

mod common;

use std::time::Duration;

use chat_core::model::{Attachment, RoomId, UserId};
use chat_core::rules::Emoji;
use chat_core::store::{
    ErasureStore, Mark, MessageStore, NewDirectRoom, NewMessage, Once, React, ReceiptKind,
    ReceiptStore, RoomStore, StoreError, Targets,
};
use chat_store_postgres::PgStore;
use common::shop::Shop;
use common::{AT, Schema, caller, text};
use futures::future::join_all;
use serde_json::Map;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

async fn admin(schema: &Schema) -> PgConnection {
    let mut admin = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let path = sqlx::query("select set_config('search_path', $1, false)").bind(&schema.0);
    path.execute(&mut admin).await.unwrap();
    admin
}

/// How many rows tables have.
async fn rows<const N: usize>(on: &mut PgConnection, tables: [&str; N]) -> [i64; N] {
    let mut counts = [0; N];
    for (count, table) in counts.iter_mut().zip(tables) {
        let query = format!("select count(*) from {table}");
        *count = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *on).await.unwrap();
    }
    counts
}

async fn pair(store: &PgStore) -> RoomId {
    let (first, second) = (UserId::new("bob").unwrap(), UserId::new("ada").unwrap());
    let new = NewDirectRoom { first, second, metadata: Map::new(), at: AT };
    store.direct_room(new).await.unwrap().0
}

/// A message of Ada's with a file and a key, to which Bob has reacted, and that he has read.
async fn talk(store: &PgStore, room: RoomId, number: u8) {
    let attachment = Some(Attachment {
        key: format!("files/{number}"),
        name: "secret.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 1,
    });
    let once = Some(Once { key: [number; 16], content: [2; 16] });
    let new = NewMessage { once, attachment, ..text(room, "ada", "secret") };
    let message = store.send(new).await.unwrap().message.id;
    let emoji = Emoji::parse("👍").unwrap();
    store.react(React { room, message, by: caller("bob"), emoji, add: true }).await.unwrap();
    let (by, kind, targets) = (caller("bob"), ReceiptKind::Read, Targets::All);
    store.mark(Mark { room, by, kind, targets, at: AT }).await.unwrap();
}

const OF_ROOMS: [&str; 5] = ["rooms", "direct_rooms", "messages", "members", "gone_rooms"];

#[tokio::test]
async fn of_a_deleted_room_no_row_is_left_once_it_is_swept_whoever_began_with_it() {
    let (store, schema) = common::store().await;
    let mut admin = admin(&schema).await;
    let room = pair(&store).await;
    for number in 0..5 {
        talk(&store, room, number).await;
    }
    store.remove_member(room, &UserId::new("bob").unwrap(), AT).await.unwrap();
    store.delete_room(room).await.unwrap();
    assert_eq!(rows(&mut admin, OF_ROOMS).await, [0, 0, 5, 2, 1]);
    assert!(store.sweep_gone_rooms(AT, 3).await.unwrap());
    assert_eq!(rows(&mut admin, OF_ROOMS).await, [0, 0, 2, 2, 1]);
    drop(store);
    let store = PgStore::connect_in(&chat_test_postgres::url(), &schema.0).await.unwrap();
    while store.sweep_gone_rooms(AT, 3).await.unwrap() {}
    assert_eq!(rows(&mut admin, OF_ROOMS).await, [0; 5]);
    let mut files = store.take_gone_files(AT, 10).await.unwrap();
    files.sort_unstable();
    assert_eq!(files, ["files/0", "files/1", "files/2", "files/3", "files/4"]);
}

#[tokio::test]
async fn a_step_of_the_sweep_that_breaks_off_has_done_nothing_and_is_done_again() {
    let (store, schema) = common::store().await;
    let mut admin = admin(&schema).await;
    let function = "create function broken() returns trigger language plpgsql as $$ begin \
        raise exception 'broken'; end $$";
    sqlx::raw_sql(function).execute(&mut admin).await.unwrap();
    for table in ["messages", "gone_files", "members", "gone_rooms"] {
        let room = pair(&store).await;
        for number in 0..5 {
            talk(&store, room, number).await;
        }
        store.delete_room(room).await.unwrap();
        let broken = format!(
            "create trigger broken before insert or delete on {table} execute function broken()"
        );
        sqlx::raw_sql(AssertSqlSafe(broken)).execute(&mut admin).await.unwrap();
        let all = ["messages", "members", "gone_rooms", "gone_files"];
        let mut before = rows(&mut admin, all).await;
        let mut step = store.sweep_gone_rooms(AT, 3).await;
        while step.is_ok() {
            before = rows(&mut admin, all).await;
            step = store.sweep_gone_rooms(AT, 3).await;
        }
        assert!(matches!(step, Err(StoreError::Internal(_))), "{table}: {step:?}");
        assert_eq!(rows(&mut admin, all).await, before, "{table}");
        let mend = format!("drop trigger broken on {table}");
        sqlx::raw_sql(AssertSqlSafe(mend)).execute(&mut admin).await.unwrap();
        while store.sweep_gone_rooms(AT, 3).await.unwrap() {}
        assert_eq!(rows(&mut admin, OF_ROOMS).await, [0; 5]);
        let files = store.take_gone_files(AT, 10).await.unwrap();
        assert_eq!(files.len(), 5);
        store.forget_gone_files(&files).await.unwrap();
    }
}

#[tokio::test]
async fn a_room_that_a_lane_knows_takes_nothing_once_another_node_has_deleted_it() {
    let (first, schema) = common::store().await;
    let second = PgStore::connect_in(&chat_test_postgres::url(), &schema.0).await.unwrap();
    let (room, other) = (pair(&first).await, common::group(&first).await);
    for _ in 0..4 {
        first.send(text(room, "ada", "known")).await.unwrap();
    }
    second.delete_room(room).await.unwrap();
    // Those that come with it are stored.
    let sends = [room, other, room, other].map(|room| first.send(text(room, "ada", "more")));
    let [gone, stored, again, too] = join_all(sends).await.try_into().unwrap();
    for refused in [gone, again] {
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    assert!(stored.is_ok() && too.is_ok());
    let anew = pair(&first).await;
    assert_eq!(first.send(text(anew, "ada", "hello")).await.unwrap().message.seq, 1);
    assert!(anew > other, "ids are not given again");
}

#[tokio::test]
async fn a_room_that_a_transaction_of_the_hosts_holds_is_deleted_after_it() {
    for commits in [true, false] {
        let shop = Shop::open().await;
        let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
        let late = shop.actor.compose(shop.room, "too late").await.unwrap();
        let mut transaction = shop.pool.begin().await.unwrap();
        let sent = shop.store.send_in(&mut transaction, message).await.unwrap().message.id;
        let (store, room) = (shop.store.clone(), shop.room);
        let deleting = tokio::spawn(async move { store.delete_room(room).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!deleting.is_finished());
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(deleting.await.unwrap().unwrap(), if commits { 3 } else { 2 });
        assert!(shop.store.message(None, None, sent).await.unwrap().is_none());

        let mut transaction = shop.pool.begin().await.unwrap();
        let refused = shop.store.send_in(&mut transaction, late).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
        transaction.execute(shop.order()).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_began_before_the_deletion_sends_nothing_after_it() {
    let shop = Shop::open().await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    transaction.execute("set transaction isolation level repeatable read").await.unwrap();
    transaction.execute(shop.order()).await.unwrap();
    shop.store.delete_room(shop.room).await.unwrap();
    let refused = shop.store.send_in(&mut transaction, message).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    transaction.rollback().await.unwrap();
}
