//! Durations as short and as long as a host can write them.

mod served;

use std::time::Duration;

use chat_core::dialect::MESSENGER;
use chat_core::host::StaticDirectory;
use chat_core::model::User;
use chat_core::{Chat, Config};
use chat_runtime::{Drained, Server};
use chat_store_memory::MemoryStore;
use serde_json::json;
use served::{Socket, Trusting};
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

type Field = fn(&mut Config) -> &mut Duration;

const FIELDS: [(&str, Field); 7] = [
    ("ping_interval", |config| &mut config.ping_interval),
    ("ping_timeout", |config| &mut config.ping_timeout),
    ("lifetime", |config| &mut config.lifetime),
    ("typing_limit", |config| &mut config.typing_limit),
    ("bad_frame_window", |config| &mut config.bad_frame_window),
    ("stall_timeout", |config| &mut config.stall_timeout),
    ("session_lease", |config| &mut config.session_lease),
];

#[tokio::test(start_paused = true)]
async fn a_server_works_with_each_duration_at_its_extremes() {
    for (name, field) in FIELDS {
        for extreme in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let mut config = Config::default();
            *field(&mut config) = extreme;
            let what = format!("{name} {extreme:?}");
            timeout(PATIENCE, works_with(config, &what)).await.expect(&what);
        }
    }
}

async fn works_with(config: Config, what: &str) {
    let lives = config.lifetime > Duration::from_secs(1);
    let users = [1, 2].map(|id: u64| User::new(id.into(), "somebody"));
    let users = StaticDirectory::from_iter(users);
    let chat = Chat::builder(MemoryStore::new(), users, Trusting).with_config(config).build();
    let room = chat.acting_as(1).direct_room(2).await.expect("a room").id;
    let server = Server::start(chat);
    let mut jane = Socket::open(&server, MESSENGER, room, 2).await;
    let john = server.chat().acting_as(1);
    john.start_typing(room, Instant::now().into_std()).await.expect("it is noted");
    jane.send(&json!("no object")).await;
    jane.send(&json!({ "type": "message", "content": "hello" })).await;
    let answered = async {
        loop {
            match jane.next().await {
                Ok(frame) if frame["type"] == "message" => return Ok(()),
                Ok(_) => {}
                Err(code) => return Err(code),
            }
        }
    };
    let answered = answered.await;
    assert!(answered.is_ok() || !lives && answered == Err(4410), "{what}: {answered:?}");
    sleep(Duration::from_secs(2)).await;
    let drained = tokio::join!(server.drain(Duration::from_secs(10)), async {
        while answered.is_ok() && jane.next().await.is_ok() {}
        drop(jane);
    });
    assert_eq!(drained.0, Drained::Whole, "{what}");
}
