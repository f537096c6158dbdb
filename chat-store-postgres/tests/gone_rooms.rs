//! Rooms that are deleted: their rows, other nodes that know them, and transactions of the host's.

mod common;

use std::time::Duration;

use chat_core::model::{Attachment, RoomId, UserId};
use chat_core::rules::Emoji;
use chat_core::store::{
    ErasureStore, FIRST_ROOM_PAUSE, LONGEST_ROOM_PAUSE, ManageRoom, Mark, MessageStore,
    NewDirectRoom, NewMessage, Once, React, ReceiptKind, ReceiptStore, RoomStore, StoreError,
    Targets,
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
    store.delete_room(room, None).await.unwrap();
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
        store.delete_room(room, None).await.unwrap();
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
        assert!(!store.sweep_gone_rooms(AT, 3).await.unwrap(), "{table}: it is put off");
        let later = AT.after(FIRST_ROOM_PAUSE);
        while store.sweep_gone_rooms(later, 3).await.unwrap() {}
        assert_eq!(rows(&mut admin, OF_ROOMS).await, [0; 5]);
        let files = store.take_gone_files(later, 10).await.unwrap();
        assert_eq!(files.len(), 5);
        store.forget_gone_files(&files).await.unwrap();
    }
}

/// Refuses to take messages of a room out, or so many at once of another one.
const REFUSE: &str = "create function refuse() returns trigger language plpgsql as $$ begin \
        if exists (select from old where room_id = {refused}) \
                or (select count(*) > 8 from old where room_id = {slow}) then \
            raise exception 'not these'; \
        end if; \
        return null; \
    end $$; \
    create trigger refuse after delete on messages referencing old table as old \
        execute function refuse()";

#[tokio::test]
async fn a_room_that_cannot_be_swept_holds_up_no_others_and_is_tried_more_and_more_seldom() {
    let (store, schema) = common::store().await;
    let mut admin = admin(&schema).await;
    let mut rooms = Vec::new();
    for _ in 0..12 {
        let room = common::group(&store).await;
        for _ in 0..20 {
            store.send(text(room, "ada", "secret")).await.unwrap();
        }
        store.delete_room(room, None).await.unwrap();
        rooms.push(room);
    }
    let refuse = REFUSE.replace("{refused}", &rooms[0].to_string());
    let refuse = refuse.replace("{slow}", &rooms[1].to_string());
    sqlx::raw_sql(AssertSqlSafe(refuse)).execute(&mut admin).await.unwrap();
    let mut left = async || rows(&mut admin, ["gone_rooms"]).await[0];

    // Those of a step that fails are put off together.
    assert!(matches!(store.sweep_gone_rooms(AT, 100).await, Err(StoreError::Internal(_))));
    while store.sweep_gone_rooms(AT, 100).await.unwrap() {}
    assert_eq!(left().await, 4);
    // Then each comes alone, and in smaller parts.
    let (mut now, mut failures) = (AT.after(FIRST_ROOM_PAUSE), 0);
    loop {
        match store.sweep_gone_rooms(now, 100).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => failures += 1,
        }
    }
    assert_eq!((left().await, failures), (2, 2));
    // What was too much at once is not, in parts that are smaller still.
    now = now.after(2 * FIRST_ROOM_PAUSE);
    assert!(store.sweep_gone_rooms(now, 100).await.is_err());
    while store.sweep_gone_rooms(now, 100).await.unwrap() {}
    assert_eq!(left().await, 1);
    let mut pause = 4 * FIRST_ROOM_PAUSE;
    for _ in 0..40 {
        let early = now.after(pause).before(Duration::from_micros(1));
        assert!(!store.sweep_gone_rooms(early, 100).await.unwrap());
        now = now.after(pause);
        assert!(store.sweep_gone_rooms(now, 100).await.is_err());
        pause = (2 * pause).min(LONGEST_ROOM_PAUSE);
    }
    sqlx::raw_sql("drop trigger refuse on messages").execute(&mut admin).await.unwrap();
    while store.sweep_gone_rooms(now.after(pause), 100).await.unwrap() {}
    assert_eq!(rows(&mut admin, OF_ROOMS).await, [0; 5]);
}

#[tokio::test]
async fn members_are_taken_out_in_steps_that_go_on_after_each_other() {
    let (store, schema) = common::store().await;
    let mut admin = admin(&schema).await;
    let room = common::group(&store).await;
    let users = (0..20).map(|user| UserId::new(format!("user{user}")).unwrap()).collect();
    let add = ManageRoom { add: users, ..ManageRoom::nothing(room, None, AT) };
    store.manage_room(add).await.unwrap();
    for user in ["user3", "user4"] {
        store.remove_member(room, &UserId::new(user).unwrap(), AT).await.unwrap();
    }
    store.send(text(room, "ada", "hello")).await.unwrap();
    store.delete_room(room, None).await.unwrap();
    for (members, last) in [(18, "user1"), (13, "user14"), (8, "user19"), (3, "user6")] {
        assert!(store.sweep_gone_rooms(AT, 5).await.unwrap());
        let swept = "select swept_user from gone_rooms";
        let swept: String = sqlx::query_scalar(swept).fetch_one(&mut admin).await.unwrap();
        assert_eq!((rows(&mut admin, ["members"]).await, &*swept), ([members], last));
    }
    while store.sweep_gone_rooms(AT, 5).await.unwrap() {}
    assert_eq!(rows(&mut admin, OF_ROOMS).await, [0; 5]);
}

#[tokio::test]
async fn a_room_that_a_lane_knows_takes_nothing_once_another_node_has_deleted_it() {
    let (first, schema) = common::store().await;
    let second = PgStore::connect_in(&chat_test_postgres::url(), &schema.0).await.unwrap();
    let (room, other) = (pair(&first).await, common::group(&first).await);
    for _ in 0..4 {
        first.send(text(room, "ada", "known")).await.unwrap();
    }
    second.delete_room(room, None).await.unwrap();
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
        let deleting = tokio::spawn(async move { store.delete_room(room, None).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!deleting.is_finished());
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(deleting.await.unwrap().unwrap(), Some(if commits { 3 } else { 2 }));
        assert!(shop.store.message(None, None, sent).await.unwrap().is_none());

        let mut transaction = shop.pool.begin().await.unwrap();
        let refused = shop.store.send_in(&mut transaction, late).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
        transaction.execute(shop.order()).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_message_of_a_transaction_of_the_hosts_keeps_a_room_that_was_idle_before() {
    for commits in [true, false] {
        let shop = Shop::open().await;
        let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
        let idle_since = Some(message.at);
        let mut transaction = shop.pool.begin().await.unwrap();
        shop.store.send_in(&mut transaction, message).await.unwrap();
        let (store, room) = (shop.store.clone(), shop.room);
        let deleting = tokio::spawn(async move { store.delete_room(room, idle_since).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!deleting.is_finished());
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(deleting.await.unwrap().unwrap().is_none(), commits);
        assert_eq!(shop.store.versions(&[room]).await.unwrap().len(), usize::from(commits));
    }
}

#[tokio::test]
async fn a_transaction_that_began_before_the_deletion_sends_nothing_after_it() {
    let shop = Shop::open().await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    transaction.execute("set transaction isolation level repeatable read").await.unwrap();
    transaction.execute(shop.order()).await.unwrap();
    shop.store.delete_room(shop.room, None).await.unwrap();
    let refused = shop.store.send_in(&mut transaction, message).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    transaction.rollback().await.unwrap();
}
