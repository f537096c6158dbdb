//! What the database says of how it does something.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{PgConnection, Row};

/// How many plans were prepared.
static PLANS: AtomicUsize = AtomicUsize::new(0);

/// No step of a plan takes or passes over more rows than a few pages have.
pub(super) async fn reads_little(connection: &mut PgConnection, plans: &[(&str, &str)]) {
    reads_at_most(500.0, connection, plans).await;
}

/// No step takes or passes over more rows than these.
pub(super) async fn reads_at_most(
    rows: f64,
    connection: &mut PgConnection,
    plans: &[(&str, &str)],
) {
    for (statement, arguments) in plans {
        let number = PLANS.fetch_add(1, Ordering::Relaxed);
        let all = format!(
            "begin; prepare plan_{number} as {statement}; \
             explain (analyze, format json) execute plan_{number}{arguments}; rollback"
        );
        let found = sqlx::raw_sql(sqlx::AssertSqlSafe(all)).fetch_all(&mut *connection).await;
        let plan: String = found.unwrap().remove(0).try_get_unchecked(0).unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        let most = most_rows(&plan[0]["Plan"]);
        assert!(most <= rows, "{most} rows of {statement}:\n{plan:#}");
    }
}

/// The most rows of a step, those among them that it throws away.
fn most_rows(step: &serde_json::Value) -> f64 {
    let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
    let thrown = number("Rows Removed by Filter")
        + number("Rows Removed by Join Filter")
        + number("Rows Removed by Index Recheck");
    let own = (number("Actual Rows") + thrown) * number("Actual Loops");
    let steps = step["Plans"].as_array().into_iter().flatten();
    steps.map(most_rows).fold(own, f64::max)
}

/// Each plan names the index and reads no table from end to end.
pub(super) async fn explained(connection: &mut PgConnection, plans: &[(&str, &str, &str)]) {
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
