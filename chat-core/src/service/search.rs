//! Search: messages by their words, rooms by their name and those of their members.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Actor, Error};
use crate::model::{Message, RoomId, RoomSummary, Slice, User, UserId};
use crate::rules::{Action, Guarded, Standing, Term, Words};
use crate::store::{MessageSearch, RoomCandidate, RoomOrder, RoomQuery};

/// The most that one search finds.
const FOUND: usize = 50;

/// How many rooms are looked at together, with one call of the store and one of the directory.
const PAGE: usize = 100;

/// The most pages of the actor's own rooms that are looked at, and of public ones.
const PAGES: usize = 10;

/// The most members of a room whose names are looked at.
const MEMBERS: usize = 100;

impl Actor {
    /// The newest messages in the actor's rooms that have a word for each word of the term, which
    /// begins like it; at most `limit` and at most 50. A term without a word finds nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a blank term (`term`), which is none; [`Error::Unavailable`].
    pub async fn search_messages(
        &self,
        term: &str,
        limit: usize,
    ) -> Result<Vec<Arc<Message>>, Error> {
        let term = parse(term)?;
        let search = MessageSearch { by: self.caller()?, term, limit: limit.min(FOUND) };
        let found = self.chat().inner.store.search_messages(search).await?;
        Ok(found.into_iter().filter_map(|found| found.permit(Action::Search).ok()).collect())
    }

    /// The actor's active rooms, those with the newest activity first, and then the active public
    /// ones of others, the newest first, in which each word of the term begins a word of the name
    /// or of a member's names; at most `limit` and at most 50.
    ///
    /// The names are the host's, so no index can be asked for them: the first 1,000 rooms of
    /// either sort are looked at, a hundred at a time, and of each the first 100 members. What is
    /// found is read after that: a room that changed meanwhile comes as it is by then, where it would
    /// still be found. One that moves up in its list meanwhile may be passed over.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a blank term (`term`), which is none; [`Error::Unavailable`].
    pub async fn search_rooms(&self, term: &str, limit: usize) -> Result<Vec<RoomSummary>, Error> {
        let mut search = RoomSearch {
            term: parse(term)?,
            limit: limit.min(FOUND),
            seen: HashSet::new(),
            names: HashMap::new(),
            found: Vec::new(),
        };
        if search.term.words().is_empty() {
            return Ok(Vec::new());
        }
        let (store, caller) = (&self.chat().inner.store, self.caller()?);
        for page in 0..PAGES {
            let slice = Slice { skip: (page * PAGE) as u64, take: PAGE };
            let query = RoomQuery { by: caller.clone(), order: RoomOrder::Activity, slice };
            let rooms = store.own_candidates(query, MEMBERS).await?;
            let is_last = rooms.len() < PAGE;
            search.look_at(self, rooms).await?;
            if is_last || search.is_full() {
                break;
            }
        }
        let mut before = None;
        for _ in 0..PAGES {
            if search.is_full() {
                break;
            }
            let rooms = store.public_candidates(&caller, before, PAGE, MEMBERS).await?;
            let is_last = rooms.len() < PAGE;
            before = rooms.last().map(|room| room.access().room);
            search.look_at(self, rooms).await?;
            if is_last {
                break;
            }
        }
        let found = store.summaries(Some(&caller), &search.found).await?;
        Ok(search.still_found(found))
    }
}

/// A search for rooms that is under way.
struct RoomSearch {
    term: Term,
    limit: usize,
    /// The rooms that were looked at: one that moves in its list comes twice.
    seen: HashSet<RoomId>,
    /// The words of the users' names.
    names: HashMap<UserId, Words>,
    found: Vec<RoomId>,
}

impl RoomSearch {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    /// Notes those rooms that the term finds, in their order.
    async fn look_at(
        &mut self,
        actor: &Actor,
        rooms: Vec<Guarded<RoomCandidate>>,
    ) -> Result<(), Error> {
        let rooms = rooms.into_iter().filter_map(|room| room.permit(Action::View).ok());
        let rooms: Vec<_> = rooms.collect();
        let members = rooms.iter().flat_map(|room| &room.members);
        let members = members.filter(|id| !self.names.contains_key(*id));
        let members: HashSet<_> = members.cloned().collect();
        if !members.is_empty() {
            let members: Vec<_> = members.into_iter().collect();
            let users = actor.chat().inner.directory.users(&members).await?;
            let words = |id: &UserId| users.get(id).map(|user| names(user)).unwrap_or_default();
            let named = members.into_iter().map(|id| (words(&id), id));
            self.names.extend(named.map(|(words, id)| (id, words)));
        }
        for room in rooms {
            if self.is_full() {
                break;
            }
            if self.seen.insert(room.room) && self.finds(room.name.as_deref(), &room.members) {
                self.found.push(room.room);
            }
        }
        Ok(())
    }

    /// Of the rooms that were found those that are found as they are now, in the order in which
    /// they are now: the actor's own ones by their activity, and then those of others.
    fn still_found(&self, rooms: Vec<Guarded<RoomSummary>>) -> Vec<RoomSummary> {
        let shown = |room: Guarded<RoomSummary>| {
            let is_own = room.access().standing != Standing::Stranger;
            let summary = room.permit(Action::View).ok()?;
            let room = &summary.room;
            let is_found = room.active && self.finds(room.name.as_deref(), &summary.members);
            let place = (is_own.then_some(room.activity_at), room.id);
            is_found.then_some((place, summary))
        };
        let mut rooms: Vec<_> = rooms.into_iter().filter_map(shown).collect();
        rooms.sort_unstable_by_key(|(place, _)| Reverse(*place));
        rooms.into_iter().map(|(_, summary)| summary).collect()
    }

    fn finds(&self, name: Option<&str>, members: &[UserId]) -> bool {
        let name = name.map(Words::of).unwrap_or_default();
        let members = members.iter().take(MEMBERS).filter_map(|id| self.names.get(id));
        let texts: Vec<_> = std::iter::once(&name).chain(members).collect();
        self.term.finds(&texts)
    }
}

/// The words of a user's names; the mail address is none.
fn names(user: &User) -> Words {
    let User { username, display_name, first_name, last_name, .. } = user;
    Words::of(&format!("{username} {display_name} {first_name} {last_name}"))
}

fn parse(term: &str) -> Result<Term, Error> {
    Term::parse(term).map_err(|error| Error::invalid("term", error.into()))
}
