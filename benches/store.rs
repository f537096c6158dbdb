//! What the memory store does in a second, called by one thread.
//!
//! ```sh
//! cargo bench --bench store -- --quick
//! ```

mod support;

use chat_core::model::{Kinds, MessageId, MessageKind, RoomId, Slice, Timestamp, UserId};
use chat_core::rules::{Caller, Content};
use chat_core::store::{
    Anchor, HistoryQuery, Mark, MessageStore, NewDirectRoom, NewMessage, ReceiptKind, ReceiptStore,
    RoomOrder, RoomQuery, RoomStore, Targets,
};
use chat_store_memory::MemoryStore;

use self::support::{Error, at_once, grouped, is_quick, nanos_per_call};

/// The messages of the room whose history is read.
const MESSAGES: u64 = 50_000;

const PAGE: usize = 50;

const ROOMS: u64 = 100;

fn main() -> Result<(), Error> {
    let (rounds, share) = if is_quick() { (3, 10) } else { (9, 1) };
    let store = Filled::new()?;
    println!("memory store, medians of {rounds} rounds");
    println!("{:44}{:>14}{:>12}", "", "per second", "µs");
    let row = |name: &str, calls: usize, call: &mut dyn FnMut(usize)| {
        let nanos = nanos_per_call(rounds, calls / share, call);
        println!("{name:44}{:>14}{:>12.2}", grouped(1e9 / nanos), nanos / 1e3);
    };
    row("send", 50_000, &mut |_| store.send(store.other));
    for page in [1, 10, 100, 1_000] {
        let name = format!("history, page {page} of {MESSAGES} messages");
        row(&name, 20_000, &mut |_| store.history(page));
    }
    let mut marked = 0;
    // Each once: to mark one again would change nothing.
    row("mark one message read", 5_000, &mut |_| {
        store.mark(store.ids[marked % store.ids.len()]);
        marked += 1;
    });
    row("list the first 50 of 100 rooms", 2_000, &mut |_| store.rooms(50));
    row("list 100 rooms", 2_000, &mut |_| store.rooms(100));
    Ok(())
}

/// A store with a long room and many short ones.
struct Filled {
    store: MemoryStore,
    first: Caller,
    second: Caller,
    long: RoomId,
    other: RoomId,
    ids: Vec<MessageId>,
    at: Timestamp,
    text: Content,
}

impl Filled {
    fn new() -> Result<Self, Error> {
        let store = MemoryStore::new();
        let at = Timestamp::from_seconds(1_735_122_600);
        let mut rooms = Vec::new();
        for user in 2..=ROOMS + 1 {
            let new = NewDirectRoom {
                first: UserId::from(1),
                second: UserId::from(user),
                metadata: serde_json::Map::new(),
                at,
            };
            rooms.push(at_once(store.direct_room(new))??.0);
        }
        let caller = |user: u64| Caller { user: user.into(), kinds: Kinds::ALL };
        let text = Content::parse("Are you coming to the reading group tonight?", 1_000)?;
        let mut filled = Self {
            store,
            first: caller(1),
            second: caller(2),
            long: rooms[0],
            other: rooms[1],
            ids: Vec::new(),
            at,
            text,
        };
        for _ in 0..MESSAGES {
            let sent = at_once(filled.store.send(filled.message(filled.long)))??;
            filled.ids.push(sent.message.id);
        }
        for room in &rooms[1..] {
            filled.send(*room);
        }
        Ok(filled)
    }

    fn message(&self, room: RoomId) -> NewMessage {
        NewMessage {
            room,
            by: self.first.clone().into(),
            kind: MessageKind::Text,
            content: self.text.clone(),
            attachment: None,
            reply_to: None,
            once: None,
            at: self.at,
        }
    }

    fn send(&self, room: RoomId) {
        assert!(matches!(at_once(self.store.send(self.message(room))), Ok(Ok(_))));
    }

    fn history(&self, page: u64) {
        let query = HistoryQuery {
            room: self.long,
            by: Some(self.second.clone()),
            anchor: Anchor::Newest,
            slice: Slice::page(page, PAGE),
            deleted: false,
        };
        assert!(matches!(at_once(self.store.history(query)), Ok(Ok(Some(_)))));
    }

    fn mark(&self, message: MessageId) {
        let mark = Mark {
            room: self.long,
            by: self.second.clone(),
            kind: ReceiptKind::Read,
            targets: Targets::Message(message),
            at: self.at,
        };
        assert!(matches!(at_once(self.store.mark(mark)), Ok(Ok(_))));
    }

    fn rooms(&self, rooms: usize) {
        let query = RoomQuery {
            by: self.first.clone(),
            order: RoomOrder::Activity,
            slice: Slice::first(rooms),
        };
        let page = at_once(self.store.rooms(query));
        assert!(matches!(page, Ok(Ok(page)) if page.items.len() == rooms));
    }
}
