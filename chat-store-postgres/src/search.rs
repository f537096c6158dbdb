//! Search: messages by their words, and the rooms that may be found.

use std::sync::Arc;

use async_trait::async_trait;
use chat_core::model::{Message, RoomId, RoomKind};
use chat_core::rules::{Caller, Guarded};
use chat_core::store::{MessageSearch, RoomCandidate, RoomQuery, SearchStore, StoreResult};

use crate::PgStore;
use crate::error::meaning;
use crate::rooms::{kinds, listed};
use crate::rows::{self, int};
use crate::sql::search as sql;

#[async_trait]
impl SearchStore for PgStore {
    async fn search_messages(
        &self,
        search: MessageSearch,
    ) -> StoreResult<Vec<Guarded<Arc<Message>>>> {
        let by = &search.by;
        if search.limit == 0 || search.term.words().is_empty() {
            return Ok(Vec::new());
        }
        let escape = |word: &String| word.replace('\\', "\\\\").replace('\'', "''");
        let words: Vec<String> = search.term.words().iter().map(escape).collect();
        let query = || {
            sqlx::query(sql::MESSAGES)
                .bind(by.user.as_str())
                .bind(kinds(by.kinds))
                .bind(words.clone())
                .bind(int(search.limit as u64))
        };
        let rows = self.database.rows(query).await?;
        let found = rows.iter().map(|row| {
            Ok(Guarded::new(rows::access(row, Some(by))?, Arc::new(rows::message(row)?)))
        });
        found.collect::<Result<_, _>>().map_err(meaning)
    }

    async fn own_candidates(
        &self,
        query: RoomQuery,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        let page = || listed(sql::OWN_CANDIDATES, &query).bind(int(members as u64));
        let rows = self.database.rows(page).await?;
        let found = rows.iter().map(|row| rows::candidate(row, &query.by));
        found.collect::<Result<_, _>>().map_err(meaning)
    }

    async fn public_candidates(
        &self,
        by: &Caller,
        before: Option<RoomId>,
        limit: usize,
        members: usize,
    ) -> StoreResult<Vec<Guarded<RoomCandidate>>> {
        if !by.kinds.contains(RoomKind::Public) || limit == 0 {
            return Ok(Vec::new());
        }
        let query = || {
            sqlx::query(sql::PUBLIC_CANDIDATES)
                .bind(by.user.as_str())
                .bind(before.map_or(i64::MAX, |room| int(room.get())))
                .bind(int(limit as u64))
                .bind(int(members as u64))
        };
        let rows = self.database.rows(query).await?;
        let found = rows.iter().map(|row| rows::candidate(row, by));
        found.collect::<Result<_, _>>().map_err(meaning)
    }
}
