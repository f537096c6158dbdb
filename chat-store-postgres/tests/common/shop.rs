//! A host with a table of its own, and a chat beside it.

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{RoomId, RoomKind, Slice, User};
use chat_core::rules::RoomName;
use chat_core::store::Anchor;
use chat_core::{Actor, Chat};
use chat_store_postgres::PgStore;
use sqlx::{Executor, PgConnection, PgPool, Row};
use tokio::task::JoinHandle;

use super::Schema;

/// A host: its pool, its orders, and the room in which its customers hear of them.
pub(crate) struct Shop {
    pub(crate) store: PgStore,
    pub(crate) pool: PgPool,
    pub(crate) actor: Actor,
    pub(crate) room: RoomId,
    /// The host's own table.
    pub(crate) orders: String,
    pub(crate) schema: Schema,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_at(&chat_test_postgres::url()).await
    }

    /// On this server.
    pub(crate) async fn open_at(url: &str) -> Self {
        let (store, schema) = super::store_at(url).await;
        let users = ["1", "2", "3"].map(|id| User::new(id.try_into().unwrap(), id));
        let sign_in = JwtAuthenticator::hs256(b"a secret of the tests' own, 32 bytes");
        let chat = Chat::new(store.clone(), StaticDirectory::from_iter(users), sign_in);
        let actor = chat.acting_as("1");
        let room = actor.direct_room("2").await.unwrap().id;
        let pool = PgPool::connect(url).await.unwrap();
        let orders = format!("orders_of_{}", chat_test_postgres::fresh_schema());
        let create = format!("create table public.{orders} (item int)");
        pool.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        Self { store, pool, actor, room, orders, schema }
    }

    pub(crate) fn order(&self) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(format!("insert into {} values (42)", self.orders))
    }

    pub(crate) async fn counts(&self) -> (i64, usize) {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {}", self.orders));
        let orders = self.pool.fetch_one(count).await.unwrap().get(0);
        let history = self.actor.history(self.room, Anchor::Newest, Slice::first(10));
        (orders, history.await.unwrap().items.len())
    }

    /// Rooms of every lane, all of them known to theirs.
    pub(crate) async fn rooms(&self) -> Vec<RoomId> {
        let mut rooms = Vec::new();
        for number in 0..24 {
            let name = RoomName::parse(&format!("room {number}")).unwrap();
            let room = self.actor.create_room(RoomKind::Group, name, Vec::new()).await.unwrap();
            for _ in 0..2 {
                self.actor.send(room, "to be known").await.unwrap();
            }
            rooms.push(room);
        }
        rooms
    }

    pub(crate) async fn send_in(&self, transaction: &mut PgConnection, room: RoomId) -> u64 {
        let message = self.actor.compose(room, "on its way").await.unwrap();
        self.store.send_in(transaction, message).await.unwrap().message.seq
    }

    /// Sends, and tells at which position the message is.
    pub(crate) fn sending(&self, room: RoomId) -> JoinHandle<u64> {
        let actor = self.actor.clone();
        tokio::spawn(async move { actor.send(room, "meanwhile").await.unwrap().message.seq })
    }
}
