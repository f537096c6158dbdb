//! Connections that went silent, as after a failover that said goodbye to nobody.

mod common;

use std::time::Duration;

use chat_core::model::{MessageId, RoomId, Slice};
use chat_core::rules::{Action, RoomName};
use chat_core::store::{
    Anchor, HistoryQuery, ManageRoom, MessageStore, ReceiptKind, ReceiptStore, RoomStore,
};
use chat_core::store::{Mark, StoreResult, Targets};
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use common::proxy::Proxy;
use common::{AT, caller, group, text};
use futures::future::{join_all, try_join_all};
use sqlx::Connection;
use tokio::time::Instant;

/// Within this time a call is answered, whatever the database does.
const PROMISE: Duration = Duration::from_secs(5);

struct World {
    store: PgStore,
    rooms: Vec<RoomId>,
    proxy: Proxy,
    cluster: Cluster,
}

impl World {
    /// Every connection of the store is open: those of all lanes, and of the pool as many as there
    /// can be.
    async fn new() -> Self {
        let cluster = Cluster::start();
        let proxy = Proxy::start(&cluster.url()).await;
        let store = PgStore::connect(&proxy.url()).await.unwrap();
        store.migrate().await.unwrap();
        let mut rooms = Vec::new();
        for _ in 0..8 {
            rooms.push(group(&store).await);
        }
        let world = Self { store, rooms, proxy, cluster };
        for _ in 0..3 {
            try_join_all(world.rooms.iter().map(|room| world.send(*room))).await.unwrap();
            world.read_at_once().await;
        }
        world
    }

    async fn send(&self, room: RoomId) -> StoreResult<()> {
        self.store.send(text(room, "ada", "hello")).await.map(drop)
    }

    async fn read_at_once(&self) {
        let reads = self.rooms.iter().cycle().take(40);
        try_join_all(reads.map(|room| self.count(*room))).await.unwrap();
    }

    async fn count(&self, room: RoomId) -> StoreResult<u64> {
        self.count_from(room, Anchor::Newest).await
    }

    async fn count_from(&self, room: RoomId, anchor: Anchor) -> StoreResult<u64> {
        let query = HistoryQuery {
            room,
            by: Some(caller("ada")),
            anchor,
            slice: Slice::first(10),
            deleted: false,
        };
        let page = self.store.history(query).await?.unwrap();
        Ok(page.permit(Action::ReadHistory).unwrap().count)
    }

    async fn rename(&self, room: RoomId) -> StoreResult<()> {
        let name = Some(RoomName::parse("new").unwrap());
        let by = caller("ada");
        let change = ManageRoom { name, ..ManageRoom::nothing(room, Some(by), AT) };
        self.store.manage_room(change).await.map(drop)
    }
}

#[tokio::test]
async fn after_all_connections_went_silent_reads_are_answered_in_time_and_then_at_once() {
    let world = World::new().await;
    world.proxy.swallow();
    let silent = Instant::now();
    assert_eq!(world.count(world.rooms[0]).await.unwrap(), 3);
    assert!(silent.elapsed() < PROMISE, "{:?}", silent.elapsed());
    // Those that were idle meanwhile are not asked any more.
    let good = Instant::now();
    world.read_at_once().await;
    world.rename(world.rooms[0]).await.unwrap();
    assert!(good.elapsed() < Duration::from_secs(2), "{:?}", good.elapsed());
}

#[tokio::test]
async fn a_read_that_takes_its_time_is_waited_for() {
    let world = World::new().await;
    let slow = "create or replace function chat.seq_before_id(room bigint, last bigint, \
        before bigint) \
        returns bigint language plpgsql stable as $$ begin \
            perform pg_sleep(3); return 2; end $$";
    let mut admin = sqlx::PgConnection::connect(&world.cluster.url()).await.unwrap();
    sqlx::raw_sql(slow).execute(&mut admin).await.unwrap();
    let before = Anchor::BeforeMessage(MessageId::new(1_000).unwrap());
    assert_eq!(world.count_from(world.rooms[0], before).await.unwrap(), 2);
}

#[tokio::test]
async fn after_all_connections_went_silent_writes_are_done_once_and_in_time() {
    let world = World::new().await;
    world.proxy.swallow();
    let silent = Instant::now();
    let sends = join_all(world.rooms.iter().map(|room| world.send(*room)));
    let (sent, renamed) = tokio::join!(sends, world.rename(world.rooms[1]));
    assert!(silent.elapsed() < PROMISE, "{:?}", silent.elapsed());
    renamed.unwrap();
    for (room, sent) in world.rooms.iter().zip(sent) {
        sent.unwrap();
        assert_eq!(world.count(*room).await.unwrap(), 4);
    }
}

#[tokio::test]
async fn after_all_connections_went_silent_receipts_are_done_in_time() {
    let world = World::new().await;
    world.proxy.swallow();
    let mark = |room: &RoomId| Mark {
        room: *room,
        by: caller("bob"),
        kind: ReceiptKind::Read,
        targets: Targets::All,
        at: AT,
    };
    let silent = Instant::now();
    for marked in join_all(world.rooms.iter().map(|room| world.store.mark(mark(room)))).await {
        assert_eq!(marked.unwrap().newly, 3);
    }
    assert!(silent.elapsed() < PROMISE, "{:?}", silent.elapsed());
}
