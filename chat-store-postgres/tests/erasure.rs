//! What is gone for good, and what is not, in the tables themselves.

mod common;

use chat_core::model::{Attachment, NodeId, RoomId, Session, SessionId, UserId};
use chat_core::rules::Emoji;
use chat_core::store::{
    DeleteMessage, Erase, ErasureStore, Mark, MessageStore, NewDirectRoom, NewMessage, Once, React,
    ReceiptKind, ReceiptStore, RoomStore, SessionStore, StoreError, Targets,
};
use chat_store_postgres::PgStore;
use common::{AT, Schema, caller, text};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What is left of a key's content once it is gone.
const NOTHING: &str = "00000000-0000-0000-0000-000000000000";

fn keyed(room: RoomId) -> NewMessage {
    let once = Some(Once { key: [1; 16], content: [2; 16] });
    let attachment = Some(Attachment {
        key: "files/secret".to_owned(),
        name: "secret.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 1,
    });
    NewMessage { once, attachment, ..text(room, "ada", "secret") }
}

async fn delete(store: &PgStore, room: RoomId) {
    let sent = store.send(keyed(room)).await.unwrap().message;
    let delete = DeleteMessage { room, message: sent.id, by: Some(caller("ada")), at: AT };
    store.delete(delete).await.unwrap();
}

/// The rows of a table as text.
async fn rows(schema: &Schema, table: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let query = format!("select t::text from {}.{table} t", schema.0);
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap()
}

#[tokio::test]
async fn of_a_deleted_message_its_row_keeps_no_content() {
    let (store, schema) = common::store().await;
    let room = common::group(&store).await;
    delete(&store, room).await;
    let rows = rows(&schema, "messages").await;
    assert!(!rows[0].contains("secret") && rows[0].contains(NOTHING), "{}", rows[0]);
    let again = store.send(keyed(room)).await;
    assert!(matches!(again, Err(StoreError::KeyReused)), "{again:?}");
}

#[tokio::test]
async fn what_keys_of_deleted_messages_were_used_for_is_forgotten_by_the_migration() {
    let (store, schema) = common::store().await;
    let room = common::group(&store).await;
    delete(&store, room).await;
    let before = format!(
        "set search_path to {}; update messages set key_content = gen_random_uuid(); \
         drop table gone_files; drop index members_left; \
         delete from _migrations where version = 6",
        schema.0
    );
    let mut host = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(before)).execute(&mut host).await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 1);
    store.migrate().await.unwrap();
    let rows = rows(&schema, "messages").await;
    assert!(rows[0].contains(NOTHING), "{}", rows[0]);
}

/// The columns that hold a text anywhere, each once.
async fn columns_with(schema: &Schema, text: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let tables = "select table_name::text from information_schema.tables \
         where table_schema = $1 and table_name <> '_migrations' order by 1";
    let tables: Vec<String> =
        sqlx::query_scalar(tables).bind(&schema.0).fetch_all(&mut connection).await.unwrap();
    assert!(tables.len() >= 9, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let columns = format!(
            "select distinct '{table}.' || c.key from {}.{table} t, \
                 jsonb_each_text(to_jsonb(t)) c where strpos(c.value, $1) > 0 order by 1",
            schema.0
        );
        let columns = sqlx::query_scalar::<_, String>(AssertSqlSafe(columns)).bind(text);
        found.extend(columns.fetch_all(&mut connection).await.unwrap());
    }
    found
}

fn session(user: &str, room: RoomId) -> Session {
    Session {
        id: SessionId::random(),
        user: UserId::new(user).unwrap(),
        room,
        node: NodeId::random(),
        connected_at: AT,
        last_seen: AT,
        lease_until: AT,
        closed_at: None,
        user_agent: Some(format!("browser of {user}")),
        ip_address: None,
    }
}

#[tokio::test]
async fn of_the_erased_the_bare_id_is_left_where_the_guide_says() {
    let (store, schema) = common::store().await;
    let (ada, bob, at) = (UserId::new("ada").unwrap(), UserId::new("bob").unwrap(), AT);
    let new =
        NewDirectRoom { first: ada.clone(), second: bob, metadata: serde_json::Map::new(), at };
    let pair = store.direct_room(new).await.unwrap().0;
    let group = common::group(&store).await;
    for room in [pair, group] {
        let once = Some(Once { key: [1; 16], content: [2; 16] });
        store.send(NewMessage { once, ..text(room, "ada", "I am ada") }).await.unwrap();
        let message = store.send(text(room, "bob", "hello")).await.unwrap().message.id;
        let emoji = Emoji::parse("👍").unwrap();
        let react = React { room, message, by: caller("ada"), emoji, add: true };
        store.react(react).await.unwrap();
        for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
            let mark = Mark { room, by: caller("ada"), kind, targets: Targets::All, at };
            store.mark(mark).await.unwrap();
        }
        store.open_session(session("ada", room)).await.unwrap();
    }
    let before = columns_with(&schema, "ada").await;
    assert!(before.len() >= 12, "{before:?}");

    for room in store.rooms_to_erase(&ada, None, 10).await.unwrap() {
        let mut after = Some(0);
        while let Some(from) = after {
            let erase = Erase { room, user: ada.clone(), after: from, at };
            after = store.erase(erase).await.unwrap().more;
        }
    }
    assert!(!store.forget_user(&ada, AT, 10).await.unwrap().more);
    let left = [
        "direct_rooms.first",
        "members.user_id",
        "messages.delivered_by",
        "messages.sender",
        "messages.status_by",
        "rooms.created_by",
    ];
    assert_eq!(columns_with(&schema, "ada").await, left);
    let messages = rows(&schema, "messages").await;
    let keyed = |row: &&String| row.contains("01010101") || row.contains("02020202");
    assert_eq!(messages.iter().find(keyed), None);
}
