//! Messages inside the host's own transactions.

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use chat_core::Outgoing;
use chat_core::model::Event;
use chat_core::service::Listener;
use chat_core::store::StoreError;
use chat_test_postgres::Cluster;
use common::proxy::Proxy;
use common::shop::Shop;
use sqlx::{Executor, PgConnection, PgPool};

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
async fn what_the_host_says_itself_is_stored_whoever_it_speaks_for() {
    let shop = Shop::open().await;
    let chat = shop.actor.chat();
    let shipped = || Outgoing::new("on its way").with_key("order-17-shipped");
    for repeated in [false, true] {
        let message = chat.compose_as("3", shop.room, shipped()).await.unwrap();
        let mut transaction = shop.pool.begin().await.unwrap();
        let sent = shop.store.send_in(&mut transaction, message).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((sent.message.sender.as_str(), sent.repeated), ("3", repeated));
        chat.announce_sent(&sent).await.unwrap();
    }
    assert!(chat.send_as("3", shop.room, shipped()).await.unwrap().repeated);
    assert_eq!(shop.counts().await, (0, 1));
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
    shop.actor.chat().announce_sent(&sent).await.unwrap();
    let Ok(Event::Room(event)) = events.try_recv() else { panic!("nobody was told") };
    assert_eq!((event.room, event.reached.version), (shop.room, sent.message.versions.sent));
}

#[tokio::test]
async fn temporary_tables_of_the_hosts_are_not_taken_for_the_stores() {
    let shop = Shop::open().await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    for table in ["rooms", "members", "messages", "lanes"] {
        let create = format!("create temp table {table} (x int) on commit drop");
        transaction.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    }
    shop.store.send_in(&mut transaction, message).await.unwrap();
    // And they are found as before.
    transaction.execute("insert into members values (42)").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(shop.counts().await, (0, 1));
}

/// What comes of a future that is given up once it has waited so many times.
async fn given_up_after<F: Future>(mut waits: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let polled = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waits == 0 => Poll::Ready(None),
        Poll::Pending => {
            waits -= 1;
            Poll::Pending
        }
    });
    polled.await
}

#[tokio::test]
async fn who_gives_up_sending_has_the_transaction_as_it_was() {
    let cluster = Cluster::start();
    let shop = Shop::open_at(&cluster.url()).await;
    // On this one thread no answer passes the proxy before it is waited for.
    let proxy = Proxy::start(&cluster.url()).await;
    let pool = PgPool::connect(&proxy.url()).await.unwrap();
    let (mut waits, mut orders, mut refused) = (0, 0, 0);
    loop {
        let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
        let mut transaction = pool.begin().await.unwrap();
        let before: String = path_of(&mut transaction).await.unwrap();
        let sending = shop.store.send_in(&mut transaction, message);
        let sent = given_up_after(waits, sending).await;
        match path_of(&mut transaction).await {
            Ok(path) => {
                assert_eq!(path, before, "after {waits} waits");
                transaction.execute(shop.order()).await.unwrap();
                transaction.commit().await.unwrap();
                orders += 1;
            }
            // It had been given up at its very end: the transaction says so, and commits nothing.
            Err(_) => refused += 1,
        }
        let stored = usize::from(sent.is_some());
        let (counted, messages) = shop.counts().await;
        assert_eq!((counted, messages), (orders, stored), "after {waits} waits");
        if let Some(sent) = sent {
            assert_eq!(sent.unwrap().message.seq, 1);
            break;
        }
        waits += 1;
    }
    assert!(waits > 8 && refused < 3, "{waits} waits, {refused} times refused");
    assert_eq!(shop.sending(shop.room).await.unwrap(), 2);
}

async fn path_of(on: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("show search_path").fetch_one(on).await
}

#[tokio::test]
async fn what_the_database_refuses_breaks_no_transaction() {
    let shop = Shop::open().await;
    let mut holder = shop.pool.begin().await.unwrap();
    shop.send_in(&mut holder, shop.room).await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    transaction.execute("set local lock_timeout = 10").await.unwrap();
    let refused = shop.store.send_in(&mut transaction, message.clone()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    transaction.execute(shop.order()).await.unwrap();
    holder.rollback().await.unwrap();
    assert_eq!(shop.store.send_in(&mut transaction, message).await.unwrap().message.seq, 1);
    transaction.commit().await.unwrap();
    assert_eq!(shop.counts().await, (1, 1));
}

#[tokio::test]
async fn a_transaction_that_has_failed_stays_one() {
    let shop = Shop::open().await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut transaction = shop.pool.begin().await.unwrap();
    transaction.execute(shop.order()).await.unwrap();
    transaction.execute("select 1 / 0").await.unwrap_err();
    let refused = shop.store.send_in(&mut transaction, message).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    transaction.execute(shop.order()).await.expect_err("it does not go on outside of it");
    transaction.commit().await.unwrap();
    assert_eq!(shop.counts().await, (0, 0));
}

#[tokio::test]
async fn a_transaction_of_which_the_server_alone_knows_sends_too() {
    let shop = Shop::open().await;
    let mut connection = shop.pool.acquire().await.unwrap();
    let before = path_of(&mut connection).await.unwrap();
    connection.execute("begin").await.unwrap();
    assert_eq!(shop.send_in(&mut connection, shop.room).await, 1);
    assert_eq!(path_of(&mut connection).await.unwrap(), before);
    connection.execute(shop.order()).await.unwrap();
    connection.execute("commit").await.unwrap();
    assert_eq!(shop.counts().await, (1, 1));
}

#[tokio::test]
async fn a_snapshot_from_before_the_last_message_sends_nothing() {
    let shop = Shop::open().await;
    for isolation in ["repeatable read", "serializable"] {
        let (_, sent) = shop.counts().await;
        let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
        let begin = sqlx::AssertSqlSafe(format!("begin isolation level {isolation}"));
        let mut transaction = shop.pool.begin_with(begin).await.unwrap();
        transaction.execute("select 1 from pg_class").await.unwrap();
        shop.sending(shop.room).await.unwrap();
        for _ in 0..2 {
            let refused = shop.store.send_in(&mut transaction, message.clone()).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        }
        transaction.rollback().await.unwrap();
        // The host tries its transaction again, as with such levels it has to anyway.
        let begin = sqlx::AssertSqlSafe(format!("begin isolation level {isolation}"));
        let mut transaction = shop.pool.begin_with(begin).await.unwrap();
        shop.store.send_in(&mut transaction, message).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(shop.counts().await, (0, sent + 2));
    }
}

#[tokio::test]
async fn nothing_is_sent_outside_a_transaction() {
    let shop = Shop::open().await;
    let message = shop.actor.compose(shop.room, "on its way").await.unwrap();
    let mut connection = shop.pool.acquire().await.unwrap();
    let search_path = format!("set search_path to {}", shop.schema.0);
    connection.execute(sqlx::AssertSqlSafe(search_path)).await.unwrap();
    let refused = shop.store.send_in(&mut connection, message).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(shop.counts().await, (0, 0));
}
