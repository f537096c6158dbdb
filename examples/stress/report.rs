//! What a run found: latency, errors, and how both are printed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::check::{Checker, Totals};

/// How many different sentences of error frames are told apart; the rest is counted together.
const SENTENCES: usize = 20;

/// Times from writing a message to its receipts.
#[derive(Debug)]
pub(crate) struct Latency(Histogram<u64>);

/// Milliseconds, exact to three digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// What went wrong apart from the messages, each kind with how often.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Errors {
    pub(crate) error_frames: BTreeMap<String, u64>,
    pub(crate) unreadable_frames: u64,
    pub(crate) failed_handshakes: BTreeMap<String, u64>,
    /// By close code.
    pub(crate) early_closes: BTreeMap<u16, u64>,
}

/// A finished run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    pub(crate) url: String,
    pub(crate) run: String,
    pub(crate) connections: usize,
    pub(crate) connected: usize,
    /// How long was sent; shorter than asked for after Ctrl-C.
    pub(crate) seconds: f64,
    pub(crate) sent: u64,
    pub(crate) sent_per_second: f64,
    pub(crate) refused: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) unsent: u64,
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    pub(crate) delivered_per_second: f64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) wrong: u64,
    pub(crate) wrong_by_kind: BTreeMap<&'static str, u64>,
    pub(crate) errors: u64,
    pub(crate) errors_by_kind: Errors,
    pub(crate) latency_ms: Option<Quantiles>,
}

/// What a run was, beside what it found.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) url: String,
    pub(crate) run: String,
    pub(crate) connections: usize,
    pub(crate) connected: usize,
    /// From the first send until sending ended.
    pub(crate) sending: Duration,
    /// From the first send to the last arrival.
    pub(crate) receiving: Duration,
    pub(crate) unsent: u64,
}

impl Latency {
    pub(crate) fn new() -> Self {
        // The bounds (1 us to 1 h, three digits) are ones that the library accepts.
        Self(Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap())
    }

    /// Adds a time in microseconds; over an hour counts as an hour.
    pub(crate) fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// `None` where nothing was received.
    pub(crate) fn quantiles(&self) -> Option<Quantiles> {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: milliseconds(self.0.max()),
        })
    }
}

impl Errors {
    pub(crate) fn total(&self) -> u64 {
        self.error_frames.values().sum::<u64>()
            + self.unreadable_frames
            + self.failed_handshakes.values().sum::<u64>()
            + self.early_closes.values().sum::<u64>()
    }

    pub(crate) fn note_error_frame(&mut self, message: String) {
        note(&mut self.error_frames, message);
    }

    pub(crate) fn note_failed_handshake(&mut self, reason: String) {
        note(&mut self.failed_handshakes, reason);
    }

    pub(crate) fn note_early_close(&mut self, code: u16) {
        *self.early_closes.entry(code).or_default() += 1;
    }
}

fn note(counts: &mut BTreeMap<String, u64>, what: String) {
    let is_known = counts.contains_key(&what);
    let what = if is_known || counts.len() < SENTENCES { what } else { "(others)".to_owned() };
    *counts.entry(what).or_default() += 1;
}

impl Report {
    pub(crate) fn new(
        outline: Outline,
        checker: &Checker,
        errors: Errors,
        latency: &Latency,
    ) -> Self {
        let totals = checker.totals();
        let wrong = checker.wrong().values().sum();
        let faults = totals.lost + totals.duplicated + totals.reordered + wrong + errors.total();
        let Totals { sent, refused, unconfirmed, expected, delivered, .. } = totals;
        Self {
            ok: sent > 0 && faults == 0,
            url: outline.url,
            run: outline.run,
            connections: outline.connections,
            connected: outline.connected,
            seconds: outline.sending.as_secs_f64(),
            sent,
            sent_per_second: per_second(sent, outline.sending),
            refused,
            unconfirmed,
            unsent: outline.unsent,
            expected,
            delivered,
            delivered_per_second: per_second(delivered, outline.receiving),
            lost: totals.lost,
            duplicated: totals.duplicated,
            reordered: totals.reordered,
            wrong,
            wrong_by_kind: checker.wrong().clone(),
            errors: errors.total(),
            errors_by_kind: errors,
            latency_ms: latency.quantiles(),
        }
    }
}

