//! The checker: has every socket seen each message of the run once, and all in one order?
//!
//! Its memory does not grow with the number of messages. The order is checked by ids alone: a
//! socket's ids strictly ascend, and one message has the same id on every socket; from the two
//! follows that all sockets saw the same sequence. What has arrived is a ring of bits per socket
//! over the last [`WINDOW`] messages.

use std::collections::BTreeMap;

use crate::received::{Received, WINDOW, slot};

/// A message of this run as one socket received it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The socket that received it.
    pub(crate) socket: usize,
    /// The socket that sent it.
    pub(crate) sender: usize,
    /// Which message of the run it is, from 0.
    pub(crate) index: u64,
    /// The id that the server gave it.
    pub(crate) id: u64,
    /// The `temp_id` that the frame bore.
    pub(crate) echo: Echo,
}

/// The `temp_id` of a received `message` frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    Absent,
    /// The one that this run gave to the message of this index.
    Of(u64),
    /// One that this run never made.
    Foreign,
}

/// What became of the run's messages.
#[derive(Debug)]
pub(crate) struct Checker {
    sent: u64,
    refused: u64,
    /// How many messages at least one socket has seen.
    seen: u64,
    sockets: Vec<Received>,
    recent: Box<[Recent]>,
    wrong: BTreeMap<&'static str, u64>,
}

/// The sums over all sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) refused: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    index: u64,
    /// 0 until a socket has received the message; the server's ids start at 1.
    id: u64,
    refused: bool,
}

impl Checker {
    pub(crate) fn new() -> Self {
        Self {
            sent: 0,
            refused: 0,
            seen: 0,
            sockets: Vec::new(),
            recent: vec![Recent::default(); slot(WINDOW - 1) + 1].into_boxed_slice(),
            wrong: BTreeMap::new(),
        }
    }

