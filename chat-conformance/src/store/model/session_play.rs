//! Random histories of sessions, and a model that counts them anew whenever it is asked.

use std::sync::Arc;
use std::time::Duration;

use chat_core::model::{NodeId, Presence, RoomId, Session, Timestamp, UserId};
use chat_core::store::{Attendance, Store};
use proptest::prelude::*;

use super::compare::agree;
use crate::store::world::{World, at, refusal_of, session};

const USERS: usize = 3;
const LEASE: Duration = Duration::from_mins(1);

/// Something that happens to sessions, after a number of seconds. Sessions are numbered in the
/// order they opened; a number past the last one begins again at the first.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Open {
        after: i64,
        user: usize,
        room: usize,
        node: usize,
    },
    Close {
        after: i64,
        session: usize,
    },
    /// A node vouches for its sessions, and has heard of those that `heard` has a bit for.
    Renew {
        after: i64,
        node: usize,
        heard: u8,
    },
    Expire {
        after: i64,
    },
    Forget {
        after: i64,
        user: usize,
        older_than: i64,
    },
    /// A user is erased.
    Erase {
        after: i64,
        user: usize,
    },
}

/// Histories of up to `longest` operations.
pub(super) fn histories(longest: usize) -> impl Strategy<Value = Vec<Operation>> {
    let after = || prop_oneof![3 => 0i64..10, 1 => 10i64..50, 1 => Just(60i64)];
    let operation = prop_oneof![
        4 => (after(), 0..USERS, 0..2usize, 0..2usize)
            .prop_map(|(after, user, room, node)| Operation::Open { after, user, room, node }),
        4 => (after(), any::<u8>())
            .prop_map(|(after, session)| Operation::Close { after, session: session.into() }),
        3 => (after(), 0..2usize, any::<u8>())
            .prop_map(|(after, node, heard)| Operation::Renew { after, node, heard }),
        1 => after().prop_map(|after| Operation::Expire { after }),
        1 => (after(), 0..USERS, 0i64..100).prop_map(|(after, user, older_than)| {
            Operation::Forget { after, user, older_than }
        }),
        1 => (after(), 0..USERS).prop_map(|(after, user)| Operation::Erase { after, user }),
    ];
    prop::collection::vec(operation, 1..longest)
}

/// A store and the model of its sessions.
pub(super) struct Player {
    store: Arc<dyn Store>,
    number: u64,
    rooms: [RoomId; 2],
    nodes: [NodeId; 2],
    seconds: i64,
    /// In the order they opened, and whether the lease was found to be over.
    sessions: Vec<(Session, bool)>,
    last_seen: [Option<Timestamp>; USERS],
}

impl Player {
    pub(super) async fn new(store: Arc<dyn Store>, number: u64) -> Self {
        let world = World::new(store.clone());
        Self {
            rooms: [world.group([1]).await, world.group([1]).await],
            nodes: [NodeId::random(), NodeId::random()],
            store,
            number,
            seconds: 0,
            sessions: Vec::new(),
            last_seen: [None; USERS],
        }
    }

    /// Performs an operation on both, and compares the answers.
    pub(super) async fn perform(&mut self, operation: &Operation) -> Result<(), String> {
        let (Operation::Open { after, .. }
        | Operation::Close { after, .. }
        | Operation::Renew { after, .. }
        | Operation::Expire { after }
        | Operation::Forget { after, .. }
        | Operation::Erase { after, .. }) = operation;
        self.seconds += after;
        // Whether a coming or going is told while a lease that is over has not been noticed is for
        // the tests of single sentences; here every expiry is noticed first.
        if !matches!(operation, Operation::Renew { .. }) {
            self.expire().await?;
        }
        let compared = match *operation {
            Operation::Open { user, room, node, .. } => self.open(user, room, node).await,
            Operation::Close { session, .. } => self.close(session).await,
            Operation::Renew { node, heard, .. } => self.renew(node, heard).await,
            Operation::Expire { .. } => Ok(()),
            Operation::Forget { user, older_than, .. } => self.forget(user, older_than).await,
            Operation::Erase { user, .. } => self.erase(user).await,
        };
        compared.map_err(|difference| format!("{operation:?} at {}:\n{difference}", self.seconds))
    }

