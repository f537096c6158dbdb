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
}

impl Typing {
    /// Nobody types; typing ends `limit` after it was last said.
    pub fn new(limit: Duration) -> Self {
        Self { limit, rooms: HashMap::new(), ends: BTreeSet::new() }
    }

    /// Notes that a user types, and says whether that is a change.
    pub fn start(&mut self, room: RoomId, user: &Arc<User>, now: Instant, at: Timestamp) -> bool {
        let until = now + self.limit;
        let entry = Entry { user: user.clone(), until, at };
        let before = self.rooms.entry(room).or_default().insert(user.id.clone(), entry);
        if let Some(before) = &before {
            self.ends.remove(&(before.until, room, user.id.clone()));
        }
        self.ends.insert((until, room, user.id.clone()));
        // One that is over but was not ended yet goes on: nobody was told of its end.
        before.is_none()
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
        assert!(typing.start(room(1), &user(1), now, Timestamp::EPOCH));
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
        assert!(typing.start(room(1), &user(1), now, Timestamp::EPOCH));
        assert!(!typing.start(room(1), &user(1), later, Timestamp::EPOCH));
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
        assert!(typing.start(room(1), &user(1), now, Timestamp::EPOCH));
    }
}
