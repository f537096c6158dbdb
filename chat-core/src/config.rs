//! The figures that a host may change.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::rules::{LARGEST_REACTIONS, UploadPolicy};

/// The shortest and the longest that any duration counts as, and what is shortest for some.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_hours(365 * 24);
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const SHORTEST_RETENTION: Duration = Duration::from_hours(1);

/// The fewest members that a room may be limited to: those of a direct room.
const FEWEST_MEMBERS: usize = 2;

/// What a frame shows of a user on average at most, of a character, and beside all that grows, in
/// bytes.
const SHOWN_OF_USER: usize = 1024;
const ESCAPED: usize = 6;
const BESIDE: usize = 64 * 1024;

/// The least rate of a body unless the host says otherwise, in bytes a second.
const BODY_RATE: NonZeroU32 = NonZeroU32::new(4 * 1024).unwrap();

/// The figures that a host may change. The defaults are those of the API documents.
///
/// A duration below a millisecond counts as one, and one above 365 days as 365 days.
///
/// ```
/// use std::time::Duration;
/// use chat_core::Config;
///
/// let mut config = Config::default();
/// config.typing_limit = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The longest message in characters, in every dialect but `messenger`; 10,000.
    pub message_limit: usize,
    /// The longest message in characters in `messenger`; 1,000.
    pub messenger_message_limit: usize,
    /// Which files may be uploaded; any of at most 25 MiB.
    pub uploads: UploadPolicy,
    /// The largest JSON body of a request in bytes; 1 MiB. More is answered 413. Of arrays and
    /// objects there may be at most 1,000 in it, as in a frame; more is a 400.
    pub body_limit: usize,
    /// The largest frame a client may send, in bytes; 256 KiB. More closes 1009.
    pub frame_limit: usize,
    /// How often a socket is pinged; 30 s.
    pub ping_interval: Duration,
    /// How long a ping may stay unanswered; 10 s.
    pub ping_timeout: Duration,
    /// How many pings in a row may stay unanswered before the socket is closed 4408; 5.
    pub max_missed_pings: u32,
    /// How long a socket may live before it is closed 4410; 4 hours.
    pub lifetime: Duration,
    /// How long typing lasts after it was last said; 30 s.
    pub typing_limit: Duration,
    /// How many bad frames within [`Config::bad_frame_window`] close a socket 1008; 20.
    pub bad_frame_limit: usize,
    /// See [`Config::bad_frame_limit`]; 60 s.
    pub bad_frame_window: Duration,
    /// How many frames may wait for one socket before it counts as behind; 256.
    pub queue_frames: usize,
    /// How many bytes may wait for one socket, likewise; 1 MiB.
    pub queue_bytes: usize,
    /// How much of what rooms are told a node keeps for the sockets that are behind, in bytes of
    /// texts and 512 for each event; 64 MiB, and half of it for one room at most. With the
    /// frames that are made of it it takes up two to three times as much. Whoever is behind further
    /// is caught up from the store.
    pub tail_bytes: usize,
    /// How many versions a socket may be behind its room and fall back while it is caught up from
    /// the store, from one look to the next (2,048 changes later), before it is closed 1013; 50,000.
    pub lag_limit: u64,
    /// How long a socket may take nothing while something waits for it before it is closed 1013;
    /// 30 s. So long may nothing come of a request's body before it is answered 408, and nothing be
    /// taken of a response before it is broken off.
    pub stall_timeout: Duration,
    /// How fast a request's body has to come at least, in bytes a second; 4 KiB. What is slower
    /// uses [`Config::stall_timeout`] up, what is faster gives it back, and once it is used up the
    /// answer is 408. So a connection may be slow or pause, and who sends a byte now and then is
    /// not waited for.
    pub body_rate: NonZeroU32,
    /// How many files one user may be uploading at once on a node; 6, as many connections as
    /// browsers open to one host. More are answered 429. Each takes up to 10 MiB of memory on its
    /// way to an object store.
    pub uploads_per_user: usize,
    /// How many sockets one user may have open on a node; 10,000. More are closed 1013.
    pub sockets_per_user: usize,
    /// How many members a room may have that somebody joins or is added to; 5,000, and at least 2.
    /// More are refused with a 400. A room that has more stays as it is.
    pub members_per_room: usize,
    /// How fast the requests and frames of one user may come on a node; as fast as they like. More
    /// are answered 429, or with the error frame.
    pub rate_limit: Option<RateLimit>,
    /// How long a node vouches for its sockets; 40 s. When a node dies its users are offline to
    /// others after at most this and a few seconds. Below a second it counts as one.
    pub session_lease: Duration,
    /// How long closed sessions are kept, with the address and user agent of their client; 30 days.
    /// Looked at when leases are. An hour at least, in which nodes that were away find their
    /// sessions again, and otherwise as long as the host likes.
    pub session_retention: Duration,
    /// The origins (`https://example.com`) that may open sockets from a browser. With none given,
    /// only the request's own host may.
    pub allowed_origins: Vec<String>,
    /// Whether `Forwarded`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed, because a
    /// proxy of the host's sets them; no.
    pub trust_forwarded: bool,
}

