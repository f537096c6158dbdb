//! Searches the model as simple as can be, and compares what the store finds.

use chat_core::model::{Message, RoomId, RoomKind};
use chat_core::rules::{Action, Caller, Guarded, Term};
use chat_core::store::{MessageSearch, RoomCandidate};

use super::compare::{Compared, agree, plain};
use super::operation::By;
use super::play::Player;
use super::reference::{Plain, Reference, ReferenceRoom, Summary};

/// What is searched for in texts such as `text 120` and, once edited, `130`.
pub(super) const TERMS: [&str; 8] = ["text", "TE", "1", "2 text", "text 1 text", "10", "x", "?"];

/// How many members a candidate has at most.
pub(super) const FIRST: usize = 2;

impl Reference {
    /// The messages that a term finds for a caller, the newest first.
    fn search(&self, by: &Caller, term: &str) -> Vec<Plain> {
        let rooms = self.rooms.iter().filter(|room| room.is_seen_by_member(by));
        let messages = rooms.flat_map(|room| &room.messages);
        let mut found: Vec<_> = messages.filter(|message| finds(term, message)).collect();
        found.sort_by_key(|message| (message.created_at, message.id));
        found.into_iter().rev().map(Plain::of).collect()
    }

    /// The active public rooms that a caller is no member of, the larger id first.
    fn public_candidates(&self, by: &Caller, before: Option<RoomId>) -> Vec<RoomCandidate> {
        let shown = |room: &&ReferenceRoom| {
            let public = room.kind() == RoomKind::Public && by.kinds.contains(RoomKind::Public);
            let asked = before.is_none_or(|before| room.id < before);
            public && asked && room.active && !room.is_member(&by.user)
        };
        let mut rooms: Vec<_> = self.rooms.iter().filter(shown).collect();
        rooms.sort_by_key(|room| room.id);
        rooms.into_iter().rev().map(|room| candidate(&room.summary(&by.user))).collect()
    }
}

/// Whether each word of the term begins one of the message: the texts of the histories are of
/// small letters, digits and spaces.
fn finds(term: &str, message: &Message) -> bool {
    let begins = |word: &str| {
        message.content.split(' ').any(|other| other.starts_with(&word.to_lowercase()))
    };
    !message.is_deleted() && term != "?" && term.split(' ').all(begins)
}

impl Player {
    pub(super) async fn search_messages(&self, by: By, term: &str, limit: usize) -> Compared {
        let by = self.caller(by);
        let mut wanted = self.reference.search(&by, term);
        wanted.truncate(limit);
        let term = Term::parse(term).map_err(|error| error.to_string())?;
        let search = MessageSearch { by, term, limit };
        let found = self.store.search_messages(search).await.map_err(|error| error.to_string())?;
        let found: Result<Vec<_>, _> =
            found.into_iter().map(|guarded| guarded.permit(Action::Search).map(plain)).collect();
        agree(Ok(Ok(wanted)), Ok(found))
    }

    /// Compares the public candidates of this history, which are newer than those of others in the
    /// same store and so come first.
    pub(super) async fn public_candidates(
        &self,
        by: By,
        before: Option<RoomId>,
        limit: usize,
    ) -> Compared {
        let by = self.caller(by);
        let mut wanted = self.reference.public_candidates(&by, before);
        wanted.truncate(limit);
        let found = self.store.public_candidates(&by, before, limit, FIRST).await;
        let mut found = found.map_err(|error| error.to_string())?;
        let is_known = |id| self.reference.rooms.iter().any(|room| room.id == id);
        found.retain(|guarded| is_known(guarded.access().room));
        agree(Ok(wanted), Ok(permitted(found)))
    }
}

/// What a search looks at of a room.
pub(super) fn candidate(summary: &Summary) -> RoomCandidate {
    let members = summary.members.iter().take(FIRST).cloned().collect();
    RoomCandidate { room: summary.room.id, name: summary.room.name.clone(), members }
}

/// What may be looked at.
pub(super) fn permitted(found: Vec<Guarded<RoomCandidate>>) -> Vec<RoomCandidate> {
    found.into_iter().filter_map(|guarded| guarded.permit(Action::View).ok()).collect()
}
