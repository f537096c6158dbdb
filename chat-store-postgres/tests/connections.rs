//! Connections, while what leads to the database changes.

mod common;

use chat_core::store::{MessageStore, RoomStore, StoreError};
use chat_store_postgres::{ConnectError, PgBus, PgStore};
use chat_test_postgres::Cluster;
use common::{AT, LIMIT, caller, group, text};
use sqlx::{Connection, PgConnection, PgPool};

async fn admin(cluster: &Cluster, statements: &'static str) {
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql(statements).execute(&mut admin).await.unwrap();
}

/// Ends all other connections.
const END: &str = "select pg_terminate_backend(pid, 30000) from pg_stat_activity \
     where pid <> pg_backend_pid() and backend_type = 'client backend'";

#[tokio::test]
async fn who_is_not_let_in_is_unavailable_until_the_pool_knows_another_way() {
    let cluster = Cluster::start();
    admin(&cluster, "create role app login; grant create on database postgres to app").await;
    let options = |url: &str| url.parse::<sqlx::postgres::PgConnectOptions>().unwrap();
    let pool = PgPool::connect_lazy_with(options(&cluster.url()).username("app"));
    let store = PgStore::new(&pool);
    let bus = PgBus::new(&pool);
    store.migrate().await.unwrap();
    let room = group(&store).await;
    store.send(text(room, "ada", "before")).await.unwrap();

    admin(&cluster, "create role next login in role app; alter role app nologin").await;
    admin(&cluster, END).await;
    let by = caller("ada");
    for _ in 0..2 {
        let (sent, read, made) = tokio::join!(
            store.send(text(room, "ada", "meanwhile")),
            store.room(Some(&by), room),
            store.join_room(&by, room, LIMIT, AT),
        );
        assert!(matches!(sent, Err(StoreError::Unavailable(_))), "{sent:?}");
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
        assert!(matches!(made, Err(StoreError::Unavailable(_))), "{made:?}");
    }

    pool.set_connect_options(options(&cluster.url()).username("next"));
    let sent = store.send(text(room, "ada", "after")).await.unwrap();
    assert_eq!(sent.message.seq, 2);
    assert!(store.room(Some(&by), room).await.unwrap().is_some());
    common::until_available(&bus).await;
}

#[tokio::test]
async fn a_standby_is_asked_nothing_until_it_is_promoted() {
    let cluster = Cluster::start();
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    let room = group(&store).await;
    store.send(text(room, "ada", "before")).await.unwrap();
    cluster.demote();
    let by = caller("ada");
    let (sent, read) =
        tokio::join!(store.send(text(room, "ada", "meanwhile")), store.room(Some(&by), room));
    assert!(matches!(sent, Err(StoreError::Unavailable(_))), "{sent:?}");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "what it says may be old: {read:?}");
    assert!(matches!(PgStore::connect(&cluster.url()).await, Err(ConnectError::Database(_))));
    cluster.promote();
    store.send(text(room, "ada", "after")).await.unwrap();
    assert!(store.room(Some(&by), room).await.unwrap().is_some());
}

#[test]
fn a_store_outlives_the_runtime_in_which_it_was_first_used() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cluster = Cluster::start();
    let first = runtime();
    let (store, room) = first.block_on(async {
        let store = PgStore::connect(&cluster.url()).await.unwrap();
        store.migrate().await.unwrap();
        let room = group(&store).await;
        store.send(text(room, "ada", "before")).await.unwrap();
        (store, room)
    });
    drop(first);
    for seq in 2..4 {
        runtime().block_on(async {
            let sent = store.send(text(room, "ada", "after")).await.unwrap();
            assert_eq!(sent.message.seq, seq);
            assert!(store.room(Some(&caller("ada")), room).await.unwrap().is_some());
        });
    }
}
