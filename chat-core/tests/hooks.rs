//! When the host's hooks are asked.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chat_core::host::{Draft, Hooks, JwtAuthenticator, Refusal, StaticDirectory};
use chat_core::model::User;
use chat_core::rules::Denial;
use chat_core::service::Error;
use chat_core::{Chat, Outgoing};
use common::{Flaky, SECRET, now};

/// Counts the drafts that it is shown.
#[derive(Clone, Default)]
struct Drafts(Arc<AtomicUsize>);

#[async_trait]
impl Hooks for Drafts {
    async fn before_send(&self, _: Draft<'_>) -> Result<(), Refusal> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn the_host_is_not_shown_the_drafts_of_strangers() {
    let users = [1, 2, 3].map(|id: u64| User::new(id.into(), id.to_string()));
    let drafts = Drafts::default();
    let authenticator = JwtAuthenticator::hs256(SECRET);
    let chat = Chat::builder(Flaky::default(), StaticDirectory::from_iter(users), authenticator)
        .with_hooks(drafts.clone())
        .build();
    let room = now(chat.acting_as("1").direct_room("2")).unwrap().id;
    let refused = now(chat.acting_as("3").send(room, "hello"));
    assert!(matches!(refused, Err(Error::Denied(Denial::NotMember))), "{refused:?}");
    assert_eq!(drafts.0.load(Ordering::Relaxed), 0);
    now(chat.acting_as("1").send(room, "hello")).unwrap();
    assert_eq!(drafts.0.load(Ordering::Relaxed), 1);
}

#[test]
fn the_host_is_asked_once_about_a_message_however_often_its_send_is_repeated() {
    let users = [1, 2].map(|id: u64| User::new(id.into(), id.to_string()));
    let drafts = Drafts::default();
    let authenticator = JwtAuthenticator::hs256(SECRET);
    let chat = Chat::builder(Flaky::default(), StaticDirectory::from_iter(users), authenticator)
        .with_hooks(drafts.clone())
        .build();
    let john = chat.acting_as("1");
    let room = now(john.direct_room("2")).unwrap().id;
    let send = || now(john.send(room, Outgoing::new("hello").with_key("k"))).unwrap();
    let first = send();
    for _ in 0..3 {
        let again = send();
        assert!(again.repeated);
        assert_eq!(again.message.id, first.message.id);
    }
    assert_eq!(drafts.0.load(Ordering::Relaxed), 1);
    let other = now(john.send(room, Outgoing::new("other").with_key("k")));
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
}
