//! What each operation asks of the database, counted on its way there: the table in the crate's
//! documentation.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::model::{Cursor, MessageId, RoomId, RoomKind, Slice, User, UserId};
use chat_core::rules::RoomName;
use chat_core::store::{Anchor, ReceiptKind, RoomOrder};
use chat_core::{Actor, Chat, Outgoing};
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use common::proxy::Proxy;
use futures::future::join_all;

fn chat_on(store: PgStore) -> Chat {
    let users = (1..=4_u64).map(|id| User::new(id.into(), id.to_string()));
    let sign_in = JwtAuthenticator::hs256(b"a secret of the tests' own, 32 bytes");
    Chat::new(store, users.collect::<StaticDirectory>(), sign_in)
}

/// A room of four with a message.
struct World {
    proxy: Proxy,
    chat: Chat,
    room: RoomId,
    message: MessageId,
    _cluster: Cluster,
}

impl World {
    async fn new() -> Self {
        let cluster = Cluster::start();
        let proxy = Proxy::start(&cluster.url()).await;
        let store = PgStore::connect(&proxy.url()).await.unwrap();
        store.migrate().await.unwrap();
        let chat = chat_on(store);
        let others: Vec<UserId> = (2..=4_u64).map(UserId::from).collect();
        let name = RoomName::parse("four").unwrap();
        let john = chat.acting_as(1);
        let room = john.create_room(RoomKind::Group, name, others).await.unwrap();
        let message = john.send(room, "hello").await.unwrap().message.id;
        Self { proxy, chat, room, message, _cluster: cluster }
    }

    fn actor(&self, user: u64) -> Actor {
        self.chat.acting_as(user)
    }

    /// How many statements something takes that was done before, so that it is prepared. Done a few
    /// times, as connections of the pool prepare for themselves.
    async fn count(&self, what: impl AsyncFn()) -> usize {
        let mut least = usize::MAX;
        for _ in 0..12 {
            self.proxy.statements();
            what().await;
            least = least.min(self.proxy.statements());
        }
        least
    }
}

#[tokio::test]
async fn messages_to_a_room_that_is_known_take_one_statement_and_others_six_or_seven() {
    let world = World::new().await;
    let (john, room) = (world.actor(1), world.room);
    let send = async |message: Outgoing| {
        john.send(room, message).await.unwrap();
    };
    assert_eq!(world.count(async || send("plain".into()).await).await, 1);
    let keys = AtomicU64::new(0);
    let keyed = || {
        let key = keys.fetch_add(1, Ordering::Relaxed).to_string();
        Outgoing::new("keyed").with_key(key)
    };
    assert_eq!(world.count(async || send(keyed()).await).await, 1);
    let answer = || Outgoing::new("an answer").with_reply_to(world.message);
    assert_eq!(world.count(async || send(answer()).await).await, 7);
    // What comes at once is committed together.
    let all = async || {
        join_all((0..100).map(|number| send(format!("number {number}").into()))).await;
    };
    let statements = world.count(all).await;
    assert!(statements <= 4, "{statements} statements for 100 messages");
    // Where another server has written since, what is known is of no use.
    let elsewhere = PgStore::connect(&world.proxy.url()).await.unwrap();
    let other = chat_on(elsewhere);
    let in_turn = async || {
        other.acting_as(2).send(room, "from elsewhere").await.unwrap();
        world.proxy.statements();
        send("plain".into()).await;
    };
    assert_eq!(world.count(in_turn).await, 6);
}

#[tokio::test]
async fn a_batch_of_receipts_takes_six_statements_and_one_more_for_messages_and_for_statuses() {
    let world = World::new().await;
    let (john, jane, room) = (world.actor(1), world.actor(2), world.room);
    let read_all = async || {
        jane.mark_all_read(room).await.unwrap();
    };
    assert_eq!(world.count(read_all).await, 6);
    let read_one = async || {
        jane.mark(room, world.message, ReceiptKind::Read).await.unwrap();
    };
    assert_eq!(world.count(read_one).await, 7);
    // The status moves with the last of them.
    let with_status = async || {
        john.send(room, "new").await.unwrap();
        for user in 2..=3 {
            world.actor(user).mark_all_read(room).await.unwrap();
        }
        world.proxy.statements();
        world.actor(4).mark_all_read(room).await.unwrap();
    };
    assert_eq!(world.count(with_status).await, 7);
}

#[tokio::test]
async fn reading_takes_as_many_statements_as_it_says() {
    let world = World::new().await;
    let (john, room) = (world.actor(1), world.room);
    let history = async || {
        john.history(room, Anchor::Newest, Slice::first(50)).await.unwrap();
    };
    assert_eq!(world.count(history).await, 1);
    let rooms = async || {
        john.rooms(RoomOrder::Activity, Slice::first(100)).await.unwrap();
    };
    for _ in 0..99 {
        let name = RoomName::parse("another").unwrap();
        let room = john.create_room(RoomKind::Group, name, vec![2.into()]).await.unwrap();
        john.send(room, "hello").await.unwrap();
    }
    assert_eq!(world.count(rooms).await, 1);
    let changes = async || {
        world.chat.changes(room, Cursor::version(0), 100).await.unwrap();
    };
    assert_eq!(world.count(changes).await, 1);
    let deleted = john.send(room, "nothing").await.unwrap().message.id;
    john.delete(room, deleted).await.unwrap();
    assert_eq!(world.count(history).await, 2);
}
