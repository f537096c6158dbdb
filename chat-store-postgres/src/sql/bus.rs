//! What nodes tell each other.

pub(crate) const SET_UP: &str = "select set_config('synchronous_commit', 'off', false)";

/// Tells several payloads at once, in their order.
pub(crate) const NOTIFY: &str = "select pg_notify($1, payload) from unnest($2::text[]) x (payload)";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[SET_UP, NOTIFY];
