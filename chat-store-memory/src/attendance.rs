//! Who is there: the sessions of all users, and what their coming and going amounts to.

use std::collections::{BTreeSet, HashMap, HashSet};

use chat_core::model::{NodeId, Presence, RoomId, Session, SessionId, Timestamp, UserId};
use chat_core::store::{Attendance, ForgottenUser};

/// The sessions of all users.
#[derive(Default)]
pub(crate) struct Sessions {
    entries: HashMap<SessionId, Entry>,
    users: HashMap<UserId, Visitor>,
    /// The sessions that are closed, by when they were.
    closed: BTreeSet<(Timestamp, SessionId)>,
    /// When to look after each session that is not closed: at the end of its lease or before, as
    /// a renewal leaves this as it is.
    due: BTreeSet<(Timestamp, SessionId)>,
}

struct Entry {
    session: Session,
    /// Whether it was closed because its lease was over.
    lapsed: bool,
}

/// What is kept of a user until they are erased.
#[derive(Default)]
struct Visitor {
    last_seen: Option<Timestamp>,
    /// The sessions in the user's list, by when they opened.
    list: BTreeSet<(Timestamp, SessionId)>,
    /// The sessions that are not closed; their lease may be over all the same.
    unclosed: Vec<SessionId>,
    /// Whether the user's coming was told and their going not yet, and likewise for rooms. So a
    /// going is told once, also where several sessions were over before anyone looked.
    there: bool,
    rooms: HashSet<RoomId>,
}

impl Visitor {
    fn see(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(Some(at));
    }
}

impl Sessions {
    pub(crate) fn open(&mut self, mut session: Session) -> Attendance {
        session.closed_at = None;
        // A node that opens a session again does so later than the socket connected.
        let now = session.connected_at.max(session.last_seen);
        let (user, room) = (session.user.clone(), session.room);
        let (of_user, in_room) = self.absent(&user, room, now);
        self.take_out(session.id);

        let visitor = self.users.entry(user.clone()).or_default();
        visitor.see(now);
        visitor.there = true;
        visitor.rooms.insert(room);
        visitor.unclosed.push(session.id);
        visitor.list.insert((session.connected_at, session.id));
        self.due.insert((session.lease_until, session.id));
        self.entries.insert(session.id, Entry { session, lapsed: false });
        let presence = self.presence(&user, now);
        Attendance { user, room, of_user, in_room, presence }
    }

    /// Closes a session that is open now; `None` where it is not.
    pub(crate) fn close(&mut self, id: SessionId, now: Timestamp) -> Option<Attendance> {
        let entry = self.entries.get(&id).filter(|entry| entry.session.is_open(now))?;
        if let Some(visitor) = self.users.get_mut(&entry.session.user) {
            visitor.see(now);
        }
        self.finish(id, now, now)
    }

