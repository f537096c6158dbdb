//! Random cases, and the search for the smallest one that fails.
//!
//! Proptest's own runner calls plain functions; a store may need the runtime that it was made in,
//! so the loop stands here and awaits every case.

use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many cases are tried where the environment does not say.
const CASES: u64 = 256;

/// How many smaller cases are tried after one that failed.
const SHRINKS: usize = 2_000;

/// Tries random cases, and panics with the smallest one found that fails.
pub(super) async fn check<S: Strategy>(
    strategy: S,
    case: impl AsyncFn(S::Value) -> Result<(), String>,
) where
    S::Value: Debug,
{
    let seed = number("CHAT_CONFORMANCE_SEED")
        .unwrap_or_else(|| RandomState::new().hash_one("seed") % 1_000_000_000);
    for seed in seed..seed + number("CHAT_CONFORMANCE_CASES").unwrap_or(CASES) {
        let mut tree = strategy.new_tree(&mut runner(seed)).expect("no strategy rejects values");
        let Err(mut failure) = attempt(&case, tree.current()).await else { continue };
        let mut smallest = tree.current();
        let mut more = tree.simplify();
        for _ in 0..SHRINKS {
            if !more {
                break;
            }
            let smaller = tree.current();
            more = match attempt(&case, tree.current()).await {
                Ok(()) => tree.complicate(),
                Err(smaller_failure) => {
                    (failure, smallest) = (smaller_failure, smaller);
                    tree.simplify()
                }
            };
        }
        panic!("{failure}\n\nthe smallest case found, CHAT_CONFORMANCE_SEED={seed}: {smallest:#?}");
    }
}

/// One case; a panic is a failure too.
async fn attempt<V>(case: &impl AsyncFn(V) -> Result<(), String>, value: V) -> Result<(), String> {
    // In a box: unoptimised, the future of a whole history is too large for a test's stack.
    match AssertUnwindSafe(Box::pin(case(value))).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("a panic: {}", text.unwrap_or("without a text")))
        }
    }
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
