//! Statements and their plans, against the tables as they are migrated.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{Connection, Executor, PgConnection, Row, SqlSafeStr};

use crate::PgStore;
use crate::sql;

/// How many plans were prepared.
static PLANS: AtomicUsize = AtomicUsize::new(0);

async fn connection() -> (PgConnection, String) {
    let schema = chat_test_postgres::fresh_schema();
    let store = PgStore::connect_in(&chat_test_postgres::url(), &schema).await.unwrap();
    store.migrate().await.unwrap();
    (store.database.unhurried().await.unwrap(), schema)
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let (mut connection, _) = connection().await;
    let mut prepared = 0;
    for statement in sql::ALL.into_iter().flatten() {
        let done = (&mut connection).prepare(statement.into_sql_str()).await;
        assert!(done.is_ok(), "{statement}: {:?}", done.err());
        prepared += 1;
    }
    assert!(prepared > 40, "only {prepared} statements are listed");
    connection.close().await.unwrap();
}

/// Ten thousand rooms of three members, and fifty thousand messages in one of them.
const MANY: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at, last_seq)
        select n, 'group', '{}', now(), now(), case n when 7 then 50000 else 1 end
        from generate_series(1, 10000) n;
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select n, u::text, now(), 0, '{}', '{}', 0, 1, u
        from generate_series(1, 10000) n, generate_series(n, n + 2) u;
    insert into messages (room_id, seq, sender, kind, content, created_at, v_sent, changed, words)
        select 7, n, '7', 'text', '', now(), n, n, array_to_tsvector(array['7:w' || n])
        from generate_series(1, 50000) n;
    insert into messages (room_id, seq, sender, kind, content, created_at, v_sent, changed, words)
        select n, 1, n::text, 'text', '', now(), 1, 1, array_to_tsvector(array[n || ':w' || n])
        from generate_series(8, 10000) n;
    analyze;
";

#[tokio::test]
async fn hot_queries_are_answered_by_an_index_of_the_room() {
    let (mut connection, schema) = connection().await;
    sqlx::raw_sql(MANY).execute(&mut connection).await.unwrap();
    sqlx::query(sql::SET_UP).bind(schema).execute(&mut connection).await.unwrap();
    let plans = [
        (sql::messages::PAGE_ROOM, "(7, '7', null, 50000, 0, 50, false)", "messages_pkey"),
        (sql::messages::PAGE, "(7, array[49900], array[49950])", "messages_pkey"),
        (sql::messages::CHANGES, "(7, 49990, 0, 49990, 100)", "messages_changed"),
        (sql::messages::BY_ID, "(5, '7', null)", "messages_by_id"),
        (sql::rooms::LIST, "('7', array['group'], true, 0, 20)", "members_of_user"),
        (sql::rooms::SUMMARY, "(7)", "using members_"),
        (sql::rooms::MEMBERS, "(array[7])", "using members_"),
        (sql::search::MESSAGES, "('7', array['group'], array['w4999'], 10)", "messages_words"),
    ];
    explained(&mut connection, &plans).await;
    connection.close().await.unwrap();
}

/// Three hundred rooms, and a message in each.
const FEW: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at, last_seq)
        select n, 'group', '{}', now(), now(), 1 from generate_series(1, 300) n;
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select n, n::text, now(), 0, '{}', '{}', 0, 1, 1 from generate_series(1, 300) n;
    insert into messages (room_id, seq, sender, kind, content, created_at, v_sent, changed, words)
        select n, 1, n::text, 'text', '', now(), 1, 1, '' from generate_series(1, 300) n;
    analyze;
";

#[tokio::test]
async fn batches_find_rows_by_their_keys_in_small_tables_and_large_ones() {
    batches_find_rows_by_their_keys_among(FEW).await;
    batches_find_rows_by_their_keys_among(MANY).await;
}

