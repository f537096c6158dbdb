//! Every statement there is, by subject.
//!
//! Tables are named without their schema: the search path of each connection leads to it, and only
//! then to temporary tables, which come first where nothing is said. Each
//! statement is prepared once for each connection, and a test prepares every one of them.

#[macro_use]
mod columns;
pub(crate) mod batch;
pub(crate) mod bus;
pub(crate) mod erasure;
pub(crate) mod gone_rooms;
pub(crate) mod messages;
pub(crate) mod rooms;
pub(crate) mod search;
pub(crate) mod sessions;

pub(crate) const BEGIN: &str = "begin";
pub(crate) const COMMIT: &str = "commit";
pub(crate) const ROLLBACK: &str = "rollback";

/// For migrations, which need no notice of what is there already, and as much time as they take:
/// whatever the host's databases are used to.
pub(crate) const SET_PATH: &str = "select \
     set_config('search_path', format('%I, pg_temp', $1::text), false), \
     set_config('client_min_messages', 'warning', false), \
     set_config('default_transaction_isolation', 'read committed', false)";

/// Takes away whatever ends statements or transactions that take long; not all versions know all.
pub(crate) const SET_UNHURRIED: &str = "select set_config(name, '0', false) from pg_settings \
     where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout', \
         'idle_in_transaction_session_timeout')";

/// A statement ends before the caller gives up waiting, and no lock is held by who went silent.
/// Each keeps the plan that looks up few rows by their keys, whatever its parameters and however
/// large the tables are: to plan one takes longer than to do it, and none is worth compiling. Each
/// sees what was committed before it, and what is committed lasts, whatever the host's databases are
/// used to. A server that can, on Linux, ends a statement whose client is gone within a second. Says
/// whether the server is a standby, which may be behind.
pub(crate) const SET_UP: &str = "select \
     set_config('search_path', format('%I, pg_temp', $1::text), false), \
     set_config('statement_timeout', '4000', false), \
     set_config('plan_cache_mode', 'force_generic_plan', false), \
     set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false), \
     set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false), \
     set_config('default_transaction_isolation', 'read committed', false), \
     set_config('idle_in_transaction_session_timeout', '5000', false), \
     case when version() like '%-linux-%' \
         then set_config('client_connection_check_interval', '1000', false) end, \
     set_config('synchronous_commit', coalesce( \
         nullif(current_setting('synchronous_commit'), 'off'), 'on'), false), \
     pg_is_in_recovery() as is_standby";

/// Whether the table of migrations is there; it is asked for what is in it only then.
pub(crate) const HAS_MIGRATIONS: &str = "select to_regclass('_migrations') is not null";

/// How many of these have been run.
pub(crate) const MIGRATED: &str =
    "select count(*) from _migrations where success and version = any($1)";

pub(crate) const HAS_SCHEMA: &str =
    "select exists (select from pg_namespace where nspname = $1::text)";

pub(crate) const ENCODING: &str = "select current_setting('server_encoding')";

/// Where a transaction of the host's is led.
pub(crate) const SEARCH_PATH: &str = "select current_setting('search_path')";

/// Leads it to the store's tables.
pub(crate) const ENTER_SCHEMA: &str = "select \
     set_config('search_path', format('%I, pg_temp', $1::text), true), \
     set_config('chat.entered', 'true', true)";

/// Whether that was in a transaction: without one it did not last.
pub(crate) const HAS_ENTERED: &str =
    "select coalesce(current_setting('chat.entered', true), '') = 'true'";

/// Leads it back.
pub(crate) const LEAVE_SCHEMA: &str = "select set_config('search_path', $1, true)";

/// All statements that are prepared.
#[cfg(test)]
pub(crate) const ALL: [&[&str]; 8] = [
    batch::ALL,
    bus::ALL,
    erasure::ALL,
    gone_rooms::ALL,
    messages::ALL,
    rooms::ALL,
    search::ALL,
    sessions::ALL,
];
