//! What runs for as long as the bus: telling and hearing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::PublishError;
use chat_core::host::{Hint, Packet};
use futures::StreamExt;
use tokio::time::{sleep, timeout};

use crate::Shared;

/// How long a bus says nothing before it says that it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long a bus hears nothing of itself before it connects again.
const SILENCE: Duration = Duration::from_secs(9);

/// How long to wait after the client took nothing.
const PAUSE: Duration = Duration::from_millis(500);

/// The largest packet, in bytes; a server takes a million unless told otherwise.
const PACKET: usize = 60_000;

/// Tells all that waits, again and again; where nothing does for a while, that somebody is there.
pub(crate) async fn publish(shared: Arc<Shared>) {
    loop {
        let _ = timeout(HEARTBEAT, shared.wake.notified()).await;
        let mut packets = shared.waiting(PACKET);
        if packets.is_empty() {
            packets.push(Packet::heartbeat(shared.me));
        }
        if let Err(error) = publish_all(&shared, &packets).await {
            tracing::warn!(%error, "the other nodes could not be told; trying again");
            sleep(PAUSE).await;
            shared.tell_again(&packets);
        }
    }
}

/// Ends when the packets are written, so that what comes meanwhile gathers.
async fn publish_all(shared: &Shared, packets: &[String]) -> Result<(), PublishError> {
    for packet in packets {
        shared.client.publish(shared.subject.clone(), packet.clone().into()).await?;
    }
    // Where the connection is away, what was published is written when it is back.
    let _ = timeout(HEARTBEAT, shared.client.flush()).await;
    Ok(())
}

/// Hears what the other nodes tell.
pub(crate) async fn listen(shared: Arc<Shared>) {
    loop {
        match shared.client.subscribe(shared.subject.clone()).await {
            Ok(packets) => hear(&shared, packets).await,
            Err(error) => tracing::warn!(%error, "the other nodes cannot be heard; trying again"),
        }
        shared.available.store(false, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

/// Ends with the subscription.
async fn hear(shared: &Shared, mut packets: async_nats::Subscriber) {
    // To be heard as soon as the subscription is.
    shared.wake.notify_one();
    let statistics = shared.client.statistics();
    let mut connected = None;
    loop {
        match timeout(SILENCE, own_packet(shared, &mut packets)).await {
            Ok(Some(())) => {
                shared.available.store(true, Ordering::Relaxed);
                let connections = statistics.connects.load(Ordering::Relaxed);
                if connected != Some(connections) {
                    connected = Some(connections);
                    // Whatever was told between two connections was not heard.
                    shared.hear(Hint::Missed);
                }
            }
            Ok(None) => return,
            Err(_) => {
                shared.available.store(false, Ordering::Relaxed);
                connected = None;
                tracing::warn!("the bus does not hear itself; connecting again");
                if let Err(error) = shared.client.force_reconnect().await {
                    tracing::warn!(%error, "the client cannot connect again");
                }
            }
        }
    }
}

/// Passes on what others tell until a packet of this node comes, or the subscription ends.
async fn own_packet(shared: &Shared, packets: &mut async_nats::Subscriber) -> Option<()> {
    loop {
        let message = packets.next().await?;
        let Ok(text) = str::from_utf8(&message.payload) else { continue };
        let Some(packet) = Packet::parse(text) else { continue };
        if packet.from == shared.me {
            return Some(());
        }
        packet.hints.into_iter().for_each(|hint| shared.hear(hint));
    }
}
