//! Plays a history on the store and on the model, and compares what both answer.

use std::collections::HashSet;
use std::sync::Arc;

use chat_core::model::{
    Cursor, Kinds, Message, MessageId, RoomId, RoomKind, Slice, Timestamp, UserId,
};
use chat_core::rules::{Action, Caller, Denial, Emoji, RoomFull};
use chat_core::store::{
    Anchor, Author, DeleteMessage, EditMessage, Erase, HistoryQuery, ManageRoom, Mark,
    NewDirectRoom, NewMessage, NewRoom, React, ReceiptKind, RoomQuery, StatsQuery, Store, Targets,
};
use serde_json::{Map, Value};

use super::compare::{Compared, agree, plain, row, summary};
use super::operation::{By, From, MEMBERS, Operation, Target, What};
use super::reference::{Plain, Reference, ReferenceRoom};
use super::search::{FIRST, TERMS, candidate, permitted};
use crate::store::world::{
    Refusal, at, attachment, content, name, no_message, no_room, once, refusal_of,
};

/// A store, its model, and the clock of the history.
pub(super) struct Player {
    pub(super) store: Arc<dyn Store>,
    pub(super) reference: Reference,
    /// Tells the users of this history from those of others in the same store.
    number: u64,
    seconds: i64,
}

impl Player {
    /// A history's beginning: a group, a public room and a direct one.
    pub(super) async fn new(store: Arc<dyn Store>, number: u64) -> Self {
        let reference = Reference::default();
        let mut player = Self { store, reference, number, seconds: 0 };
        let beginning = [
            Operation::Create { kind: RoomKind::Group, creator: Some(1), members: vec![2, 3] },
            Operation::Create { kind: RoomKind::Public, creator: Some(1), members: vec![2] },
            Operation::Direct { first: 1, second: 2 },
        ];
        for operation in beginning {
            player.perform(&operation).await.expect("a history begins");
        }
        player
    }

    /// Performs an operation on both, and compares the answers.
    pub(super) async fn perform(&mut self, operation: &Operation) -> Compared {
        self.seconds += 10;
        let compared = match operation {
            Operation::Create { kind, creator, members } => {
                self.create(*kind, *creator, members).await
            }
            Operation::Direct { first, second } => self.direct(*first, *second).await,
            Operation::Send { room, by, what } => self.send(*room, *by, what).await,
            Operation::Edit { room, by, message } => self.edit(*room, *by, *message).await,
            Operation::Delete { room, by, message } => {
                let (room, message) = (self.room(*room), self.message(*room, *message));
                let by = by.map(|by| self.caller(by));
                let delete = DeleteMessage { room, message, by, at: self.now() };
                let wanted = self.model(room).delete(&delete);
                let deleted = self.store.delete(delete).await.map_err(refusal_of);
                agree(wanted, deleted.map(|(message, file)| (plain(message), file)))
            }
            Operation::React { room, by, message, emoji, add } => {
                let (room, message) = (self.room(*room), self.message(*room, *message));
                let emoji = Emoji::parse(["👍", "👎", "e"][usize::from(*emoji)]).expect("emoji");
                let react = React { room, message, by: self.caller(*by), emoji, add: *add };
                let wanted = self.model(room).react(&react);
                let reacted = self.store.react(react).await.map_err(refusal_of);
                agree(wanted, reacted.map(|(message, changed)| (plain(message), changed)))
            }
            Operation::Mark { room, by, read, message, late } => {
                let target = Targets::Message(self.message(*room, *message));
                self.mark(*room, *by, *read, target, *late).await
            }
            Operation::MarkAll { room, by, read, late } => {
                self.mark(*room, *by, *read, Targets::All, *late).await
            }
            Operation::MarkUpTo { room, by, read, last, late } => {
                self.mark(*room, *by, *read, Targets::UpTo((*last).into()), *late).await
            }
            Operation::Manage { room, by, name: to, active, note, add } => {
                let (room, by) = (self.room(*room), by.map(|by| self.caller(by)));
                let change = ManageRoom {
                    name: to.map(|to| name(["one", "two"][usize::from(to)])),
                    active: *active,
                    metadata: note.map(noted),
                    add: add.iter().map(|user| self.user(*user)).collect(),
                    member_limit: MEMBERS,
                    ..ManageRoom::nothing(room, by, self.now())
                };
                self.manage(change).await
            }
            Operation::Join { room, by } => self.join(*room, *by).await,
            Operation::Leave { room, by } => {
                let (room, by, now) = (self.room(*room), self.caller(*by), self.now());
                let wanted = self.model(room).leave_by(&by);
                let left = self.store.leave_room(&by, room, now).await.map_err(refusal_of);
                agree(wanted, left.map(|left| left.version))
            }
            Operation::Remove { room, user } => {
                let (room, user, now) = (self.room(*room), self.user(*user), self.now());
                let wanted = self.model(room).remove(&user);
                let removed = self.store.remove_member(room, &user, now).await;
                let removed = removed.map_err(refusal_of);
                agree(Ok(wanted), removed.map(|left| left.map(|left| left.version)))
            }
            Operation::Erase { room, user } => self.erase(*room, *user).await,
            Operation::DeleteRoom { room } => self.delete_room(*room).await,
            Operation::Sweep { limit } => self.sweep(*limit).await,
            Operation::ReadHistory { room, anchor, deleted, skip, take } => {
                let slice = Slice { skip: *skip, take: *take };
                self.read_history(*room, *anchor, *deleted, slice).await
            }
            Operation::ReadMessage { by, room, message } => {
                self.read_message(*by, *room, *message).await
            }
            Operation::ReadChanges { room, version, seq, limit } => {
                self.read_changes(*room, *version, *seq, *limit).await
            }
            Operation::ListRooms { by, order, skip, take } => {
                let slice = Slice { skip: *skip, take: *take };
                let query = RoomQuery { by: self.caller(*by), order: *order, slice };
                self.list_rooms(query).await
            }
            Operation::Search { by, term, limit } => {
                let term = TERMS[usize::from(*term) % TERMS.len()];
                self.search_messages(*by, term, *limit).await
            }
            Operation::PublicCandidates { by, before, limit } => {
                let before = before.map(|room| self.room(room));
                self.public_candidates(*by, before, *limit).await
            }
            Operation::Count { by, room, since, today } => {
                self.count(*by, *room, at(i64::from(*since) * 10), at(i64::from(*today) * 10)).await
            }
        };
        compared.map_err(|difference| format!("{operation:?}:\n{difference}"))
    }