async fn batches_find_rows_by_their_keys_among(rows: &'static str) {
    let (mut connection, schema) = connection().await;
    sqlx::raw_sql(rows).execute(&mut connection).await.unwrap();
    sqlx::query(sql::SET_UP).bind(schema).execute(&mut connection).await.unwrap();
    sqlx::query(sql::batch::SET_UP).execute(&mut connection).await.unwrap();
    let nothing = format!("({}, gen_random_uuid(), 1)", ["'{}'"; 21].join(", "));
    let plans = [
        (sql::batch::LOCK, "(array[7])", "rooms_pkey"),
        (sql::batch::MEMBERS, "(array[7], array['7'], array[true])", "messages_of_sender"),
        (sql::batch::MEMBERS, "(array[7], array['7'], array[true])", "using members_"),
        (sql::batch::OTHERS, "(array[7], array[7], array['7'])", "using members_"),
        (sql::batch::KEYS, "(array[7], array['7'], array[gen_random_uuid()])", "messages_by_key"),
        (sql::batch::TARGETS, "(array[5], array[7])", "messages_by_id"),
        (sql::batch::PLACES, "(array[7], array[9])", "messages_pkey"),
        (sql::batch::SEND_KNOWN, &nothing, "using rooms_pkey"),
        (sql::batch::FOLD, "(array[7], array['7'], array[9])", "messages_of_sender"),
    ];
    // In a small table one index of the room is as good as the other.
    let any = plans.map(|(statement, arguments, _)| (statement, arguments, "using "));
    explained(&mut connection, if rows == FEW { &any } else { &plans }).await;
    connection.close().await.unwrap();
}

/// Each plan names the index and reads no table from end to end.
async fn explained(connection: &mut PgConnection, plans: &[(&str, &str, &str)]) {
    for (statement, arguments, index) in plans {
        let number = PLANS.fetch_add(1, Ordering::Relaxed);
        let all = format!(
            "prepare plan_{number} as {statement}; explain execute plan_{number}{arguments}"
        );
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(all)).fetch_all(&mut *connection).await;
        let lines: Vec<String> = rows.unwrap().iter().map(|row| row.try_get(0).unwrap()).collect();
        let plan = lines.join("\n");
        assert!(plan.contains(*index), "{index} is not used:\n{plan}");
        for table in ["messages", "members", "rooms"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "all rows are read:\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_batch_that_arrives_after_it_was_given_up_writes_nothing() {
    let (mut connection, _) = connection().await;
    let lane = uuid::Uuid::now_v7();
    sqlx::raw_sql(FEW).execute(&mut connection).await.unwrap();
    sqlx::query(sql::batch::ENTER).bind(lane).bind(0_i64).execute(&mut connection).await.unwrap();
    let known = format!("prepare known as {}", sql::batch::SEND_KNOWN);
    sqlx::raw_sql(sqlx::AssertSqlSafe(known)).execute(&mut connection).await.unwrap();
    let send = async |on: &mut PgConnection, batch: i64| {
        let execute = format!(
            "execute known('{{7}}', '{{2}}', '{{7}}', '{{text}}', '{{hello}}', '{{null}}', \
                 '{{null}}', '{{null}}', '{{null}}', '{{null}}', array[now()], '{{2}}', \
                 array[''], '{{null}}', '{{null}}', '{{7}}', '{{1}}', '{{2}}', '{{2}}', \
                 array[now()], array[now()], '{lane}', {batch})"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(execute)).fetch_all(on).await.unwrap().len()
    };
    let committed = async |on: &mut PgConnection, batch: i64| {
        let row = sqlx::query(sql::batch::COMMITTED).bind(lane).bind(batch);
        row.fetch_one(on).await.unwrap().get::<i64, _>("batch")
    };
    assert_eq!(committed(&mut connection, 1).await, 0);
    assert_eq!(send(&mut connection, 1).await, 0, "somebody was told that it was not committed");
    assert_eq!(committed(&mut connection, 1).await, 0);
    assert_eq!(send(&mut connection, 2).await, 1);
    assert_eq!(committed(&mut connection, 2).await, 2);
    connection.close().await.unwrap();
}
