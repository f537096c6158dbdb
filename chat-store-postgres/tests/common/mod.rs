//! A store in a schema of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod proxy;
pub(crate) mod shop;

use std::time::Duration;

use chat_core::host::Bus;
use chat_core::model::{Kinds, MessageKind, RoomId, RoomKind, Timestamp, UserId};
use chat_core::rules::{Caller, Content};
use chat_core::store::{NewMessage, NewRoom, RoomStore};
use chat_store_postgres::PgStore;

/// When everything happens.
pub(crate) const AT: Timestamp = Timestamp::EPOCH;

/// How many members a room may have.
pub(crate) const LIMIT: usize = 5_000;

pub(crate) fn caller(user: &str) -> Caller {
    Caller { user: UserId::new(user).unwrap(), kinds: Kinds::ALL }
}

pub(crate) fn text(room: RoomId, by: &str, text: &str) -> NewMessage {
    NewMessage {
        room,
        by: caller(by).into(),
        kind: MessageKind::Text,
        content: Content::parse(text, 100).unwrap(),
        attachment: None,
        reply_to: None,
        once: None,
        at: AT,
    }
}

/// A group of Ada, who has made it, and Bob.
pub(crate) async fn group(store: &PgStore) -> RoomId {
    let room = NewRoom {
        kind: RoomKind::Group,
        name: None,
        creator: Some(UserId::new("ada").unwrap()),
        members: vec![UserId::new("bob").unwrap()],
        member_limit: LIMIT,
        metadata: serde_json::Map::new(),
        at: AT,
    };
    store.create_room(room).await.unwrap()
}

/// Takes a schema away at the end of a test, where the server is not thrown away itself.
#[derive(Debug)]
pub(crate) struct Schema(pub(crate) String);

impl Drop for Schema {
    fn drop(&mut self) {
        if std::env::var_os("DATABASE_URL").is_none() {
            return;
        }
        let statement = format!("drop schema if exists {} cascade", self.0);
        // A runtime of its own, as the test's may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("the system has threads").block_on(async {
                let mut connection = connection().await;
                let statement = sqlx::AssertSqlSafe(statement);
                sqlx::raw_sql(statement).execute(&mut connection).await.map(drop)
            })
        });
        let _ = dropped.join();
    }
}

/// A connection besides those of the store.
async fn connection() -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(&chat_test_postgres::url()).await.expect("the server is there")
}

/// Waits until a bus works.
pub(crate) async fn until_available(bus: &impl Bus) {
    let wait = async {
        while !bus.is_available() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(2), wait).await.is_ok());
}

/// A store in a schema of its own, migrated.
pub(crate) async fn store() -> (PgStore, Schema) {
    store_at(&chat_test_postgres::url()).await
}

/// The same on this server.
pub(crate) async fn store_at(url: &str) -> (PgStore, Schema) {
    let schema = chat_test_postgres::fresh_schema();
    let store = PgStore::connect_in(url, &schema).await.unwrap();
    store.migrate().await.unwrap();
    (store, Schema(schema))
}
