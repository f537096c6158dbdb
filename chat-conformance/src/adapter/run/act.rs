//! What is done in the server's process.

use std::time::Duration;

use chat_core::Outgoing;
use chat_core::model::{MessageId, RoomId, UserId};
use serde_json::Value;

use super::Run;
use crate::adapter::step::{Act, Deed};

impl Run<'_> {
    pub(super) async fn act(&mut self, step: &Act) -> Result<(), String> {
        let actor = self.world.actor(&step.who);
        let room = step.room.as_ref().and_then(|room| id(&self.names().fill(room)));
        let room = room.and_then(RoomId::new).ok_or("no room");
        let message = step.message.as_ref().and_then(|message| id(&self.names().fill(message)));
        let message = message.and_then(MessageId::new).ok_or("no message");
        match step.act {
            Deed::Send => {
                for number in 1..=step.times {
                    self.names().set("number", number);
                    let text = self.names().fill_text(step.text.as_deref().unwrap_or("hello"));
                    let sent = actor
                        .send(room?, Outgoing::new(text))
                        .await
                        .map_err(|error| said(&error))?;
                    if let Some(name) = &step.save {
                        self.names().set(name, sent.message.id.get());
                    }
                }
            }
            Deed::Delete => {
                actor.delete(room?, message?).await.map_err(|error| said(&error))?;
            }
            Deed::RemoveMember => {
                let user = UserId::new(&step.who).map_err(|error| error.to_string())?;
                let at = self.world.server.chat().clock().now();
                let removed = self.world.store.remove_member(room?, &user, at).await;
                removed.map_err(|error| error.to_string())?.ok_or("was no member")?;
            }
            Deed::DeleteRoom => {
                let deleted = self.world.server.chat().delete_room(room?).await;
                if !deleted.map_err(|error| said(&error))? {
                    return Err("there was no such room".to_owned());
                }
            }
            Deed::Drain => {
                let server = self.world.server.clone();
                // Ends when the sockets have, which the next steps read to their end.
                tokio::spawn(async move { server.drain(Duration::from_secs(20)).await });
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}

/// An id as a number, or as a UUID of version 8.
fn id(value: &Value) -> Option<u64> {
    let uuid = || u64::from_str_radix(value.as_str()?.rsplit('-').next()?, 16).ok();
    value.as_u64().or_else(uuid)
}

fn said(error: &chat_core::Error) -> String {
    format!("{error} ({error:?})")
}