impl Config {
    /// With every duration within its limits, so that times can be reckoned with it and nothing is
    /// done without a pause.
    pub(crate) fn within_limits(mut self) -> Self {
        let durations = [
            &mut self.ping_interval,
            &mut self.ping_timeout,
            &mut self.lifetime,
            &mut self.typing_limit,
            &mut self.bad_frame_window,
            &mut self.stall_timeout,
            &mut self.session_lease,
        ];
        for duration in durations {
            *duration = (*duration).clamp(SHORTEST, LONGEST);
        }
        self.session_lease = self.session_lease.max(SHORTEST_LEASE);
        self.session_retention = self.session_retention.max(SHORTEST_RETENTION);
        self.members_per_room = self.members_per_room.max(FEWEST_MEMBERS);
        self
    }

    /// The largest frame that a socket is sent, in bytes: a message of [`Config::message_limit`]
    /// characters with all its reactions and [`Config::members_per_room`] readers, of whom a frame
    /// shows 1 KiB each on average. Past it a socket is closed 1011.
    pub fn largest_frame(&self) -> usize {
        let text = self.message_limit.max(self.messenger_message_limit).saturating_mul(ESCAPED);
        let readers = self.members_per_room.saturating_mul(SHOWN_OF_USER);
        LARGEST_REACTIONS.saturating_add(text).saturating_add(readers).saturating_add(BESIDE)
    }
}

/// How fast something may come: a number at once, and on average so many a second.
///
/// ```
/// use std::num::NonZeroU32;
/// use chat_core::{Config, RateLimit};
///
/// let mut config = Config::default();
/// let per_second = NonZeroU32::new(10).expect("not zero");
/// config.rate_limit = Some(RateLimit { per_second, burst: per_second.saturating_mul(per_second) });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many a second, on average.
    pub per_second: NonZeroU32,
    /// How many at once, after a rest.
    pub burst: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_limit: 10_000,
            messenger_message_limit: 1_000,
            uploads: UploadPolicy::default(),
            body_limit: 1024 * 1024,
            frame_limit: 256 * 1024,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(10),
            max_missed_pings: 5,
            lifetime: Duration::from_hours(4),
            typing_limit: Duration::from_secs(30),
            bad_frame_limit: 20,
            bad_frame_window: Duration::from_mins(1),
            queue_frames: 256,
            queue_bytes: 1024 * 1024,
            tail_bytes: 64 * 1024 * 1024,
            lag_limit: 50_000,
            stall_timeout: Duration::from_secs(30),
            body_rate: BODY_RATE,
            uploads_per_user: 6,
            sockets_per_user: 10_000,
            members_per_room: 5_000,
            rate_limit: None,
            session_lease: Duration::from_secs(40),
            session_retention: Duration::from_hours(30 * 24),
            allowed_origins: Vec::new(),
            trust_forwarded: false,
        }
    }
}