    /// Compares presence and the lists of sessions.
    pub(super) async fn compare_all(&self) -> Result<(), String> {
        let users: Vec<_> = (0..USERS).map(|user| self.user(user)).collect();
        let presence = self.store.presence(&users, self.now()).await.map_err(refusal_of);
        agree(Ok((0..USERS).map(|user| self.presence(user)).collect()), presence)?;
        for user in users {
            let own = self.sessions.iter().rev().filter(|(session, _)| session.user == user);
            let mut own: Vec<_> = own.map(|(session, _)| session.clone()).collect();
            let mut found =
                self.store.sessions(&user, None, 1_000).await.map_err(|error| error.to_string())?;
            if !found.is_sorted_by(|one, next| one.connected_at >= next.connected_at) {
                return Err(format!("{found:#?} are not the newest first"));
            }
            own.sort_by_key(|session| session.id);
            found.sort_by_key(|session| session.id);
            agree(Ok(own), Ok(found))?;
        }
        Ok(())
    }

    async fn open(&mut self, user: usize, room: usize, node: usize) -> Result<(), String> {
        let (id, now) = (self.user(user), self.now());
        let new = session(0, self.rooms[room], self.nodes[node], self.seconds);
        let new = Session { user: id.clone(), lease_until: now.after(LEASE), ..new };
        let of_user = !self.is_open(&id, None);
        let in_room = !self.is_open(&id, Some(new.room));
        self.sessions.push((new.clone(), false));
        self.last_seen[user] = self.last_seen[user].max(Some(now));
        let wanted = Attendance {
            user: id,
            room: new.room,
            of_user,
            in_room,
            presence: self.presence(user),
        };
        agree(Ok(wanted), self.store.open_session(new).await.map_err(refusal_of))
    }

    async fn close(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        let Some(index) = number.checked_rem(self.sessions.len()) else { return Ok(()) };
        let Session { id, user, room, .. } = self.sessions[index].0.clone();
        let mut wanted = None;
        if self.sessions[index].0.is_open(now) {
            self.sessions[index].0.closed_at = Some(now);
            let number = self.number_of(&user);
            self.last_seen[number] = self.last_seen[number].max(Some(now));
            let of_user = !self.is_open(&user, None);
            let in_room = !self.is_open(&user, Some(room));
            let presence = self.presence(number);
            wanted = Some(Attendance { user, room, of_user, in_room, presence });
        }
        agree(Ok(wanted), self.store.close_session(id, now).await.map_err(refusal_of))
    }

    async fn renew(&mut self, node: usize, heard: u8) -> Result<(), String> {
        let (now, node) = (self.now(), self.nodes[node]);
        let lease_until = now.after(LEASE);
        let (mut alive, mut lost) = (Vec::new(), Vec::new());
        for (index, (session, expired)) in self.sessions.iter_mut().enumerate() {
            let closed = session.closed_at.is_some() && !*expired;
            if session.node != node || closed {
                continue;
            }
            if !session.is_open(now) {
                alive.push((session.id, session.last_seen));
                lost.push(session.id);
                continue;
            }
            if heard & (1 << (index % 8)) != 0 {
                // Between the last frame noted and now.
                let ago = now.since(session.last_seen) / 3;
                session.last_seen = now.before(ago);
            }
            alive.push((session.id, session.last_seen));
            session.lease_until = lease_until;
        }
        for user in 0..USERS {
            let id = self.user(user);
            let own = self.sessions.iter().filter(|(session, _)| session.user == id);
            let newest = own.map(|(session, _)| session.last_seen).max();
            self.last_seen[user] = self.last_seen[user].max(newest);
        }
        let found = self.store.renew_sessions(node, &alive, now, lease_until).await;
        lost.sort_unstable();
        let found = found.map(|mut found| {
            found.sort_unstable();
            found
        });
        agree(Ok(lost), found.map_err(refusal_of))
    }

