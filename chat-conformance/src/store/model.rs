//! Random histories: of rooms and messages, and of sessions, each compared with a model that
//! counts everything anew whenever it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::store::Store;
use proptest::prelude::*;

mod cases;
mod catch_up;
mod compare;
mod gone;
mod operation;
mod play;
mod reference;
mod search;
mod session_play;
mod writes;

/// Whatever happens, the store answers every call as the model does, and shows the same rooms.
pub async fn random_histories_agree_with_the_model(store: Arc<dyn Store>) {
    let number = AtomicU64::new(0);
    cases::check(operation::histories(80), async |operations| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let mut player = play::Player::new(store.clone(), number).await;
        for (index, operation) in operations.iter().enumerate() {
            Box::pin(player.perform(operation)).await?;
            if index % 8 == 7 {
                player.compare_all().await?;
            }
        }
        player.compare_all().await
    })
    .await;
}

/// "An old snapshot of the room plus these rows is a new snapshot", from any moment of any history
/// on, and however few rows are asked for at once.
pub async fn an_old_snapshot_plus_the_changes_is_a_new_one(store: Arc<dyn Store>) {
    let number = AtomicU64::new(0);
    let moments = prop::collection::vec(0usize..60, 1..4);
    cases::check((operation::histories(60), moments), async |(operations, moments)| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let mut player = play::Player::new(store.clone(), number).await;
        let mut old = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            if moments.contains(&index) {
                old.extend(catch_up::snapshots(&player).await);
            }
            Box::pin(player.perform(operation)).await?;
        }
        for new in catch_up::snapshots(&player).await {
            for old in old.iter().filter(|old| old.room.id == new.room.id) {
                for limit in [1, 2, 3, 7, 1_000] {
                    catch_up::check(&store, old, &new, limit).await?;
                }
            }
        }
        Ok(())
    })
    .await;
}

/// Whatever sessions open, close, are renewed or expire, attendance and presence are as counted.
pub async fn random_sessions_agree_with_the_model(store: Arc<dyn Store>) {
    let number = AtomicU64::new(0);
    cases::check(session_play::histories(60), async |operations| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let mut player = session_play::Player::new(store.clone(), number).await;
        for operation in &operations {
            player.perform(operation).await?;
            player.compare_all().await?;
        }
        Ok(())
    })
    .await;
}
