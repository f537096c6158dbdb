//! Plans of what deletes rooms and sweeps them.

use std::collections::BTreeSet;

use sqlx::Connection;

use super::explain::{explained, reads_at_most, reads_little};
use super::plans::{LISTED, MANY, ONE, among};
use crate::sql::{self, gone_rooms};

/// Ten thousand rooms that are deleted, some of which failed, and the two of a direct room.
const GONE: &str = "
    insert into gone_rooms (room_id, last_seq, members) select n, 1, 2 from generate_series(20001, 30000) n;
    update gone_rooms set failures = 1, due = now() where room_id < 25000;
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select 10001, u, now(), 0, '{}', '{}', 0, 1, 1 from unnest(array['a10001', 'b10001']) u;
    analyze;
";

#[tokio::test]
async fn rooms_are_deleted_and_swept_by_their_keys_however_much_there_is() {
    let mut connection = among(&[MANY, LISTED, GONE]).await;
    let plans = [
        (gone_rooms::DELETE, "(7, null)", "rooms_pkey"),
        (gone_rooms::DELETE, "(7, now())", "rooms_pkey"),
        (gone_rooms::FORGET_PAIR, "(10001)", "direct_rooms_pkey"),
        (gone_rooms::TAKE, "(now(), 400, 250)", "gone_rooms_due"),
        (gone_rooms::TAKE, "(now(), 1, 250)", "gone_rooms_due"),
        (
            gone_rooms::SWEEP_MESSAGES,
            "(array[7], array[20000], array[20400], now(), 30)",
            "messages_pkey",
        ),
        (
            gone_rooms::SWEEP_MESSAGES,
            "(array[7, 8], array[20000, 0], array[20300, 100], now(), 30)",
            "messages_pkey",
        ),
        (gone_rooms::SWEEP_MEMBERS, "(7, '2', 400)", "members_pkey"),
        (gone_rooms::SWEEP_ALL_MEMBERS, "(array[10001, 10002])", "using members_"),
        (gone_rooms::NOTE_SWEPT, "(20500, 400, 'a')", "gone_rooms_pkey"),
        (gone_rooms::PUT_OFF, "(array[20500, 20501], now(), 30, 21600)", "gone_rooms_pkey"),
        (gone_rooms::FORGET, "(array[20500, 20501])", "gone_rooms_pkey"),
    ];
    let statements: BTreeSet<_> = plans.iter().map(|(statement, ..)| *statement).collect();
    assert_eq!(statements.len(), gone_rooms::ALL.len(), "a statement is left out");
    explained(&mut connection, &plans).await;
    let plans = plans.map(|(statement, arguments, _)| (statement, arguments));
    reads_little(&mut connection, &plans).await;
    connection.close().await.unwrap();

    let mut connection = among(&[ONE, GONE]).await;
    let in_room: Vec<_> =
        plans.into_iter().filter(|(_, arguments)| arguments.contains('7')).collect();
    reads_little(&mut connection, &in_room).await;
    connection.close().await.unwrap();
}

/// Somebody whose thousand rooms are deleted, but for the last.
const FORMER: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at)
        values (1000, 'group', '{}', now(), now());
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select n, '1', now(), 0, '{}', '{}', 0, 1, 1 from generate_series(1, 1000) n;
    analyze;
";

#[tokio::test]
async fn the_rooms_of_a_user_are_found_among_those_that_are_deleted() {
    let mut connection = among(&[FORMER]).await;
    let plans = [
        (sql::rooms::ROOMS_OF, "('1', 0, 20)"),
        (sql::rooms::LIST, "('1', array['group'], true, 0, 20)"),
        (sql::rooms::UNREAD, "('1', array['group'])"),
    ];
    // Each is looked for once, by its key.
    reads_at_most(1_000.0, &mut connection, &plans).await;
    connection.close().await.unwrap();
}