    /// What is told of this history's users: every session that expired once, and with exactly one
    /// of them that a user went, or left a room.
    async fn expire(&mut self) -> Result<(), String> {
        let now = self.now();
        let told = self.store.expire_sessions(now).await.map_err(|error| error.to_string())?;
        let mut wanted = Vec::new();
        for (session, expired) in &mut self.sessions {
            if session.closed_at.is_none() && session.lease_until <= now {
                session.closed_at = Some(session.lease_until.min(session.last_seen));
                *expired = true;
                wanted.push((session.user.clone(), session.room));
            }
        }
        for user in 0..USERS {
            let id = self.user(user);
            let own: Vec<_> = told.iter().filter(|told| told.user == id).collect();
            let expired: Vec<_> = wanted.iter().filter(|(user, _)| *user == id).collect();
            let went = !expired.is_empty() && !self.is_open(&id, None);
            let of_user: Vec<_> = own.iter().filter(|told| told.of_user).collect();
            agree(Ok((expired.len(), usize::from(went))), Ok((own.len(), of_user.len())))?;
            if let Some(told) = of_user.first() {
                agree(Ok(self.presence(user)), Ok(told.presence))?;
            }
            for room in self.rooms {
                let expired = expired.iter().filter(|(_, other)| *other == room).count();
                let left = expired > 0 && !self.is_open(&id, Some(room));
                let own = own.iter().filter(|told| told.room == room);
                let in_room = own.clone().filter(|told| told.in_room).count();
                agree(Ok((expired, usize::from(left))), Ok((own.count(), in_room)))?;
            }
        }
        Ok(())
    }

    async fn forget(&mut self, user: usize, older_than: i64) -> Result<(), String> {
        let (user, now) = (self.user(user), self.now());
        let before = at(self.seconds - older_than);
        let all = self.sessions.len();
        self.sessions.retain(|(session, _)| {
            session.user != user || session.closed_at.is_none_or(|closed| closed >= before)
        });
        let forgotten = (all - self.sessions.len()) as u64;
        let found = self.store.forget_sessions(&user, before, now).await;
        agree(Ok(forgotten), found.map_err(refusal_of))
    }

    /// Every session that is open ends, and with exactly one of them the user goes.
    async fn erase(&mut self, user: usize) -> Result<(), String> {
        let (id, now) = (self.user(user), self.now());
        let rooms = |rooms: &mut Vec<RoomId>| {
            rooms.sort_unstable();
            rooms.clone()
        };
        let open = self.sessions.iter().filter(|(it, _)| it.user == id && it.is_open(now));
        let mut ended: Vec<_> = open.map(|(session, _)| session.room).collect();
        self.sessions.retain(|(session, _)| session.user != id);
        self.last_seen[user] = None;
        let forgotten = self.store.forget_user(&id, now, 1_000).await;
        let forgotten = forgotten.map_err(|error| error.to_string())?;
        let mut told: Vec<_> = forgotten.ended.iter().map(|ended| ended.room).collect();
        let mut left: Vec<_> = forgotten.ended.iter().filter(|ended| ended.in_room).collect();
        left.sort_by_key(|ended| ended.room);
        let went = forgotten.ended.iter().filter(|ended| ended.of_user).count();
        agree(Ok((rooms(&mut ended), false)), Ok((rooms(&mut told), forgotten.more)))?;
        ended.dedup();
        let left: Vec<_> = left.into_iter().map(|ended| ended.room).collect();
        agree(Ok((usize::from(!ended.is_empty()), ended)), Ok((went, left)))
    }

    fn presence(&self, user: usize) -> Presence {
        Presence { online: self.is_open(&self.user(user), None), last_seen: self.last_seen[user] }
    }

    fn is_open(&self, user: &UserId, room: Option<RoomId>) -> bool {
        let now = self.now();
        let mut sessions = self.sessions.iter().map(|(session, _)| session);
        sessions.any(|session| {
            session.user == *user
                && room.is_none_or(|room| room == session.room)
                && session.is_open(now)
        })
    }

    fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    fn user(&self, user: usize) -> UserId {
        UserId::new(format!("{}-session-{user}", self.number)).expect("it is short")
    }

    fn number_of(&self, id: &UserId) -> usize {
        (0..USERS).find(|user| self.user(*user) == *id).expect("it is a user of this history")
    }
}
