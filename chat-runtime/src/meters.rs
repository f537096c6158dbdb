//! What an operator asks for, counted through the facade of the `metrics` crate; without the
//! feature of that name nothing is.
#![cfg_attr(
    not(feature = "metrics"),
    allow(dead_code, unused_variables, clippy::unused_self, reason = "nothing is counted")
)]

/// What is counted so often that its counters are looked up once.
pub(crate) struct Meters {
    #[cfg(feature = "metrics")]
    messages: metrics::Counter,
    #[cfg(feature = "metrics")]
    deliveries: metrics::Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        #[cfg(feature = "metrics")]
        describe();
        Self {
            #[cfg(feature = "metrics")]
            messages: metrics::counter!("chat_messages_total"),
            #[cfg(feature = "metrics")]
            deliveries: metrics::counter!("chat_deliveries_total"),
        }
    }

    /// A message was sent on this node.
    pub(crate) fn message(&self) {
        #[cfg(feature = "metrics")]
        self.messages.increment(1);
    }

    /// Something was put into the inboxes of so many sockets.
    pub(crate) fn delivered(&self, sockets: usize) {
        #[cfg(feature = "metrics")]
        self.deliveries.increment(sockets as u64);
    }
}

/// A request was answered.
pub(crate) fn answered(dialect: &'static str, status: http::StatusCode) {
    #[cfg(feature = "metrics")]
    {
        let status = status.as_str().to_owned();
        metrics::counter!("chat_requests_total", "dialect" => dialect, "status" => status)
            .increment(1);
    }
}

/// An open socket, for as long as it is.
pub(crate) struct Open {
    #[cfg(feature = "metrics")]
    sockets: metrics::Gauge,
}

impl Open {
    pub(crate) fn new(dialect: &'static str) -> Self {
        #[cfg(feature = "metrics")]
        let open = Self { sockets: metrics::gauge!("chat_sockets", "dialect" => dialect) };
        #[cfg(not(feature = "metrics"))]
        let open = Self {};
        #[cfg(feature = "metrics")]
        open.sockets.increment(1.0);
        open
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        #[cfg(feature = "metrics")]
        self.sockets.decrement(1.0);
    }
}

/// A socket is closed from here, or was refused.
pub(crate) fn closed(code: u16) {
    #[cfg(feature = "metrics")]
    metrics::counter!("chat_closes_total", "code" => code.to_string()).increment(1);
}

/// A room, or a single socket, reads from the store what it was not told.
pub(crate) fn caught_up(what: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("chat_catch_ups_total", "of" => what).increment(1);
}

/// What a node has to do now.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Rooms with open sockets.
    pub(crate) rooms: usize,
    /// Deliveries that wait for their sockets.
    pub(crate) queued: usize,
    /// Those that wait for the slowest of the sockets.
    pub(crate) longest_queue: usize,
    /// Changes that are known of and have not been told.
    pub(crate) lag: u64,
    /// What is kept for sockets that are behind, in bytes.
    pub(crate) kept: usize,
    /// Whether other nodes are heard.
    pub(crate) bus: bool,
}

/// A node has looked at itself.
pub(crate) fn looked(load: impl FnOnce() -> Load) {
    #[cfg(feature = "metrics")]
    #[allow(clippy::cast_precision_loss, reason = "no count here is near 2^53")]
    {
        let load = load();
        metrics::gauge!("chat_rooms").set(load.rooms as f64);
        metrics::gauge!("chat_queued_deliveries").set(load.queued as f64);
        metrics::gauge!("chat_longest_queue").set(load.longest_queue as f64);
        metrics::gauge!("chat_lag_changes").set(load.lag as f64);
        metrics::gauge!("chat_kept_bytes").set(load.kept as f64);
        metrics::gauge!("chat_bus_available").set(f64::from(u8::from(load.bus)));
    }
}

/// The sweep could not ask the store.
pub(crate) fn failed_sweep() {
    #[cfg(feature = "metrics")]
    metrics::counter!("chat_failed_sweeps_total").increment(1);
}

#[cfg(feature = "metrics")]
fn describe() {
    metrics::describe_counter!("chat_messages_total", "Messages sent on this node.");
    metrics::describe_counter!("chat_deliveries_total", "Deliveries to sockets of this node.");
    metrics::describe_counter!("chat_requests_total", "Requests answered.");
    metrics::describe_gauge!("chat_sockets", "Open sockets.");
    metrics::describe_counter!("chat_closes_total", "Sockets closed or refused from here.");
    metrics::describe_counter!("chat_catch_ups_total", "Readings of what was not told.");
    metrics::describe_gauge!("chat_rooms", "Rooms with open sockets.");
    metrics::describe_gauge!("chat_queued_deliveries", "Deliveries waiting for their sockets.");
    metrics::describe_gauge!("chat_longest_queue", "Those waiting for the slowest socket.");
    metrics::describe_gauge!("chat_lag_changes", "Changes known of and not told yet.");
    metrics::describe_gauge!("chat_kept_bytes", "What is kept for sockets that are behind.");
    metrics::describe_gauge!("chat_bus_available", "Whether other nodes are heard: 1 or 0.");
    metrics::describe_counter!("chat_failed_sweeps_total", "Looks at the store that failed.");
}
