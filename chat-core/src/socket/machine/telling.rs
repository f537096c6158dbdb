//! How the machine tells its client what happens.

use super::Socket;
use crate::model::{Change, Event, RoomEvent, Signal};
use crate::socket::{Close, Delivery, Reply};

impl Socket {
    pub(super) fn handle_delivery(&mut self, delivery: &Delivery) {
        match delivery.event() {
            Event::Room(event) => self.handle_room_event(event, delivery),
            Event::Signal(Signal::HealthCheck { .. }) => self.reply(&Reply::Health),
            // For whoever drives the socket, as it is not to wait for what comes before.
            Event::Signal(Signal::SignedOut { .. }) => {}
            Event::Signal(Signal::Typing { user, .. } | Signal::Presence { user, .. }) => {
                if user.id != self.user.id {
                    self.send_shared(delivery);
                }
            }
            Event::Signal(Signal::Attendance { .. }) => self.send_shared(delivery),
        }
    }

    fn handle_room_event(&mut self, event: &RoomEvent, delivery: &Delivery) {
        if event.reached <= self.cursor {
            return;
        }
        let new: Vec<_> = event.changes.iter().filter(|change| !self.knows(change)).collect();
        self.cursor = event.reached;
        if self.is_removed_by(event) {
            self.close(Close::FORBIDDEN);
        } else if let Some(history) = self.history.as_mut().filter(|history| !history.is_live()) {
            history.leave_out(event);
        } else if self.own.hold(&new) {
            // They are told when it is known which of them was sent from here.
        } else if new.len() < event.changes.len()
            || new.iter().any(|change| self.own.may_be_own(change) || self.is_personal(change))
        {
            self.release_held();
            for change in new {
                self.tell(change);
            }
        } else {
            self.release_held();
            for change in new {
                self.note_told(change);
                self.own.claim_awaited(change);
            }
            self.send_shared(delivery);
        }
    }

    /// Whether an event ends the user's membership, or the room, and with it the socket.
    pub fn is_removed_by(&self, event: &RoomEvent) -> bool {
        let removes = |change: &Change| match change {
            Change::Left { user } => *user == self.user.id,
            Change::Gone => true,
            _ => false,
        };
        event.changes.iter().any(removes)
    }

    /// Tells a change, an own message with its key.
    pub(super) fn tell(&mut self, change: &Change) {
        self.note_told(change);
        let codec = &self.dialect.codec;
        match self.own.claim(change) {
            Some(temp_id) => self.send((codec.own_copy)(change, &temp_id)),
            None => self.send(self.told(change)),
        }
    }

    fn is_personal(&self, change: &Change) -> bool {
        self.dialect.codec.personal.is_some_and(|personal| (personal.applies)(change))
    }

    fn told(&self, change: &Change) -> Option<String> {
        match (self.dialect.codec.personal, &self.base) {
            (Some(personal), Some(base)) if (personal.applies)(change) => {
                let link = |path: &str| self.actor.chat().signed_url(base, path, &self.user.id);
                (personal.change)(change, &link)
            }
            _ => (self.dialect.codec.change)(change),
        }
    }

    pub(super) fn release_held(&mut self) {
        while let Some(change) = self.own.take_held() {
            self.tell(&change);
        }
    }
}