    async fn count(
        &self,
        by: By,
        room: Option<u8>,
        since: Timestamp,
        today: Timestamp,
    ) -> Compared {
        let room = room.map(|room| self.room(room));
        let query = StatsQuery { by: self.caller(by), room, since, today };
        let wanted = self.reference.stats(&query);
        agree(Ok(wanted), self.store.stats(query).await.map_err(refusal_of))
    }

    pub(super) fn user(&self, user: u8) -> UserId {
        UserId::new(format!("{}-{user}", self.number)).expect("it is short")
    }

    /// A user to whom a room's messages are shown, if there is one.
    pub(super) fn reader(&self, room: &ReferenceRoom) -> Option<Caller> {
        let anyone = (room.kind() == RoomKind::Public).then(|| self.user(1));
        let user = room.present().next().map(|member| member.user.clone()).or(anyone)?;
        Some(Caller { user, kinds: Kinds::ALL })
    }

    async fn join(&mut self, room: u8, by: By) -> Compared {
        let (room, by, now) = (self.room(room), self.caller(by), self.now());
        let wanted = self.model(room).join_by(&by, MEMBERS, now);
        let joined = self.store.join_room(&by, room, MEMBERS, now).await;
        agree(wanted, joined.map_err(refusal_of))
    }

    async fn manage(&mut self, change: ManageRoom) -> Compared {
        let wanted = self.model(change.room).manage(&change);
        agree(wanted, self.store.manage_room(change).await.map_err(refusal_of))
    }

    async fn create(&mut self, kind: RoomKind, creator: Option<u8>, members: &[u8]) -> Compared {
        let new = NewRoom {
            kind,
            name: Some(name("a room")),
            creator: creator.map(|user| self.user(user)),
            members: members.iter().map(|user| self.user(*user)).collect(),
            member_limit: MEMBERS,
            metadata: Map::from_iter([("made".to_owned(), self.seconds.into())]),
            at: self.now(),
        };
        let made = self.store.create_room(new.clone()).await.map_err(refusal_of);
        let distinct: HashSet<_> = new.creator.iter().chain(&new.members).collect();
        if distinct.len() > MEMBERS {
            return agree(Err(Refusal::Full(RoomFull { limit: MEMBERS })), made);
        }
        let id = made.map_err(|refusal| format!("{refusal:?}"))?;
        if self.reference.ever().any(|room| room.id >= id) {
            return Err(format!("{id:?} is not larger than the rooms before"));
        }
        self.reference.create(id, &new);
        Ok(())
    }