    /// What was received wrongly, by what was wrong.
    pub(crate) fn wrong(&self) -> &BTreeMap<&'static str, u64> {
        &self.wrong
    }

    pub(crate) fn totals(&self) -> Totals {
        let accepted = self.sent - self.refused;
        let mut totals = Totals {
            sent: self.sent,
            refused: self.refused,
            unconfirmed: accepted.saturating_sub(self.seen),
            ..Totals::default()
        };
        for socket in &self.sockets {
            totals.expected += accepted;
            totals.delivered += socket.distinct;
            totals.lost += accepted.saturating_sub(socket.distinct);
            totals.duplicated += socket.duplicated;
            totals.reordered += socket.reordered;
        }
        totals
    }

    /// Whether this socket has received every message that was not refused.
    pub(crate) fn is_complete(&self, socket: usize) -> bool {
        self.sockets[socket].distinct >= self.sent - self.refused
    }

    /// Adds a socket that is to receive everything, and returns its number.
    pub(crate) fn handle_connected(&mut self) -> usize {
        self.sockets.push(Received::new());
        self.sockets.len() - 1
    }

    /// Notes that a message is being written, and returns its index.
    pub(crate) fn handle_sent(&mut self) -> u64 {
        let index = self.sent;
        self.recent[slot(index)] = Recent { index, id: 0, refused: false };
        self.sent += 1;
        index
    }

    /// Notes that the server refused a message: nobody may receive it.
    pub(crate) fn handle_refused(&mut self, index: u64) {
        let recent = &mut self.recent[slot(index)];
        if index >= self.sent || recent.index != index || recent.refused {
            return;
        }
        if recent.id == 0 {
            recent.refused = true;
            self.refused += 1;
        } else {
            self.note_wrong("refused and delivered");
        }
    }

    /// Checks one copy; true where it is the first one on its socket.
    pub(crate) fn handle_arrival(&mut self, arrival: &Arrival) -> bool {
        let &Arrival { socket, sender, index, id, echo } = arrival;
        if index >= self.sent || id == 0 {
            self.note_wrong("a message that was never sent");
            return false;
        }
        let recent = &mut self.recent[slot(index)];
        let is_recent = recent.index == index;
        if is_recent && recent.refused {
            self.note_wrong("refused and delivered");
            return false;
        }
        if !self.sockets[socket].handle_arrival(index, id) {
            return false;
        }
        if is_recent && recent.id == 0 {
            recent.id = id;
            self.seen += 1;
        } else if is_recent && recent.id != id {
            self.note_wrong("another id than on other sockets");
        }
        match echo {
            Echo::Absent if sender == socket => self.note_wrong("own copy without its temp_id"),
            Echo::Absent => {}
            Echo::Of(of) if sender == socket && of == index => {}
            _ if sender == socket => self.note_wrong("own copy with another temp_id"),
            _ => self.note_wrong("another's copy with a temp_id"),
        }
        true
    }

    /// Counts one thing that was received but not as it had to be.
    pub(crate) fn note_wrong(&mut self, what: &'static str) {
        *self.wrong.entry(what).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checker(sockets: usize, sent: u64) -> Checker {
        let mut checker = Checker::new();
        for _ in 0..sockets {
            checker.handle_connected();
        }
        for _ in 0..sent {
            checker.handle_sent();
        }
        checker
    }

    /// Message `index`, sent by socket 0, with the id that a faultless server would give it.
    fn copy(socket: usize, index: u64) -> Arrival {
        let echo = if socket == 0 { Echo::Of(index) } else { Echo::Absent };
        Arrival { socket, sender: 0, index, id: index + 1, echo }
    }

    fn receive(checker: &mut Checker, socket: usize, indexes: &[u64]) {
        for &index in indexes {
            checker.handle_arrival(&copy(socket, index));
        }
    }

    #[test]
    fn a_faultless_run_has_no_findings() {
        let mut checker = checker(2, 3);
        receive(&mut checker, 0, &[0, 1, 2]);
        assert!(checker.is_complete(0) && !checker.is_complete(1));
        receive(&mut checker, 1, &[0, 1, 2]);
        let clean = Totals { sent: 3, expected: 6, delivered: 6, ..Totals::default() };
        assert_eq!(checker.totals(), clean);
        assert!(checker.wrong().is_empty());
    }

    #[test]
    fn each_fault_is_counted_once_and_as_what_it_is() {
        // what socket 1 receives of four messages; lost, duplicated, reordered
        let table: [(&[u64], [u64; 3]); 7] = [
            (&[0, 1, 2, 3], [0, 0, 0]),
            (&[0, 1, 3], [1, 0, 0]),
            (&[], [4, 0, 0]),
            (&[0, 1, 1, 2, 3], [0, 1, 0]),
            (&[0, 1, 2, 3, 0], [0, 1, 0]),
            (&[0, 2, 1, 3], [0, 0, 1]),
            (&[1, 0, 0, 3], [1, 1, 1]),
        ];
        for (indexes, expected) in table {
            let mut checker = checker(2, 4);
            receive(&mut checker, 0, &[0, 1, 2, 3]);
            receive(&mut checker, 1, indexes);
            let totals = checker.totals();
            let found = [totals.lost, totals.duplicated, totals.reordered];
            assert_eq!(found, expected, "{indexes:?}");
            assert!(checker.wrong().is_empty(), "{indexes:?}");
        }
    }

    #[test]
    fn a_loss_on_one_socket_is_not_blamed_on_another() {
        let mut checker = checker(2, 2);
        receive(&mut checker, 0, &[1]);
        receive(&mut checker, 1, &[0, 1]);
        let totals = checker.totals();
        assert_eq!((totals.lost, totals.reordered, totals.duplicated), (1, 0, 0));
    }

    #[test]
    fn the_order_is_the_servers_and_not_that_of_sending() {
        let mut checker = checker(2, 2);
        for socket in [0, 1] {
            for (index, id) in [(1, 1), (0, 2)] {
                checker.handle_arrival(&Arrival { id, ..copy(socket, index) });
            }
        }
        let totals = checker.totals();
        assert_eq!((totals.reordered, totals.lost), (0, 0));
        assert!(checker.wrong().is_empty());
    }

    #[test]
    fn two_sockets_that_disagree_on_the_order_are_found_though_ids_ascend_on_both() {
        let mut checker = checker(2, 2);
        for (socket, index, id) in [(0, 0, 1), (0, 1, 2), (1, 1, 1), (1, 0, 2)] {
            checker.handle_arrival(&Arrival { id, ..copy(socket, index) });
        }
        assert_eq!(checker.wrong()["another id than on other sockets"], 2);
    }

    #[test]
    fn two_messages_with_one_id_are_found() {
        let mut checker = checker(1, 2);
        for index in [0, 1] {
            checker.handle_arrival(&Arrival { id: 1, ..copy(0, index) });
        }
        assert_eq!(checker.totals().reordered, 1);
    }

    #[test]
    fn a_message_stored_twice_is_duplicated_though_its_ids_differ() {
        let mut checker = checker(1, 1);
        receive(&mut checker, 0, &[0]);
        assert!(!checker.handle_arrival(&Arrival { id: 2, ..copy(0, 0) }));
        assert_eq!(checker.totals().duplicated, 1);
    }

    #[test]
    fn the_senders_copy_and_no_other_bears_the_temp_id() {
        let table = [
            (0, Echo::Of(0), None),
            (0, Echo::Absent, Some("own copy without its temp_id")),
            (0, Echo::Of(1), Some("own copy with another temp_id")),
            (0, Echo::Foreign, Some("own copy with another temp_id")),
            (1, Echo::Absent, None),
            (1, Echo::Of(0), Some("another's copy with a temp_id")),
            (1, Echo::Foreign, Some("another's copy with a temp_id")),
        ];
        for (socket, echo, expected) in table {
            let mut checker = checker(2, 2);
            checker.handle_arrival(&Arrival { echo, ..copy(socket, 0) });
            assert_eq!(checker.wrong().keys().next().copied(), expected, "{socket} {echo:?}");
        }
    }

    #[test]
    fn a_refused_message_is_not_lost_and_may_not_be_delivered() {
        let mut checker = checker(1, 2);
        checker.handle_refused(0);
        checker.handle_refused(0);
        receive(&mut checker, 0, &[1]);
        let totals = checker.totals();
        assert_eq!((totals.refused, totals.expected, totals.lost), (1, 1, 0));
        assert!(checker.wrong().is_empty());

        receive(&mut checker, 0, &[0]);
        checker.handle_refused(1);
        assert_eq!(checker.wrong()["refused and delivered"], 2);
        assert_eq!(checker.totals().delivered, 1);
    }

    #[test]
    fn a_message_nobody_saw_is_unconfirmed() {
        let mut checker = checker(2, 2);
        receive(&mut checker, 0, &[0]);
        let totals = checker.totals();
        assert_eq!((totals.unconfirmed, totals.lost), (1, 3));
    }

    #[test]
    fn a_message_that_was_never_sent_is_wrong() {
        let mut checker = checker(1, 1);
        receive(&mut checker, 0, &[1]);
        assert_eq!(checker.wrong()["a message that was never sent"], 1);
        assert_eq!(checker.totals().delivered, 0);
    }

    #[test]
    fn a_socket_far_behind_the_others_is_still_checked() {
        let count = 2 * WINDOW;
        let mut checker = checker(2, count);
        for index in 0..count {
            receive(&mut checker, 0, &[index]);
        }
        for index in 0..count {
            receive(&mut checker, 1, &[index]);
        }
        receive(&mut checker, 1, &[count - 2]);
        let totals = checker.totals();
        assert_eq!((totals.lost, totals.duplicated, totals.reordered), (0, 1, 0));
    }
}
