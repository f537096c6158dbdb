//! Many senders, many receivers.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Cluster, Kept, Setup, Socket};

const SENDERS: u64 = 200;
const EACH: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_200_senders_everybody_sees_every_message_once_and_in_one_order() {
    for kept in Kept::ALL {
        every_message_once_and_in_one_order(kept, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_200_senders_on_two_nodes_too() {
    for kept in Kept::ALL {
        every_message_once_and_in_one_order(kept, 2).await;
    }
}

async fn every_message_once_and_in_one_order(kept: Kept, nodes: usize) {
    let cluster = Cluster::start(Setup { kept, nodes, ..Setup::default() }).await;
    let room = cluster.group(SENDERS).await;
    let path = format!("/campus/ws/chat/{room}/");
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let open = (1..=SENDERS).zip(addresses.iter().cycle());
    let sockets =
        join_all(open.map(|(user, address)| Socket::settled(*address, &path, user))).await;
    let received = join_all(sockets.into_iter().zip(1..=SENDERS).map(|(mut socket, user)| {
        tokio::spawn(async move {
            for number in 0..EACH {
                let content = format!("{number} of {user}");
                let temp_id = format!("{user}-{number}");
                let frame = json!({ "type": "message", "content": content, "temp_id": temp_id });
                socket.send(&frame).await;
            }
            let total = usize::try_from(SENDERS).expect("a small number") * EACH;
            let mut frames = Vec::with_capacity(total);
            while frames.len() < total {
                frames.push(socket.expect("message").await);
            }
            (user, frames)
        })
    }))
    .await;

    let mut order: Option<Vec<u64>> = None;
    for (user, frames) in received.into_iter().map(|task| task.expect("a client ends")) {
        let ids: Vec<u64> = frames.iter().map(|frame| frame["id"].as_u64().expect("id")).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{kept:?}: user {user} saw {ids:?}");
        assert_eq!(*order.get_or_insert_with(|| ids.clone()), ids, "user {user}");
        let own: Vec<&Value> = frames.iter().filter_map(|frame| frame.get("temp_id")).collect();
        let expected: Vec<_> = (0..EACH).map(|number| json!(format!("{user}-{number}"))).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>(), "user {user}");
    }
}

#[tokio::test]
async fn a_cut_connection_ends_typing_and_presence_and_coming_back_begins_them_anew() {
    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::greeted(cluster.address(), &path, 1).await;
    for _ in 0..3 {
        let mut tabs = Vec::new();
        for _ in 0..3 {
            tabs.push(Socket::greeted(cluster.address(), &path, 2).await);
        }
        assert_eq!(john.expect("user_status_change").await["is_online"], true);
        tabs[0].send(&json!({ "type": "typing_on" })).await;
        assert_eq!(john.next().await.expect("typing")["is_typing"], true);
        // The connections break without a close frame.
        drop(tabs);
        let mut last = [john.next().await, john.next().await].map(|frame| frame.expect("a frame"));
        last.sort_by_key(|frame| frame["type"].to_string());
        assert_eq!(last[0]["is_typing"], false);
        assert_eq!(last[1]["is_online"], false);
    }
}
