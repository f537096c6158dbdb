//! What a room was told lately, for those of its sockets that are behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chat_core::model::Cursor;
use chat_core::socket::Delivery;

/// What the tails of all rooms may take up together, and what they do.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    used: AtomicUsize,
}

/// How large a part of it one room may have, as a divisor.
const SHARE: usize = 2;

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicUsize::new(0) })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// What a room was told lately, without a gap. It begins where a socket fell behind, goes on while
/// one is, and loses its oldest part where the budget does not suffice.
#[derive(Debug)]
pub(super) struct Tail {
    budget: Arc<Budget>,
    /// How far the room had been told before.
    from: Cursor,
    told: VecDeque<Told>,
    weight: usize,
}

/// Something that a room was told.
#[derive(Debug)]
pub(super) struct Told {
    /// How far it reaches.
    reached: Cursor,
    weight: usize,
    delivery: Arc<Delivery>,
}

/// The next that a socket has missed, as it was told.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) deliveries: Vec<Arc<Delivery>>,
    /// Whether there is no more of it.
    pub(crate) is_all: bool,
}

impl Tail {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, from: Cursor::default(), told: VecDeque::new(), weight: 0 }
    }

    /// How much there is, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Adds what the room was told, from where it had come before.
    pub(super) fn push(&mut self, before: Cursor, reached: Cursor, delivery: Arc<Delivery>) {
        if self.told.is_empty() {
            self.from = before;
        }
        let weight = delivery.weight();
        self.weight += weight;
        self.budget.used.fetch_add(weight, Ordering::Relaxed);
        self.told.push_back(Told { reached, weight, delivery });
        while (self.weight > self.budget.most / SHARE || self.budget.used() > self.budget.most)
            && self.drop_oldest()
        {}
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.told.pop_front() else { return false };
        self.give_back(oldest.weight);
        self.from = oldest.reached;
        true
    }

    fn give_back(&mut self, weight: usize) {
        self.weight -= weight;
        self.budget.used.fetch_sub(weight, Ordering::Relaxed);
    }

    /// What was told after a point, at most so much of it; none where the tail begins after the
    /// point.
    pub(super) fn after(&self, point: Cursor, most: usize) -> Option<Missed> {
        if self.told.is_empty() || point < self.from {
            return None;
        }
        let first = self.told.partition_point(|told| told.reached <= point);
        let rest = self.told.range(first..);
        let is_all = rest.len() <= most;
        let deliveries = rest.take(most).map(|told| told.delivery.clone()).collect();
        Some(Missed { deliveries, is_all })
    }

    /// Forgets what everybody has who has come to a point.
    pub(super) fn forget(&mut self, point: Cursor) {
        while self.told.front().is_some_and(|told| told.reached <= point) {
            self.drop_oldest();
        }
    }

    /// Hands everything over, so that it can be dropped where nobody waits for that.
    #[must_use]
    pub(super) fn take(&mut self) -> VecDeque<Told> {
        self.give_back(self.weight);
        std::mem::take(&mut self.told)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use chat_core::model::{Event, RoomEvent, RoomId, Version};

    use super::*;

    /// Tells a room its version `version`.
    fn tell(tail: &mut Tail, version: Version) {
        let room = RoomId::new(1).expect("an id");
        let reached = Cursor::version(version);
        let event = Event::Room(RoomEvent { room, reached, changes: Vec::new() });
        tail.push(Cursor::version(version - 1), reached, Arc::new(Delivery::new(event)));
    }

    /// The versions after `version`, at most `most`, and whether these are all.
    fn after(tail: &Tail, version: Version, most: usize) -> Option<(Vec<Version>, bool)> {
        let Missed { deliveries, is_all } = tail.after(Cursor::version(version), most)?;
        let versions = deliveries.iter().map(|delivery| match delivery.event() {
            Event::Room(event) => event.reached.version,
            Event::Signal(_) => 0,
        });
        Some((versions.collect(), is_all))
    }

    #[test]
    fn it_hands_out_what_was_told_after_a_point_and_nothing_with_a_gap_before_it() {
        let mut tail = Tail::new(Budget::new(1_000_000));
        assert_eq!(after(&tail, 5, 10), None);
        (6..=9).for_each(|version| tell(&mut tail, version));
        assert_eq!(after(&tail, 4, 10), None, "5 is missing");
        assert_eq!(after(&tail, 5, 10), Some((vec![6, 7, 8, 9], true)));
        assert_eq!(after(&tail, 6, 2), Some((vec![7, 8], false)));
        assert_eq!(after(&tail, 9, 2), Some((vec![], true)));
        tail.forget(Cursor::version(7));
        assert_eq!(after(&tail, 6, 10), None);
        assert_eq!(after(&tail, 7, 10), Some((vec![8, 9], true)));
        assert_eq!(tail.take().len(), 2);
        assert_eq!(after(&tail, 9, 2), None);
        tell(&mut tail, 20);
        assert_eq!(after(&tail, 9, 2), None, "10 is missing");
        assert_eq!(after(&tail, 19, 2), Some((vec![20], true)));
    }

    #[test]
    fn tails_share_a_budget_and_lose_their_oldest_part_beyond_it() {
        let budget = Budget::new(6 * 512);
        let mut tails = [(); 3].map(|()| Tail::new(budget.clone()));
        (1..=4).for_each(|version| tell(&mut tails[0], version));
        assert_eq!(after(&tails[0], 0, 10), None, "one room has a half at most");
        assert_eq!(after(&tails[0], 1, 10), Some((vec![2, 3, 4], true)));
        (1..=3).for_each(|version| tell(&mut tails[1], version));
        assert_eq!(after(&tails[1], 0, 10), Some((vec![1, 2, 3], true)));
        tell(&mut tails[2], 1);
        assert_eq!(tails[2].weight(), 0, "the others have all there is");
        tails[0] = Tail::new(budget.clone());
        tell(&mut tails[2], 2);
        assert_eq!(after(&tails[2], 1, 10), Some((vec![2], true)));
        assert_eq!(budget.used(), 4 * 512);
        drop(tails);
        assert_eq!(budget.used(), 0);
    }
}
