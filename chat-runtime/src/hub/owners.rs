//! Whose sockets are open, and that they end where their user is signed out, or removed from a room.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_core::model::{Cursor, RoomId, UserId};

use super::lock;
use crate::inbox::{Ending, Inbox};

/// For how long it counts that somebody was signed out: longer than a socket takes to open that was
/// let in before.
const OPENING: Duration = Duration::from_mins(1);

/// The open sockets of each user.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Guards all; held for a look at one user, or to forget who was signed out long ago.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    inboxes: HashMap<UserId, Vec<(RoomId, Arc<Inbox>)>>,
    /// Who was signed out when, the earliest first, for as long as that counts.
    signed_out: VecDeque<(Instant, UserId)>,
    latest: HashMap<UserId, Instant>,
}

impl Owners {
    /// A socket of a user's in a room, that was let in at some moment.
    pub(super) fn add(&self, user: &UserId, room: RoomId, inbox: &Arc<Inbox>, since: Instant) {
        let mut state = lock(&self.state);
        state.inboxes.entry(user.clone()).or_default().push((room, inbox.clone()));
        if state.latest.get(user).is_some_and(|at| *at >= since) {
            inbox.end(Ending::SignOut);
        }
    }

    pub(super) fn remove(&self, user: &UserId, inbox: &Arc<Inbox>) {
        let mut state = lock(&self.state);
        let Some(inboxes) = state.inboxes.get_mut(user) else { return };
        inboxes.retain(|(_, other)| !Arc::ptr_eq(other, inbox));
        if inboxes.is_empty() {
            state.inboxes.remove(user);
        }
    }

    /// Ends all sockets of a user, also those that are opening.
    pub(super) fn sign_out(&self, user: &UserId, now: Instant) {
        let mut state = lock(&self.state);
        while let Some((at, _)) = state.signed_out.front()
            && now.saturating_duration_since(*at) >= OPENING
            && let Some((at, user)) = state.signed_out.pop_front()
        {
            if state.latest.get(&user) == Some(&at) {
                state.latest.remove(&user);
            }
        }
        state.signed_out.push_back((now, user.clone()));
        state.latest.insert(user.clone(), now);
        let inboxes = state.inboxes.get(user).into_iter().flatten();
        inboxes.for_each(|(_, inbox)| inbox.end(Ending::SignOut));
    }

    /// Ends the sockets of a user in a room that were let in before the user was removed from it.
    pub(super) fn remove_from(&self, room: RoomId, user: &UserId, reached: Cursor) {
        let state = lock(&self.state);
        let inboxes = state.inboxes.get(user).into_iter().flatten();
        let there = inboxes.filter(|(other, _)| *other == room);
        there.for_each(|(_, inbox)| inbox.remove(reached));
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use chat_core::Config;

    use super::*;

    fn ends(inbox: &Inbox) -> bool {
        inbox.poll_ending(&Context::from_waker(Waker::noop())) == Some(Ending::SignOut)
    }

    #[test]
    fn who_was_let_in_before_the_sign_out_ends_and_who_was_after_it_stays() {
        let (owners, start) = (Owners::default(), Instant::now());
        let (john, jane) = (UserId::from(1), UserId::from(2));
        let sockets = [(); 4].map(|()| Arc::new(Inbox::new(&Config::default())));
        let [open, opening, later, other] = &sockets;
        let at = |seconds| start + Duration::from_secs(seconds);
        let room = RoomId::new(1).expect("an id");
        owners.add(&john, room, open, at(0));
        owners.add(&jane, room, other, at(0));
        owners.sign_out(&john, at(2));
        owners.add(&john, room, opening, at(1));
        owners.add(&john, room, later, at(3));
        assert_eq!(sockets.each_ref().map(|socket| ends(socket)), [true, true, false, false]);

        for socket in [open, opening, later] {
            owners.remove(&john, socket);
        }
        owners.sign_out(&jane, at(63));
        let state = lock(&owners.state);
        assert_eq!(state.inboxes.keys().collect::<Vec<_>>(), [&jane]);
        assert_eq!(state.latest.keys().collect::<Vec<_>>(), [&jane]);
        assert_eq!(state.signed_out, [(at(63), jane.clone())]);
        drop(state);
        assert!(ends(other));
    }
}