    async fn direct(&mut self, first: u8, second: u8) -> Compared {
        let (first, second, at) = (self.user(first), self.user(second), self.now());
        let new = NewDirectRoom {
            first: first.clone(),
            second: second.clone(),
            metadata: Map::new(),
            at,
        };
        let made = self.store.direct_room(new).await.map_err(refusal_of);
        if first == second {
            return agree(Err(Refusal::Denied(Denial::WrongKind)), made);
        }
        if let Some(room) = self.reference.direct(&first, &second) {
            return agree(Ok((room, false)), made);
        }
        let Ok((id, true)) = made else { return Err(format!("{made:?} is no new room")) };
        if self.reference.ever().any(|room| room.id == id) {
            return Err(format!("{id:?} is another room"));
        }
        let (creator, members, metadata) = (Some(first), vec![second], Map::new());
        let kind = RoomKind::Direct;
        self.reference.create(
            id,
            &NewRoom { kind, name: None, creator, members, member_limit: 2, metadata, at },
        );
        Ok(())
    }

    async fn send(&mut self, room: u8, by: By, what: &What) -> Compared {
        let by = self.caller(by);
        let new = NewMessage {
            room: self.room(room),
            by: if what.by_host { Author::Host(by.user) } else { by.into() },
            kind: what.kind,
            content: content(&format!("text {}", self.seconds)),
            attachment: what.file.then(|| attachment("file")),
            reply_to: what.reply_to.map(|target| self.message(room, target)),
            once: what.once.map(|(key, content)| once(key, content)),
            at: at(self.seconds - what.late),
        };
        for _ in 0..what.times {
            let sent = self.store.send(new.clone()).await.map_err(refusal_of);
            let id = sent.as_ref().map_or(no_message(), |sent| sent.message.id);
            let is_known = self.reference.has_given(id);
            let newest = self.model(new.room).messages.last().map(|message| message.id);
            let wanted = self.model(new.room).send(&new, id);
            if matches!(wanted, Ok((_, false))) && (is_known || newest >= Some(id)) {
                return Err(format!("{id:?} is no new id above {newest:?}"));
            }
            agree(wanted, sent.map(|sent| (plain(sent.message), sent.repeated)))?;
        }
        Ok(())
    }

    async fn edit(&mut self, room: u8, by: By, message: Target) -> Compared {
        let (room, message) = (self.room(room), self.message(room, message));
        let (by, content) = (self.caller(by), content(&format!("{}", self.seconds)));
        let edit = EditMessage { room, message, by, content, at: self.now() };
        let wanted = self.model(room).edit(&edit);
        agree(wanted, self.store.edit(edit).await.map(plain).map_err(refusal_of))
    }

    async fn mark(
        &mut self,
        room: u8,
        by: By,
        read: bool,
        targets: Targets,
        late: i64,
    ) -> Compared {
        let at = at(self.seconds - late);
        let kind = if read { ReceiptKind::Read } else { ReceiptKind::Delivered };
        let mark = Mark { room: self.room(room), by: self.caller(by), kind, targets, at };
        let wanted = self.model(mark.room).mark(&mark);
        let marked = self.store.mark(mark).await.map_err(refusal_of);
        agree(
            wanted,
            marked.map(|marked| {
                (marked.newly, marked.version, marked.moved.into_iter().map(plain).collect())
            }),
        )
    }

    /// Erases a user from a room, in as many steps as the store takes.
    async fn erase(&mut self, room: u8, user: u8) -> Compared {
        let (room, user, at) = (self.room(room), self.user(user), self.now());
        let mut after = Some(0);
        while let Some(from) = after {
            let erase = Erase { room, user: user.clone(), after: from, at };
            let erased = self.store.erase(erase.clone()).await.map_err(|it| it.to_string())?;
            after = erased.more;
            let wanted = self.model(room).erase(&erase, after);
            let plain_all = |messages: Vec<_>| messages.into_iter().map(plain).collect();
            let found = (erased.left, plain_all(erased.deleted), plain_all(erased.reacted));
            agree(Ok(wanted), Ok(found))?;
            if erased.left.is_none() && after.is_some_and(|after| after <= from) {
                return Err(format!("{after:?} does not lead on from {from}"));
            }
        }
        Ok(())
    }

