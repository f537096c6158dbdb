//! Who types where, and when it ends by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{RoomId, Timestamp, User, UserId};

/// Who types where. Every entry is a lease that ends by itself.
#[derive(Debug)]
pub struct Typing {
    limit: Duration,
    rooms: HashMap<RoomId, HashMap<UserId, Entry>>,
    /// Every entry again, by when it ends.
    ends: BTreeSet<(Instant, RoomId, UserId)>,
}

#[derive(Debug)]
struct Entry {
    user: Arc<User>,
    until: Instant,
    /// When typing was last said, in wall time.
    at: Timestamp,
    /// When other nodes were last told.
    told: Instant,
}

/// What it changes that a user is said to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// They begin to.
    Begins,
    /// They go on, of which other nodes have not been told for a while.
    GoesOn,
    /// They go on, as other nodes know.
    IsKnown,
}

/// How many times in its limit it is told that typing goes on.
const TOLD: u32 = 4;

impl Typing {
    /// Nobody types; typing ends `limit` after it was last said.
    pub fn new(limit: Duration) -> Self {
        Self { limit, rooms: HashMap::new(), ends: BTreeSet::new() }
    }

    /// Notes that a user types, and says what that changes.
    pub fn start(&mut self, room: RoomId, user: &Arc<User>, now: Instant, at: Timestamp) -> Typed {
        let until = now + self.limit;
        let entry = Entry { user: user.clone(), until, at, told: now };
        let users = self.rooms.entry(room).or_default();
        let before = users.insert(user.id.clone(), entry);
        self.ends.insert((until, room, user.id.clone()));
        // One that is over but was not ended yet goes on: nobody was told of its end.
        let Some(before) = before else { return Typed::Begins };
        if before.until != until {
            self.ends.remove(&(before.until, room, user.id.clone()));
        }
        if now.saturating_duration_since(before.told) >= self.limit / TOLD {
            return Typed::GoesOn;
        }
        if let Some(entry) = users.get_mut(&user.id) {
            entry.told = before.told;
        }
        Typed::IsKnown
    }

    /// A user who is known to type in a room.
    pub fn user(&self, room: RoomId, user: &UserId) -> Option<Arc<User>> {
        Some(self.rooms.get(&room)?.get(user)?.user.clone())
    }

    /// Notes that a user types no more, and returns them where that is a change.
    pub fn stop(&mut self, room: RoomId, user: &UserId) -> Option<Arc<User>> {
        let users = self.rooms.get_mut(&room)?;
        let entry = users.remove(user)?;
        if users.is_empty() {
            self.rooms.remove(&room);
        }
        self.ends.remove(&(entry.until, room, user.clone()));
        Some(entry.user)
    }

    /// Who types in a room, and when each last said so, by id.
    pub fn users(&self, room: RoomId, now: Instant) -> Vec<(Arc<User>, Timestamp)> {
        let entries = self.rooms.get(&room).into_iter().flat_map(HashMap::values);
        let mut users: Vec<_> = entries
            .filter(|entry| entry.until > now)
            .map(|entry| (entry.user.clone(), entry.at))
            .collect();
        users.sort_by(|(a, _), (b, _)| a.id.cmp_for_listing(&b.id));
        users
    }

    /// When the next entry ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ends.first().map(|(until, ..)| *until)
    }

    /// Ends what is over, and returns it.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<(RoomId, Arc<User>)> {
        let mut ended = Vec::new();
        while let Some((until, room, user)) = self.ends.first().cloned() {
            if until > now {
                break;
            }
            ended.extend(self.stop(room, &user).map(|user| (room, user)));
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn user(id: u64) -> Arc<User> {
        Arc::new(User::new(id.into(), format!("user{id}")))
    }

    fn room(id: u64) -> RoomId {
        RoomId::new(id).unwrap()
    }

    #[test]
    fn typing_ends_at_exactly_its_limit() {
        let now = Instant::now();
        let mut typing = Typing::new(LIMIT);
        assert_eq!(typing.start(room(1), &user(1), now, Timestamp::EPOCH), Typed::Begins);
        assert_eq!(typing.poll_timeout(), Some(now + LIMIT));

        let just_before = now + Duration::from_nanos(29_999_999_999);
        assert!(typing.handle_timeout(just_before).is_empty());
        assert_eq!(typing.users(room(1), just_before).len(), 1);

        assert!(typing.users(room(1), now + LIMIT).is_empty());
        assert_eq!(typing.handle_timeout(now + LIMIT), [(room(1), user(1))]);
        assert_eq!(typing.poll_timeout(), None);
    }

    #[test]
    fn typing_again_prolongs_and_is_no_change() {
        let now = Instant::now();
        let later = now + Duration::from_secs(20);
        let mut typing = Typing::new(LIMIT);
        assert_eq!(typing.start(room(1), &user(1), now, Timestamp::EPOCH), Typed::Begins);
        let soon = now + Duration::from_millis(7_499);
        assert_eq!(typing.start(room(1), &user(1), soon, Timestamp::EPOCH), Typed::IsKnown);
        let next = now + Duration::from_millis(7_500);
        assert_eq!(typing.start(room(1), &user(1), next, Timestamp::EPOCH), Typed::GoesOn);
        assert_eq!(typing.start(room(1), &user(1), next, Timestamp::EPOCH), Typed::IsKnown);
        assert_eq!(typing.start(room(1), &user(1), later, Timestamp::EPOCH), Typed::GoesOn);
        assert_eq!(typing.poll_timeout(), Some(later + LIMIT));
        assert!(typing.handle_timeout(now + LIMIT).is_empty());
    }

    #[test]
    fn stopping_is_a_change_once() {
        let now = Instant::now();
        let mut typing = Typing::new(LIMIT);
        typing.start(room(1), &user(1), now, Timestamp::EPOCH);
        typing.start(room(2), &user(1), now, Timestamp::EPOCH);
        assert_eq!(typing.stop(room(1), &"1".try_into().unwrap()), Some(user(1)));
        assert_eq!(typing.stop(room(1), &"1".try_into().unwrap()), None);
        assert_eq!(typing.users(room(2), now).len(), 1);
        assert_eq!(typing.start(room(1), &user(1), now, Timestamp::EPOCH), Typed::Begins);
    }
}
