//! Plans: each statement finds its rows by an index, however many there are.

use sqlx::{Connection, PgConnection};

use super::connection;
use super::explain::{explained, reads_at_most, reads_little};
use crate::sql;

/// A connection as the store has it, to tables with these rows in them.
pub(super) async fn among(rows: &[&'static str]) -> PgConnection {
    let (mut connection, schema) = connection().await;
    for rows in rows {
        sqlx::raw_sql(*rows).execute(&mut connection).await.unwrap();
    }
    sqlx::query(sql::SET_UP).bind(schema).execute(&mut connection).await.unwrap();
    connection
}

/// Ten thousand rooms of three members, and fifty thousand messages in one of them.
pub(super) const MANY: &str = "
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
    let mut connection = among(&[MANY]).await;
    let plans = [
        (sql::messages::PAGE_ROOM, "(7, '7', null, 50000, 0, 50, false)", "messages_pkey"),
        (sql::messages::PAGE, "(7, array[49900], array[49950])", "messages_pkey"),
        (sql::messages::CHANGES, "(7, 49990, 0, 49990, 100)", "messages_changed"),
        (sql::messages::BY_ID, "(5, '7', null)", "messages_by_id"),
        (sql::rooms::LIST, "('7', array['group'], true, 0, 20)", "members_of_user"),
        (sql::rooms::UNREAD, "('7', array['group'])", "members_of_user"),
        (sql::rooms::LIST, "('7', array['group'], true, 0, 20)", "Only Scan using members_present"),
        (sql::rooms::SUMMARIES, "(array[7], '7')", "Only Scan using members_present"),
        (
            sql::search::OWN_CANDIDATES,
            "('7', array['group'], true, 0, 100, 100)",
            "Only Scan using members_present",
        ),
        (
            sql::search::PUBLIC_CANDIDATES,
            "('7', 20000, 100, 100)",
            "Only Scan using members_present",
        ),
        (sql::rooms::MEMBERS, "(array[7])", "using members_"),
        (sql::search::MESSAGES, "('7', array['group'], array['w4999'], 10)", "messages_words"),
    ];
    explained(&mut connection, &plans).await;
    connection.close().await.unwrap();
}

/// Ten thousand rooms more, which are public, or direct ones of pairs.
pub(super) const LISTED: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at)
        select n, case n % 2 when 0 then 'public' else 'direct' end, '{}', now(), now()
        from generate_series(10001, 20000) n;
    insert into direct_rooms (first, second, room_id)
        select 'a' || n, 'b' || n, n from generate_series(10001, 20000, 2) n;
    analyze;
";

#[tokio::test]
async fn rooms_are_found_by_their_keys_however_many_there_are() {
    let mut connection = among(&[MANY, LISTED]).await;
    let plans = [
        (sql::rooms::VERSIONS, "(array[7, 70, 700])", "rooms_pkey"),
        (sql::rooms::ROOMS_OF, "('7', 0, 20)", "members_of_user"),
        (sql::rooms::ALL_ROOMS, "(10, 20)", "rooms_pkey"),
        (sql::rooms::ACCESS, "(7, '7')", "rooms_pkey"),
        (sql::rooms::STATS, "('7', array['group'], null, now(), now())", "members_of_user"),
        (sql::rooms::FIND_PAIR, "('a10001', 'b10001')", "direct_rooms_pkey"),
        (sql::rooms::LOCK, "(7)", "rooms_pkey"),
        (sql::rooms::COUNT, "(7, 5000)", "using members_"),
        (sql::rooms::PRESENT, "(7, array['7', '8'])", "using members_"),
        (
            sql::search::OWN_CANDIDATES,
            "('7', array['group'], true, 0, 100, 100)",
            "members_of_user",
        ),
        (sql::search::PUBLIC_CANDIDATES, "('7', 1000000, 20, 100)", "rooms_public"),
    ];
    explained(&mut connection, &plans).await;
    reads_little(&mut connection, &plans.map(|(statement, arguments, _)| (statement, arguments)))
        .await;
    connection.close().await.unwrap();
}

