//! The tables, brought up to date.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, PgConnection, SqlSafeStr};

use crate::connection::{Database, check_encoding};
use crate::error::ConnectError;
use crate::sql;

/// All migrations, in their order. One that was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 9] = [
    (1, "chat", include_str!("../migrations/0001_chat.sql")),
    (2, "one statement", include_str!("../migrations/0002_one_statement.sql")),
    (3, "fence and leases", include_str!("../migrations/0003_fence_and_leases.sql")),
    (4, "forgetting", include_str!("../migrations/0004_forgetting.sql")),
    (5, "words", include_str!("../migrations/0005_words.sql")),
    (6, "erasure", include_str!("../migrations/0006_erasure.sql")),
    (7, "steps", include_str!("../migrations/0007_steps.sql")),
    (8, "gone rooms", include_str!("../migrations/0008_gone_rooms.sql")),
    (9, "present", include_str!("../migrations/0009_present.sql")),
];

/// How many have not been run yet.
pub(crate) async fn pending(database: &Database) -> Result<usize, ConnectError> {
    let ask = async {
        let mut connection = database.unhurried().await?;
        let known: bool =
            sqlx::query_scalar(sql::HAS_MIGRATIONS).fetch_one(&mut connection).await?;
        let done: i64 = if known {
            let ours = MIGRATIONS.map(|(version, ..)| version);
            sqlx::query_scalar(sql::MIGRATED).bind(ours).fetch_one(&mut connection).await?
        } else {
            0
        };
        let _ = connection.close().await;
        Ok(usize::try_from(done).unwrap_or_default())
    };
    let done = ask.await.map_err(ConnectError::Database)?;
    Ok(MIGRATIONS.len().saturating_sub(done))
}

/// Runs what has not been run yet, and leaves alone what a newer version has run.
///
/// The migrator takes an advisory lock on the session and keeps it where it fails, so it gets a
/// connection of its own that is closed afterwards.
pub(crate) async fn run(database: &Database) -> Result<(), ConnectError> {
    let mut connection = database.unhurried().await.map_err(ConnectError::Database)?;
    let done = run_on(&mut connection, database.schema()).await;
    // The lock ends with the connection, also where the goodbye does not arrive.
    let _ = connection.close().await;
    done
}

async fn run_on(connection: &mut PgConnection, schema: &str) -> Result<(), ConnectError> {
    check_encoding(connection).await?;
    let has_schema = sqlx::query_scalar(sql::HAS_SCHEMA).bind(schema).fetch_one(&mut *connection);
    let has_schema: bool = has_schema.await.map_err(ConnectError::Database)?;
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.to_vec());
    migrator.set_ignore_missing(true);
    // Quoted, as it may be a word of the language's.
    migrator.dangerous_set_table_name(format!("\"{schema}\"._migrations"));
    if !has_schema {
        // Also where it is there by then, this needs the right to make one.
        migrator.create_schema(format!("\"{schema}\""));
    }
    migrator.run_direct(None, connection, false).await.map_err(ConnectError::Migrate)
}