/// The table for a human reader; it ends without a line break.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, connected, seconds, .. } = self;
        writeln!(f, "{}", self.url)?;
        writeln!(f, "{connected} of {connections} sockets, sent for {seconds:.1} s\n")?;
        let per_second = |rate: f64| format!("{rate:.1} per second");
        row(f, "sent", self.sent, &per_second(self.sent_per_second))?;
        let only_if_any = [
            ("refused", self.refused, "answered by an error frame"),
            ("unconfirmed", self.unconfirmed, "neither refused nor seen by any socket"),
            ("unsent", self.unsent, "the server did not take them in time"),
        ];
        for (name, count, note) in only_if_any.into_iter().filter(|(_, count, _)| *count > 0) {
            row(f, name, count, note)?;
        }
        let note = format!("of {}, {}", self.expected, per_second(self.delivered_per_second));
        row(f, "delivered", self.delivered, &note)?;
        row(f, "lost", self.lost, "")?;
        row(f, "duplicated", self.duplicated, "")?;
        row(f, "reordered", self.reordered, "")?;
        row(f, "wrong", self.wrong, "")?;
        for (what, count) in &self.wrong_by_kind {
            row(f, "", *count, what)?;
        }
        row(f, "errors", self.errors, "")?;
        self.errors_by_kind.fmt(f)?;
        if let Some(Quantiles { p50, p90, p99, max }) = self.latency_ms {
            writeln!(f, "\nlatency, ms      p50       p90       p99       max")?;
            writeln!(f, "          {p50:>10.2}{p90:>10.2}{p99:>10.2}{max:>10.2}")?;
        }
        f.write_str(match self {
            Self { ok: true, .. } => "\neverything arrived once and in order",
            Self { sent: 0, .. } => "\nnothing was sent, so nothing was checked",
            _ => "\nFAILED",
        })
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (message, count) in &self.error_frames {
            row(f, "", *count, &format!("error frame: {message}"))?;
        }
        if self.unreadable_frames > 0 {
            row(f, "", self.unreadable_frames, "unreadable frame")?;
        }
        for (reason, count) in &self.failed_handshakes {
            row(f, "", *count, &format!("failed handshake: {reason}"))?;
        }
        for (code, count) in &self.early_closes {
            row(f, "", *count, &format!("early close: {code}"))?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, count: u64, note: &str) -> fmt::Result {
    writeln!(f, "{}", format!("{name:<11} {count:>12}   {note}").trim_end())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

#[expect(clippy::cast_precision_loss, reason = "at most an hour")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Arrival, Echo};

    fn outline() -> Outline {
        Outline {
            url: "ws://localhost/".to_owned(),
            run: "run".to_owned(),
            connections: 1,
            connected: 1,
            sending: Duration::from_secs(2),
            receiving: Duration::from_secs(4),
            unsent: 0,
        }
    }

    fn one_message(is_received: bool) -> Checker {
        let mut checker = Checker::new();
        let socket = checker.handle_connected();
        let index = checker.handle_sent();
        if is_received {
            let echo = Echo::Of(index);
            checker.handle_arrival(&Arrival { socket, sender: socket, index, id: 1, echo });
        }
        checker
    }

    fn report(checker: &Checker, errors: Errors) -> Report {
        Report::new(outline(), checker, errors, &Latency::new())
    }

    #[test]
    fn quantiles_are_those_of_the_recorded_times() {
        let mut latency = Latency::new();
        assert_eq!(latency.quantiles(), None);
        for micros in (1..=1000).rev() {
            latency.record(micros * 1000);
        }
        let Quantiles { p50, p90, p99, max } = latency.quantiles().unwrap();
        for (found, expected) in [(p50, 500.0), (p90, 900.0), (p99, 990.0), (max, 1000.0)] {
            assert!((found - expected).abs() <= expected / 1000.0, "{found} is not {expected}");
        }
    }

    #[test]
    fn one_slow_receipt_moves_the_maximum_and_no_quantile() {
        let mut latency = Latency::new();
        for _ in 0..999 {
            latency.record(1000);
        }
        latency.record(5_000_000);
        let quantiles = latency.quantiles().unwrap();
        assert!(quantiles.p99 < 1.01 && quantiles.max >= 5000.0, "{quantiles:?}");
    }

    #[test]
    fn only_a_run_without_any_fault_is_ok() {
        assert!(report(&one_message(true), Errors::default()).ok);
        assert!(!report(&one_message(false), Errors::default()).ok);
        assert!(!report(&Checker::new(), Errors::default()).ok);

        let mut checker = one_message(true);
        checker.note_wrong("altered text");
        assert!(!report(&checker, Errors::default()).ok);

        let faults: [fn(&mut Errors); 4] = [
            |errors| errors.note_error_frame("no".to_owned()),
            |errors| errors.note_failed_handshake("no".to_owned()),
            |errors| errors.note_early_close(1012),
            |errors| errors.unreadable_frames += 1,
        ];
        for fault in faults {
            let mut errors = Errors::default();
            fault(&mut errors);
            assert!(!report(&one_message(true), errors).ok);
        }
    }

    #[test]
    fn rates_are_over_the_time_of_sending_and_of_receiving() {
        let report = report(&one_message(true), Errors::default());
        assert_eq!(report.sent_per_second.to_string(), "0.5");
        assert_eq!(report.delivered_per_second.to_string(), "0.25");
    }

    #[test]
    fn sentences_without_end_do_not_grow_the_report() {
        let mut errors = Errors::default();
        for number in 0..1000 {
            errors.note_error_frame(format!("error {number}"));
        }
        assert_eq!(errors.error_frames.len(), SENTENCES + 1);
        assert_eq!(errors.total(), 1000);
    }
}
