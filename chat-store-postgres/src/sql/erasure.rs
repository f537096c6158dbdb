//! Erasure: what is to be gone for good.

/// Notes files that are to be deleted.
pub(crate) const NOTE_FILES: &str = "insert into gone_files (key, due, pause) \
     select x.key, $2, $3 from unnest($1::text[]) x (key) order by x.key on conflict do nothing";

/// Takes files that are due, by the index `gone_files_due`; several nodes do so at once. Hands them
/// back in the order in which they were due.
pub(crate) const TAKE_FILES: &str = "with due as ( \
         select key, due from gone_files where due <= $1 order by due, key limit $2 \
         for update skip locked), \
     taken as ( \
         update gone_files g set due = $1 + make_interval(secs => g.pause::float8), \
             pause = least(2 * g.pause, $3) \
         from due where g.key = due.key returning g.key, due.due) \
     select key from taken order by due, key";

/// By the primary key.
pub(crate) const FORGET_FILES: &str = "delete from gone_files where key = any($1)";

#[cfg(test)]
pub(crate) const ALL: &[&str] = &[NOTE_FILES, TAKE_FILES, FORGET_FILES];