    async fn read_history(&self, room: u8, anchor: From, deleted: bool, slice: Slice) -> Compared {
        let id = self.room(room);
        let model = self.known(id);
        let Some(by) = self.reader(model) else { return Ok(()) };
        let anchor = match anchor {
            From::Newest => Anchor::Newest,
            From::BeforeMessage(target) => Anchor::BeforeMessage(self.message(room, target)),
            From::BeforeSeq(seq) => Anchor::BeforeSeq(seq.into()),
            From::AfterSeq(seq) => Anchor::AfterSeq(seq.into()),
        };
        let query = HistoryQuery { room: id, by: Some(by), anchor, slice, deleted };
        let page = self.store.history(query).await.map_err(|error| error.to_string())?;
        let page = page.ok_or("no such room")?.permit(Action::ReadHistory);
        let page = page.map_err(|denial| denial.to_string())?;
        let wanted = model.history(anchor, slice, deleted);
        let items: Vec<_> = page.items.into_iter().map(plain).collect();
        agree(Ok((wanted.count, wanted.items)), Ok((page.count, items)))
    }

    async fn read_message(&self, by: By, room: Option<u8>, message: u8) -> Compared {
        let room = room.map(|room| self.room(room));
        let id = self.message(0, Target::Anywhere(message));
        let by = self.caller(by);
        let found =
            self.store.message(Some(&by), room, id).await.map_err(|error| error.to_string())?;
        let mut rooms = self.reference.rooms.iter();
        let home = rooms.find(|room| room.messages.iter().any(|message| message.id == id));
        let home = home.filter(|home| room.is_none_or(|room| room == home.id));
        let wanted = home.map(|home| {
            let permitted = home.access(Some(&by)).permit(Action::ReadHistory);
            let message = home.messages.iter().find(|message| message.id == id);
            permitted.map(|()| message.map(Plain::of))
        });
        let found = found
            .map(|found| found.permit(Action::ReadHistory).map(|message| Some(plain(message))));
        agree(Ok(wanted), Ok(found))
    }

    async fn read_changes(&self, room: u8, version: u8, seq: u8, limit: usize) -> Compared {
        let id = self.room(room);
        let model = self.known(id);
        let version = u64::from(version) % (model.version + 2);
        let point = Cursor { version, seq: seq.into() };
        let mut rows = Vec::new();
        let mut next = Some(point);
        while let Some(point) = next {
            let page = self.store.changes(id, point, limit).await;
            let page = page.map_err(|error| error.to_string())?;
            rows.extend(page.items.into_iter().map(row));
            if page.more.is_some_and(|more| more <= point) {
                return Err(format!("{:?} does not lead on from {point:?}", page.more));
            }
            next = page.more;
        }
        agree(Ok(model.changes(point)), Ok(rows))
            .map_err(|difference| format!("after {point:?}:\n{difference}"))
    }

    pub(super) async fn list_rooms(&self, query: RoomQuery) -> Compared {
        let wanted = self.reference.list(&query);
        let candidates: Vec<_> = wanted.items.iter().map(candidate).collect();
        let page = self.store.rooms(query.clone()).await.map_err(|error| error.to_string())?;
        let items: Vec<_> = page.items.into_iter().map(summary).collect();
        agree(Ok((wanted.count, wanted.items)), Ok((page.count, items)))?;
        let found = self.store.own_candidates(query, FIRST).await.map_err(refusal_of);
        agree(Ok(candidates), found.map(permitted))
    }

    pub(super) fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    pub(super) fn caller(&self, by: By) -> Caller {
        Caller { user: self.user(by.user), kinds: by.kinds }
    }

    pub(super) fn room(&self, number: u8) -> RoomId {
        let rooms = &self.reference.rooms;
        if rooms.is_empty() { no_room() } else { rooms[usize::from(number) % rooms.len()].id }
    }

    fn model(&mut self, id: RoomId) -> &mut ReferenceRoom {
        let mut rooms = self.reference.rooms.iter_mut();
        rooms.find(|room| room.id == id).expect("only rooms that are there are used")
    }

    fn known(&self, id: RoomId) -> &ReferenceRoom {
        let mut rooms = self.reference.rooms.iter();
        rooms.find(|room| room.id == id).expect("only rooms that are there are used")
    }

    fn message(&self, room: u8, target: Target) -> MessageId {
        let pick = |messages: &[&Message], number: u8| {
            let index = usize::from(number).checked_rem(messages.len());
            index.map_or(no_message(), |index| messages[index].id)
        };
        match target {
            Target::Nth(number) => {
                pick(&self.known(self.room(room)).messages.iter().collect::<Vec<_>>(), number)
            }
            Target::Anywhere(number) => {
                let all = self.reference.rooms.iter().flat_map(|room| &room.messages);
                pick(&all.collect::<Vec<_>>(), number)
            }
            Target::Missing => no_message(),
        }
    }
}

/// What the host notes about a room.
fn noted(note: u8) -> Map<String, Value> {
    Map::from_iter([("note".to_owned(), note.into())])
}
