//! Messages inside the host's own transactions.

mod common;

use std::time::Duration;

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{Event, RoomId, Slice, User};
use chat_core::service::Listener;
use chat_core::store::{Anchor, StoreError};
use chat_core::{Actor, Chat, Outgoing};
use chat_store_postgres::PgStore;
use sqlx::{Executor, PgPool, Row};

struct Shop {
    store: PgStore,
    pool: PgPool,
    actor: Actor,
    room: RoomId,
    /// The host's own table.
    orders: String,
    _schema: common::Schema,
}

impl Shop {
    async fn open() -> Self {
        let (store, schema) = common::store().await;
        let users = ["1", "2", "3"].map(|id| User::new(id.try_into().unwrap(), id));
        let sign_in = JwtAuthenticator::hs256(b"a secret of the tests' own, 32 bytes");
        let chat = Chat::new(store.clone(), StaticDirectory::from_iter(users), sign_in);
        let actor = chat.acting_as("1");
        let room = actor.direct_room("2").await.unwrap().id;
        let pool = PgPool::connect(&chat_test_postgres::url()).await.unwrap();
        let orders = format!("orders_of_{}", chat_test_postgres::fresh_schema());
        let create = format!("create table public.{orders} (item int)");
        pool.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        Self { store, pool, actor, room, orders, _schema: schema }
    }

    fn order(&self) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(format!("insert into {} values (42)", self.orders))
    }

    async fn counts(&self) -> (i64, usize) {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {}", self.orders));
        let orders = self.pool.fetch_one(count).await.unwrap().get(0);
        let history = self.actor.history(self.room, Anchor::Newest, Slice::first(10), false);
        (orders, history.await.unwrap().items.len())
    }
}

#[tokio::test]
async fn an_order_and_its_message_commit_together_or_not_at_all() {
    let shop = Shop::open().await;
    for commits in [false, true] {
        let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
        let mut transaction = shop.pool.begin().await.unwrap();
        transaction.execute(shop.order()).await.unwrap();
        let sent = shop.store.send_in(&mut transaction, message).await.unwrap();
        // The host's own tables are found as before.
        transaction.execute(shop.order()).await.unwrap();
        assert_eq!(sent.message.seq, 1);
        assert_eq!(shop.counts().await, (0, 0), "nobody sees it before the commit");
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(shop.counts().await, if commits { (2, 1) } else { (0, 0) });
    }
}

#[tokio::test]
async fn a_message_that_is_refused_leaves_the_transaction_as_it_was() {
    let shop = Shop::open().await;
    let stranger = shop.actor.chat().acting_as("3");
    let message = stranger.compose(shop.room, "let me in").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    let refused = shop.store.send_in(&mut transaction, message).await;
    assert!(matches!(refused, Err(StoreError::Denied(_))), "{refused:?}");
    transaction.execute(shop.order()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(shop.counts().await, (1, 0));
}

#[tokio::test]
async fn the_same_key_inside_and_outside_of_a_transaction_is_one_message() {
    let shop = Shop::open().await;
    let keyed = || Outgoing::new("on its way").with_key("order-17");
    let message = shop.actor.compose(shop.room, keyed()).await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    let sent = shop.store.send_in(&mut transaction, message).await.unwrap();
    // Somebody else sends to the room meanwhile, and waits for the transaction.
    let (actor, room) = (shop.actor.clone(), shop.room);
    let other = tokio::spawn(async move { actor.send(room, "meanwhile").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!other.is_finished());
    transaction.commit().await.unwrap();
    let other = other.await.unwrap().unwrap();
    assert_eq!((sent.message.seq, other.message.seq), (1, 2));
    let again = shop.actor.send(shop.room, keyed()).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.message.id, sent.message.id);
}

#[tokio::test]
async fn after_the_commit_everybody_is_told() {
    struct Told(std::sync::mpsc::Sender<Event>);
    impl Listener for Told {
        fn on_event(&self, event: &Event) {
            self.0.send(event.clone()).unwrap();
        }
    }
    let shop = Shop::open().await;
    let (told, events) = std::sync::mpsc::channel();
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    let sent = shop.store.send_in(&mut transaction, message).await.unwrap();
    transaction.commit().await.unwrap();
    shop.actor.chat().add_listener(std::sync::Arc::new(Told(told)));
    shop.actor.announce_sent(&sent).await.unwrap();
    let Ok(Event::Room(event)) = events.try_recv() else { panic!("nobody was told") };
    assert_eq!((event.room, event.reached.version), (shop.room, sent.message.versions.sent));
}