#[tokio::test]
async fn no_more_sessions_are_forgotten_than_asked_whatever_statistics_say() {
    let (mut connection, schema) = connection().await;
    let insert = "insert into visitors (user_id, last_seen, there) values ('1', now(), false) \
            on conflict do nothing;
        insert into sessions (id, user_id, room_id, node, connected_at, last_seen, lease_until, \
                due, closed_at)
            select lpad(n::text, 32, '0')::uuid, '1', 1, lpad('1', 32, '0')::uuid, now(), now(), \
                now(), now(), now() - interval '1 day'
            from generate_series(";
    let some = |which: &str| sqlx::AssertSqlSafe(format!("{insert}{which}) n;"));
    // Known as a table of a single row.
    sqlx::raw_sql(some("1, 1")).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("analyze sessions").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(some("2, 40")).execute(&mut connection).await.unwrap();
    sqlx::query(sql::SET_UP).bind(schema).execute(&mut connection).await.unwrap();
    let forget = sqlx::query(sql::sessions::FORGET_ALL).bind(time::OffsetDateTime::now_utc());
    let forgotten = forget.bind(2_i64).execute(&mut connection).await.unwrap();
    assert_eq!(forgotten.rows_affected(), 2);
    connection.close().await.unwrap();
}

/// Sixty thousand sessions of twenty thousand users, one in three of them open; one of a thousand
/// is due.
const SESSIONS: &str = "
    insert into visitors (user_id, last_seen, there)
        select n::text, now(), true from generate_series(0, 19999) n;
    insert into attendance (user_id, room_id) select n::text, n from generate_series(0, 19999) n;
    insert into sessions (id, user_id, room_id, node, connected_at, last_seen, lease_until, due,
            closed_at)
        select lpad(n::text, 32, '0')::uuid, (n % 20000)::text, n % 20000,
            lpad('1', 32, '0')::uuid, now(), now(), now() + interval '1 hour',
            now() + case n % 1000 when 0 then interval '-1 hour' else interval '1 hour' end,
            case when n % 3 > 0 then now() end
        from generate_series(1, 60000) n;
    analyze;
";

#[tokio::test]
async fn sessions_are_found_by_their_keys_however_many_there_are() {
    let mut connection = among(&[SESSIONS]).await;
    let (one, all) = ("lpad('9', 32, '0')::uuid", "array[lpad('9', 32, '0')::uuid]");
    let node = "lpad('1', 32, '0')::uuid";
    let plans = [
        (sql::sessions::VISIT, "('9', now())".to_owned()),
        (sql::sessions::OPEN, "('9', 9, now())".to_owned()),
        (
            sql::sessions::INSERT,
            format!("({one}, '9', 9, {node}, now(), now(), now(), null, null)"),
        ),
        (sql::sessions::LOCK_HEARD, format!("({all})")),
        (sql::sessions::RENEW, format!("({node}, now(), now(), {all}, array[now()])")),
        (sql::sessions::HEARD, "(array['9'], array[now()])".to_owned()),
        (sql::sessions::OVER, format!("({all}, {node}, now())")),
        (sql::sessions::LOCK_VISITOR_OF, format!("({one})")),
        (sql::sessions::CLOSE, format!("({one}, now())")),
        (sql::sessions::LOCK_DUE, "(now())".to_owned()),
        (sql::sessions::POSTPONE, "(now(), array['9'])".to_owned()),
        (sql::sessions::EXPIRE, "(now(), array['9'])".to_owned()),
        (sql::sessions::ABSENT, "(array['9'], array[9], now())".to_owned()),
        (sql::sessions::GO, "(array['9'])".to_owned()),
        (sql::sessions::GO_FROM, "(array['9'], array[9])".to_owned()),
        (sql::sessions::SEEN, "('9', now())".to_owned()),
        (sql::sessions::REMOVE, format!("({all})")),
        (sql::sessions::PRESENCE, "(array['9'], now())".to_owned()),
        (sql::sessions::LIST, "('9', 20)".to_owned()),
        (sql::sessions::LIST_OPEN, "('9', 20, now())".to_owned()),
        (sql::sessions::FORGET_ALL, "(now() - interval '1 hour', 20)".to_owned()),
        (sql::sessions::LOCK_VISITOR, "('9')".to_owned()),
        (sql::sessions::FORGET, "('9', now(), now())".to_owned()),
    ];
    assert_eq!(plans.len(), sql::sessions::ALL.len(), "a statement is left out");
    let plans = plans.each_ref().map(|(statement, arguments)| (*statement, arguments.as_str()));
    reads_little(&mut connection, &plans).await;
    connection.close().await.unwrap();
}

/// Somebody who has left ten thousand rooms, and reactions to some messages of the long one.
const LEFT: &str = "
    insert into members (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version,
            joining, gone)
        select n, 'gone', now(), 0, '{}', '{}', 0, 2, 4, true from generate_series(1, 10000) n;
    update messages set reactions = '[[\"e\",[\"gone\"]]]' where room_id = 7 and seq % 1000 = 0;
    analyze;
";

#[tokio::test]
async fn what_somebody_has_left_is_found_by_keys_however_much_there_is() {
    let mut connection = among(&[MANY, LEFT, SESSIONS]).await;
    let plans = [
        (sql::erasure::ROOMS, "('gone', 500, 100)", "members_left"),
        (sql::erasure::ROOMS, "('7', 0, 100)", "members_of_user"),
        (sql::erasure::TRACES, "(7, 'gone', 20000, 24096, '\"gone\"', 100)", "messages_pkey"),
        (sql::erasure::TRACES, "(7, '7', 20000, 24096, '\"7\"', 100)", "messages_pkey"),
        (sql::erasure::MESSAGES, "(7, array[20000, 21000])", "messages_pkey"),
        (sql::erasure::DELETE, "(7, array[20000, 21000], now(), 9)", "messages_pkey"),
        (sql::erasure::FORGET_KEYS, "(7, array[20000, 21000])", "messages_pkey"),
        (sql::erasure::REACT, "(7, array[20000], array['[]'], 9)", "messages_pkey"),
        (sql::erasure::FORGET_MEMBER, "(7, 'gone', 50000)", "using members_"),
        (sql::erasure::END_SESSIONS, "('9', now())", "sessions_of_user"),
        (sql::erasure::FORGET_SESSIONS, "('9', 1000)", "sessions_"),
        (sql::erasure::FORGET_VISITOR, "('9')", "visitors_pkey"),
    ];
    explained(&mut connection, &plans).await;
    let plans = plans.map(|(statement, arguments, _)| (statement, arguments));
    // Of a room a bounded part is gone through.
    let walks = |(statement, _): &(&str, &str)| *statement == sql::erasure::TRACES;
    let (walks, others): (Vec<_>, Vec<_>) = plans.into_iter().partition(walks);
    reads_little(&mut connection, &others).await;
    reads_at_most(4_096.0, &mut connection, &walks).await;
    connection.close().await.unwrap();
    let in_room = |(_, arguments): &(&str, &str)| arguments.starts_with("(7,");
    let others: Vec<_> = others.into_iter().filter(in_room).collect();
    let mut connection = among(&[ONE]).await;
    reads_little(&mut connection, &others).await;
    reads_at_most(4_096.0, &mut connection, &walks).await;
    connection.close().await.unwrap();
}

/// Twenty thousand files to delete, one of a thousand of which is due.
const FILES: &str = "
    insert into gone_files (key, due, pause)
        select n::text, now() + case n % 1000 when 0 then interval '-1 hour'
            else interval '1 hour' end, 30
        from generate_series(1, 20000) n;
    analyze;
";

#[tokio::test]
async fn files_to_delete_are_found_by_when_they_are_due_however_many_there_are() {
    let mut connection = among(&[FILES]).await;
    let plans = [
        (sql::erasure::NOTE_FILES, "(array['7', 'new'], now(), 30)"),
        (sql::erasure::TAKE_FILES, "(now(), 32, 3600)"),
        (sql::erasure::FORGET_FILES, "(array['7'])"),
    ];
    reads_little(&mut connection, &plans).await;
    connection.close().await.unwrap();
}

/// Three hundred rooms, and a message in each.
pub(super) const FEW: &str = "
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
    let mut connection = among(&[rows]).await;
    sqlx::query(sql::batch::SET_UP)
        .bind("0")
        .bind(None::<&str>)
        .execute(&mut connection)
        .await
        .unwrap();
    let nothing = format!("({}, gen_random_uuid(), 1)", ["'{}'"; 21].join(", "));
    let plans = [
        (sql::batch::LOCK, "(array[7], array[7])", "rooms_pkey"),
        (sql::batch::MEMBERS, "(array[7], array['7'], array[true])", "messages_of_sender"),
        (sql::batch::MEMBERS, "(array[7], array['7'], array[true])", "using members_"),
        (
            sql::batch::OTHERS,
            "(array[7], array['{[1,9)}'], array['{[1,9)}'], array[7], array['7'])",
            "using members_",
        ),
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

/// One room and nothing else, with fifty thousand messages of its two members.
pub(super) const ONE: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at, last_seq, version)
        values (7, 'group', '{}', now(), now(), 50000, 50000);
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select 7, u::text, now(), 0, '{[1,50001)}', '{[1,50001)}', 50000, 1, u
        from generate_series(1, 2) u;
    insert into messages
            (room_id, seq, sender, kind, content, created_at, v_sent, changed, words, key)
        select 7, n, (n % 2 + 1)::text, 'text', '', now(), n, n,
            array_to_tsvector(array['7:w' || n]), gen_random_uuid()
        from generate_series(1, 50000) n;
    analyze;
";

#[tokio::test]
async fn a_room_that_is_all_there_is_is_not_read_from_end_to_end() {
    let mut connection = among(&[ONE]).await;
    let id: i64 = sqlx::query_scalar("select id from messages where seq = 25000")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let by_id = format!("({id}, '1', null)");
    let before = format!("(7, '1', {id}, 50000, 0, 50, false)");
    let change = format!("({id}, 7)");
    let targets = format!("(array[{id}], array[7])");
    let plans = [
        (sql::messages::PAGE_ROOM, "(7, '1', null, 50000, 0, 50, false)"),
        (sql::messages::PAGE_ROOM, before.as_str()),
        (sql::messages::PAGE, "(7, array[20000, 30000], array[20050, 30050])"),
        (sql::messages::CHANGES, "(7, 25000, 0, 25000, 100)"),
        (sql::messages::BY_ID, by_id.as_str()),
        (sql::messages::IN_ROOM, change.as_str()),
        (sql::messages::EDIT, "(7, 25000, 'text', '', now(), 50001)"),
        (sql::messages::DELETE, "(7, 25000, now(), 50001)"),
        (sql::messages::REACT, "(7, 25000, '[]', 50001)"),
        (sql::rooms::LIST, "('1', array['group'], true, 0, 20)"),
        (sql::rooms::UNREAD, "('1', array['group'])"),
        (sql::rooms::ALL_ROOMS, "(0, 20)"),
        (sql::rooms::SUMMARIES, "(array[7], '1')"),
        (sql::rooms::MEMBERS, "(array[7])"),
        (sql::search::MESSAGES, "('1', array['group'], array['w4999'], 10)"),
    ];
    reads_little(&mut connection, &plans).await;
    sqlx::query(sql::batch::SET_UP)
        .bind("0")
        .bind(None::<&str>)
        .execute(&mut connection)
        .await
        .unwrap();
    let plans = [
        (sql::batch::LOCK, "(array[7], array[7])"),
        (sql::batch::MEMBERS, "(array[7], array['1'], array[true])"),
        (
            sql::batch::OTHERS,
            "(array[7], array['{[1,9)}'], array['{[1,9)}'], array[7], array['1'])",
        ),
        (sql::batch::KEYS, "(array[7], array['1'], array[gen_random_uuid()])"),
        (sql::batch::TARGETS, targets.as_str()),
        (sql::batch::PLACES, "(array[7], array[25000])"),
        (sql::batch::FOLD, "(array[7], array['1'], array[50000])"),
        (
            sql::batch::MOVE,
            "(array[7], array[25000], array[25050], array[true], array[now()], array['1'], \
             array[50001], array[0])",
        ),
    ];
    reads_little(&mut connection, &plans).await;
    // Nor are all messages of one version, where a part of them is asked for.
    sqlx::raw_sql("set statement_timeout = 0; update messages set changed = 50001; analyze")
        .execute(&mut connection)
        .await
        .unwrap();
    let plans = [(sql::messages::CHANGES, "(7, 50001, 25000, 50002, 100)")];
    reads_little(&mut connection, &plans).await;
    connection.close().await.unwrap();
}