    /// Closes the sessions whose lease is over.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Attendance> {
        let mut ended = Vec::new();
        while let Some((at, id)) = self.due.pop_first() {
            if at > now {
                self.due.insert((at, id));
                break;
            }
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let session = &entry.session;
            if session.closed_at.is_some() {
                continue;
            }
            if session.lease_until > now {
                self.due.insert((session.lease_until, id));
                continue;
            }
            let closed_at = end_of_lapsed(session);
            entry.lapsed = true;
            ended.extend(self.finish(id, closed_at, now));
        }
        ended
    }

    /// Prolongs the leases of those of a node's sessions that are `alive`, and returns those whose
    /// lease is over.
    pub(crate) fn renew(
        &mut self,
        node: NodeId,
        alive: &[(SessionId, Timestamp)],
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Vec<SessionId> {
        let mut over = Vec::new();
        for &(id, heard) in alive {
            let Some(entry) = self.entries.get_mut(&id).filter(|e| e.session.node == node) else {
                continue;
            };
            if entry.session.is_open(now) {
                entry.session.lease_until = entry.session.lease_until.max(lease_until);
                entry.session.last_seen = entry.session.last_seen.max(heard);
                if let Some(visitor) = self.users.get_mut(&entry.session.user) {
                    visitor.see(heard);
                }
            } else if entry.lapsed || entry.session.closed_at.is_none() {
                over.push(id);
            }
        }
        over
    }

    pub(crate) fn presence(&self, user: &UserId, now: Timestamp) -> Presence {
        let last_seen = self.users.get(user).and_then(|visitor| visitor.last_seen);
        Presence { online: self.open_of(user, now).next().is_some(), last_seen }
    }

    /// A user's sessions, the newest first.
    pub(crate) fn list(
        &self,
        user: &UserId,
        open_at: Option<Timestamp>,
        limit: usize,
    ) -> Vec<Session> {
        let ids = self.users.get(user).into_iter().flat_map(|visitor| visitor.list.iter().rev());
        let sessions = ids.filter_map(|(_, id)| Some(&self.entries.get(id)?.session));
        let shown = sessions.filter(|session| open_at.is_none_or(|now| session.is_open(now)));
        shown.take(limit).cloned().collect()
    }

    /// Takes the sessions that closed before a moment out of their user's list.
    pub(crate) fn forget(
        &mut self,
        user: &UserId,
        closed_before: Timestamp,
        now: Timestamp,
    ) -> u64 {
        let Some(visitor) = self.users.get_mut(user) else { return 0 };
        let before = visitor.list.len();
        visitor.list.retain(|(_, id)| {
            let Some(Entry { session, .. }) = self.entries.get(id) else { return false };
            if session.is_open(now) || end_of(session) >= closed_before {
                return true;
            }
            // One whose lease is over but that nobody has closed is still to be told.
            if let Some(closed_at) = session.closed_at {
                self.closed.remove(&(closed_at, *id));
                self.entries.remove(id);
            }
            false
        });
        (before - visitor.list.len()) as u64
    }

    /// Takes out those that were closed before a moment, the earliest first.
    pub(crate) fn forget_all(&mut self, closed_before: Timestamp, limit: usize) -> u64 {
        let mut forgotten = 0;
        while forgotten < limit
            && let Some(&(closed_at, id)) = self.closed.first()
            && closed_at < closed_before
        {
            self.take_out(id);
            forgotten += 1;
        }
        forgotten as u64
    }

    /// Ends the sessions of a user that are not closed, and takes out so many; with the last, what is
    /// kept of the user.
    pub(crate) fn forget_user(
        &mut self,
        user: &UserId,
        now: Timestamp,
        limit: usize,
    ) -> ForgottenUser {
        let Some(visitor) = self.users.get(user) else { return ForgottenUser::default() };
        let mut ended = Vec::new();
        for id in visitor.unclosed.clone() {
            let Some(Entry { session, .. }) = self.entries.get(&id) else { continue };
            let closed_at = if session.is_open(now) { now } else { end_of_lapsed(session) };
            ended.extend(self.finish(id, closed_at, now));
        }
        let list = self.users.get(user).map(|visitor| &visitor.list).into_iter().flatten();
        let oldest: Vec<_> = list.map(|(_, id)| *id).take(limit).collect();
        for id in oldest {
            self.take_out(id);
        }
        let more = self.users.get(user).is_some_and(|visitor| !visitor.list.is_empty());
        if !more {
            self.users.remove(user);
        }
        ForgottenUser { ended, more }
    }

    /// The sessions of a user that are open.
    fn open_of(&self, user: &UserId, now: Timestamp) -> impl Iterator<Item = &Session> {
        let ids = self.users.get(user).into_iter().flat_map(|visitor| &visitor.unclosed);
        let sessions = ids.filter_map(|id| Some(&self.entries.get(id)?.session));
        sessions.filter(move |session| session.is_open(now))
    }

    /// Whether a user has no open session, and none in a room.
    fn absent(&self, user: &UserId, room: RoomId, now: Timestamp) -> (bool, bool) {
        let open = || self.open_of(user, now);
        (open().next().is_none(), !open().any(|session| session.room == room))
    }

    /// Closes a session that is not closed.
    fn finish(
        &mut self,
        id: SessionId,
        closed_at: Timestamp,
        now: Timestamp,
    ) -> Option<Attendance> {
        let session = &mut self.entries.get_mut(&id)?.session;
        session.closed_at = Some(closed_at);
        let (user, room) = (session.user.clone(), session.room);
        let listed = (session.connected_at, id);
        self.unlink(&user, id);
        let (user_absent, room_absent) = self.absent(&user, room, now);
        let visitor = self.users.get_mut(&user)?;
        let of_user = user_absent && std::mem::take(&mut visitor.there);
        let in_room = room_absent && visitor.rooms.remove(&room);
        if visitor.list.contains(&listed) {
            self.closed.insert((closed_at, id));
        } else {
            self.entries.remove(&id);
        }
        let presence = self.presence(&user, now);
        Some(Attendance { user, room, of_user, in_room, presence })
    }

    /// Takes a session out, as if it had not been.
    fn take_out(&mut self, id: SessionId) {
        let Some(Entry { session, .. }) = self.entries.remove(&id) else { return };
        if let Some(closed_at) = session.closed_at {
            self.closed.remove(&(closed_at, id));
        }
        self.unlink(&session.user, id);
        if let Some(visitor) = self.users.get_mut(&session.user) {
            visitor.list.remove(&(session.connected_at, id));
        }
    }

    /// Takes a session out of those that are not closed.
    fn unlink(&mut self, user: &UserId, id: SessionId) {
        if let Some(visitor) = self.users.get_mut(user) {
            visitor.unclosed.retain(|other| *other != id);
        }
    }
}

/// When a session ended that is not open any more.
fn end_of(session: &Session) -> Timestamp {
    session.closed_at.unwrap_or_else(|| end_of_lapsed(session))
}

/// When a session ended whose lease is over: nobody knows better than its last frame.
fn end_of_lapsed(session: &Session) -> Timestamp {
    session.lease_until.min(session.last_seen)
}
