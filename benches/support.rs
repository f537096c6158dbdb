//! What the benches share.
#![allow(dead_code, reason = "no bench uses all of it")]

pub(crate) mod client;
pub(crate) mod remote;
pub(crate) mod server;
pub(crate) mod usage;

use std::time::{Duration, Instant};

use futures::FutureExt;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Whether the bench was asked to be quick: the same figures from fewer rounds.
pub(crate) fn is_quick() -> bool {
    std::env::args().any(|arg| arg == "--quick")
}

/// The middle one; the mean of the two in the middle of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A number with its thousands set apart.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count as the number to calculate with.
#[allow(clippy::cast_precision_loss, reason = "no count here is near 2^53")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// What a future comes to that never waits, as those of the memory store.
///
/// # Errors
/// Where it waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    Ok(future.now_or_never().ok_or("the memory store was said never to wait")?)
}

/// Nanoseconds per call: the median of several rounds of this many calls.
pub(crate) fn nanos_per_call(rounds: usize, calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let round = |_| {
        let start = Instant::now();
        (0..calls).for_each(&mut call);
        nanos(start.elapsed()) / float(calls)
    };
    median(&(0..rounds).map(round).collect::<Vec<_>>())
}

pub(crate) fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
