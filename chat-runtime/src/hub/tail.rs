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

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicUsize::new(0) })
    }

    fn is_exceeded(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.most
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
}

#[derive(Debug)]
struct Told {
    /// How far it reaches.
    reached: Cursor,
    weight: usize,
    delivery: Arc<Delivery>,
}

impl Tail {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, from: Cursor::default(), told: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Adds what the room was told, from where it had come before.
    pub(super) fn push(&mut self, before: Cursor, reached: Cursor, delivery: Arc<Delivery>) {
        if self.told.is_empty() {
            self.from = before;
        }
        let weight = delivery.weight();
        self.budget.used.fetch_add(weight, Ordering::Relaxed);
        self.told.push_back(Told { reached, weight, delivery });
        while self.budget.is_exceeded() && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.told.pop_front() else { return false };
        self.budget.used.fetch_sub(oldest.weight, Ordering::Relaxed);
        self.from = oldest.reached;
        true
    }

    /// What was told after a point, at most so much of it, and whether that is all; none where the
    /// tail begins after the point.
    pub(super) fn after(&self, point: Cursor, most: usize) -> Option<(Vec<Arc<Delivery>>, bool)> {
        if self.told.is_empty() || point < self.from {
            return None;
        }
        let first = self.told.partition_point(|told| told.reached <= point);
        let rest = self.told.range(first..);
        let is_all = rest.len() <= most;
        Some((rest.take(most).map(|told| told.delivery.clone()).collect(), is_all))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        while self.drop_oldest() {}
        self.told = VecDeque::new();
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.clear();
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
        let (deliveries, is_all) = tail.after(Cursor::version(version), most)?;
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
        tail.clear();
        assert_eq!(after(&tail, 9, 2), None);
        tell(&mut tail, 20);
        assert_eq!(after(&tail, 9, 2), None, "10 is missing");
        assert_eq!(after(&tail, 19, 2), Some((vec![20], true)));
    }

    #[test]
    fn tails_share_a_budget_and_lose_their_oldest_part_beyond_it() {
        let mut first = Tail::new(Budget::new(3 * 512));
        let mut second = Tail::new(first.budget.clone());
        (1..=4).for_each(|version| tell(&mut first, version));
        assert_eq!(after(&first, 0, 10), None);
        assert_eq!(after(&first, 1, 10), Some((vec![2, 3, 4], true)));
        tell(&mut second, 1);
        assert!(second.is_empty(), "the other has all there is");
        drop(first);
        tell(&mut second, 2);
        assert_eq!(after(&second, 1, 10), Some((vec![2], true)));
        assert_eq!(second.budget.used.load(Ordering::Relaxed), 512);
    }
}
