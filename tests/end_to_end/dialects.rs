//! People on different dialects talk to each other, on every store, over both adapters, on one
//! node and on two.

use crate::support::{Adapter, Cluster, Kept, Link, Person, Setup};

const DIALECTS: [&str; 5] = ["campus", "direct", "messenger", "team", "rooms"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_dialects_converses_in_memory() {
    converse_everywhere(Kept::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_dialects_converses_on_postgres() {
    converse_everywhere(Kept::Postgres).await;
}

async fn converse_everywhere(kept: Kept) {
    for adapter in Adapter::ALL {
        for nodes in [1, 2] {
            let setup = Setup { kept, nodes, adapter, ..Setup::default() };
            converse_in_all_pairs(&Cluster::start(setup).await, true).await;
        }
    }
}

/// The bus is cut: messages and receipts come with the sweep. What passes stays on its node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_dialects_converses_without_a_bus() {
    for kept in Kept::ALL {
        let setup = Setup { kept, nodes: 2, link: Link::Cut, ..Setup::default() };
        converse_in_all_pairs(&Cluster::start(setup).await, false).await;
    }
}

async fn converse_in_all_pairs(cluster: &Cluster, signals: bool) {
    let pairs = DIALECTS.iter().flat_map(|one| DIALECTS.map(|other| (*one, other)));
    let conversations = pairs.enumerate().map(|(number, (one, other))| async move {
        let first = 1 + 2 * u64::try_from(number).expect("a small number");
        converse(cluster, signals, (one, first), (other, first + 1)).await;
    });
    futures::future::join_all(conversations).await;
}

/// Two people talk: what one says, types and reads, the other sees.
async fn converse(
    cluster: &Cluster,
    signals: bool,
    (one, one_user): (&'static str, u64),
    (other, other_user): (&'static str, u64),
) {
    let room = cluster.direct_room(one_user, other_user).await;
    let last = cluster.nodes.last().expect("a node").address;
    let mut john = Person::come(one, cluster.address(), one_user, room).await;
    let mut jane = Person::come(other, last, other_user, room).await;
    if signals && other != "rooms" {
        john.see_presence(other_user, true).await;
    }

    let typed = signals && john.start_typing().await;
    if typed {
        jane.see_typing(one_user).await;
    }
    let text = format!("{one} says hello to {other} \u{1f600}");
    let first = john.say(&text).await;
    let heard = if typed {
        jane.hear_and_see_typing_end(&text, one_user).await
    } else {
        jane.hear(&text).await
    };
    assert_eq!(heard, first, "{one} to {other}: one message, one id");
    if jane.mark_read(first).await {
        john.see_read(first, other_user).await;
    }

    let answer = format!("{other} answers {one}");
    let second = jane.say(&answer).await;
    assert_eq!(john.hear(&answer).await, second, "{other} to {one}: one message, one id");
    assert!(first < second);
    for person in [&mut john, &mut jane] {
        if let Some(history) = person.history().await {
            assert_eq!(history, [first, second], "{one} and {other} see one history");
        }
    }

    jane.go();
    if signals && other != "rooms" {
        john.see_presence(other_user, false).await;
    }
}
