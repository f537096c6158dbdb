//! What the sockets of one run share. All of them live on one thread, and no `RefCell` here is
//! borrowed over an `.await`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use futures::task::AtomicWaker;

use crate::check::Checker;
use crate::report::{Errors, Latency};
use crate::wire::RunId;

/// The state of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) checker: RefCell<Checker>,
    pub(crate) latency: RefCell<Latency>,
    pub(crate) errors: RefCell<Errors>,
    /// When the last message of this run arrived.
    pub(crate) last_arrival: Cell<u64>,
    /// Whether each socket sends as soon as its message before was answered.
    pub(crate) is_unpaced: bool,
    pub(crate) phase: Cell<Phase>,
    pub(crate) interrupts: Cell<u32>,
    slots: RefCell<Vec<Rc<Slot>>>,
    start: Instant,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Sending,
    /// Waiting for what is still under way.
    Settling,
    Closing,
}

/// What the driver tells a socket, and what it sees of it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// How many messages the socket has still to send.
    pub(crate) due: Cell<u32>,
    /// Whether a message waits for its answer.
    pub(crate) in_flight: Cell<bool>,
    pub(crate) is_open: Cell<bool>,
    pub(crate) waker: AtomicWaker,
}

impl Run {
    pub(crate) fn new(is_unpaced: bool) -> Self {
        Self {
            id: RunId::random(),
            checker: RefCell::new(Checker::new()),
            latency: RefCell::new(Latency::new()),
            errors: RefCell::default(),
            last_arrival: Cell::new(0),
            is_unpaced,
            phase: Cell::new(Phase::Connecting),
            interrupts: Cell::new(0),
            slots: RefCell::default(),
            start: Instant::now(),
        }
    }

    /// Microseconds since the start of the run.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The slots of all sockets that were ever open, by their number.
    pub(crate) fn slots(&self) -> Vec<Rc<Slot>> {
        self.slots.borrow().clone()
    }

    /// Takes in an open socket: its number, and its slot.
    pub(crate) fn add_socket(&self) -> (usize, Rc<Slot>) {
        let slot = Rc::new(Slot::new());
        self.slots.borrow_mut().push(slot.clone());
        (self.checker.borrow_mut().handle_connected(), slot)
    }

    /// Whether every socket that is open has everything.
    pub(crate) fn is_complete(&self) -> bool {
        let checker = self.checker.borrow();
        let slots = self.slots.borrow();
        let mut slots = slots.iter().enumerate();
        slots.all(|(number, slot)| !slot.is_open.get() || checker.is_complete(number))
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            due: Cell::new(0),
            in_flight: Cell::new(false),
            is_open: Cell::new(true),
            waker: AtomicWaker::new(),
        }
    }

    /// Has the socket send one message more.
    pub(crate) fn hand_out(&self) {
        self.due.set(self.due.get().saturating_add(1));
        self.waker.wake();
    }
}
