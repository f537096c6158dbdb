//! What one socket has received: the part of the check that needs no other socket.

/// How many messages back is remembered. A copy that is later still counts as duplicated, unless
/// its id says that it is new.
pub(crate) const WINDOW: u64 = 1 << 16;

/// What one socket has received, in 8 KiB however many messages that is.
#[derive(Debug)]
pub(crate) struct Received {
    /// How many messages, each counted once.
    pub(crate) distinct: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    /// Bit `index % WINDOW` says whether that message has arrived, for the `WINDOW` below `end`.
    arrived: Box<[u64]>,
    /// One more than the highest index that has arrived.
    end: u64,
    last_id: u64,
}

impl Received {
    pub(crate) fn new() -> Self {
        Self {
            distinct: 0,
            duplicated: 0,
            reordered: 0,
            arrived: vec![0; slot(WINDOW - 1) / 64 + 1].into_boxed_slice(),
            end: 0,
            last_id: 0,
        }
    }

    /// Takes in one copy of a message of the run; true where it is the first one.
    pub(crate) fn handle_arrival(&mut self, index: u64, id: u64) -> bool {
        let in_order = id > self.last_id;
        let is_new = if index + WINDOW < self.end {
            in_order
        } else {
            self.advance(index + 1);
            let (word, bit) = (slot(index) / 64, 1 << (index % 64));
            let had = self.arrived[word] & bit != 0;
            self.arrived[word] |= bit;
            !had
        };
        if !is_new {
            self.duplicated += 1;
            return false;
        }
        self.distinct += 1;
        if in_order {
            self.last_id = id;
        } else {
            self.reordered += 1;
        }
        true
    }

    /// Moves the window up, clearing the bits that change their meaning.
    fn advance(&mut self, end: u64) {
        if end >= self.end + WINDOW {
            self.arrived.fill(0);
        } else {
            for index in self.end..end {
                self.arrived[slot(index) / 64] &= !(1 << (index % 64));
            }
        }
        self.end = self.end.max(end);
    }
}

/// The place of a message in a ring of `WINDOW`.
pub(crate) const fn slot(index: u64) -> usize {
    (index % WINDOW) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives message `index` with the id that a faultless server would give it.
    fn receive(received: &mut Received, index: u64) -> bool {
        received.handle_arrival(index, index + 1)
    }

    #[test]
    fn the_window_forgets_nothing_that_matters() {
        let count = 3 * WINDOW + 5;
        let mut received = Received::new();
        for index in (0..count).filter(|&index| index != WINDOW + 7) {
            assert!(receive(&mut received, index));
        }
        assert_eq!(received.distinct, count - 1);
        for again in [count - 1, count - WINDOW, 3] {
            assert!(!receive(&mut received, again));
        }
        assert_eq!((received.duplicated, received.reordered), (3, 0));
    }

    #[test]
    fn what_was_skipped_by_a_whole_window_counts_as_not_received() {
        let mut received = Received::new();
        for index in 0..10 {
            receive(&mut received, index);
        }
        assert!(receive(&mut received, WINDOW + 20));
        assert!(receive(&mut received, WINDOW + 5), "the bit of message 5 is cleared");
        assert_eq!((received.duplicated, received.reordered), (0, 1));
    }

    #[test]
    fn an_old_message_with_a_new_id_was_only_slow() {
        let mut received = Received::new();
        received.handle_arrival(2 * WINDOW, 1);
        assert!(received.handle_arrival(0, 2));
        assert!(!received.handle_arrival(0, 2));
        assert_eq!((received.distinct, received.duplicated, received.reordered), (2, 1, 0));
    }
}
