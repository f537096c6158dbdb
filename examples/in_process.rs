//! Chat without any transport: rooms and messages from the service's own code, with the same checks
//! and guarantees as over the wire, and the service's say in what is sent.
//!
//! ```sh
//! cargo run --example in_process
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chat_core::host::{Draft, Hooks, JwtAuthenticator, Refusal, StaticDirectory};
use chat_core::model::{Change, Event, MessageKind, RoomKind, Slice, User};
use chat_core::store::{Anchor, ReceiptKind};
use chat_core::{Chat, Error, Outgoing};
use chat_store_memory::MemoryStore;

/// What would be pushed to phones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pushed(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Hooks for Pushed {
    async fn before_send(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let polite = !draft.content.as_str().contains("damn");
        if polite { Ok(()) } else { Err("Mind your language.".into()) }
    }

    fn on_event(&self, event: &Event) {
        let Event::Room(event) = event else { return };
        for change in &event.changes {
            let line = match change {
                Change::Sent { message, .. } if message.kind == MessageKind::System => continue,
                Change::Sent { sender, .. } => format!("a message from {}", sender.display_name),
                Change::Joined { user } => format!("user {user} is in room {}", event.room),
                _ => continue,
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }
}

/// An order ships, and its buyer and seller talk about it. Returns what was pushed.
pub(crate) async fn ship() -> Result<Vec<String>, Error> {
    let users: StaticDirectory =
        [User::new(1.into(), "seller"), User::new(2.into(), "buyer")].into_iter().collect();
    let pushed = Pushed::default();
    let sign_in = JwtAuthenticator::hs256(b"at least 32 random bytes, kept safe");
    let chat = Chat::builder(MemoryStore::new(), users, sign_in).with_hooks(pushed.clone()).build();
    let (seller, buyer) = (chat.acting_as("1"), chat.acting_as("2"));

    let room = seller.create_room(RoomKind::Project, "Order 17", vec![2.into()]).await?;
    // Whatever is retried, there is one such message.
    for _ in 0..2 {
        seller.send(room, Outgoing::new("It is on its way.").with_key("order-17-shipped")).await?;
    }
    // A note of the service's own, which nobody has to read and no hook is asked about.
    let note = Outgoing::new("The parcel was handed over.").with_kind(MessageKind::System);
    chat.send_as("1", room, note.with_key("order-17-handed-over")).await?;
    println!("{} unread", buyer.unread().await?);

    let page = buyer.history(room, Anchor::Newest, Slice::first(50)).await?;
    buyer.mark(room, page.items[1].id, ReceiptKind::Read).await?;
    if let Err(refused) = buyer.send(room, "damn, at last").await {
        println!("{refused}");
    }
    buyer.send(room, "Thank you!").await?;
    println!("{} messages", chat.history(room, Anchor::Newest, Slice::first(1)).await?.count);
    Ok(pushed.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "a test includes this file for the rest")]
async fn main() -> Result<(), Error> {
    for line in ship().await? {
        println!("{line}");
    }
    Ok(())
}
