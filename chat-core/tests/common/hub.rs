//! What the chat tells, until it is handed out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chat_core::model::Event;
use chat_core::service::Listener;
use chat_core::socket::Delivery;

/// Collects what the chat tells.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    events: Mutex<VecDeque<Arc<Delivery>>>,
}

impl Hub {
    pub(crate) fn take(&self) -> Option<Arc<Delivery>> {
        self.events.lock().unwrap().pop_front()
    }
}

impl Listener for Hub {
    fn on_event(&self, event: &Event) {
        self.events.lock().unwrap().push_back(Arc::new(Delivery::new(event.clone())));
    }
}
