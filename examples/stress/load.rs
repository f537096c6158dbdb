//! The driver: opens the sockets, paces the sending, waits for stragglers, closes.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::args::Args;
use crate::client::Client;
use crate::report::{Outline, Report};
use crate::run::{Phase, Run, Slot};

/// How many handshakes run at once.
const HANDSHAKES: usize = 64;
/// How long one of them may take, `connection_established` included.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How often the driver looks at the progress, and in an unpaced run at idle sockets.
const TICK: Duration = Duration::from_millis(100);
/// After how much silence what has not arrived counts as lost.
const SILENCE: Duration = Duration::from_secs(10);
/// How long to go on listening once everything has arrived: a duplicate comes after it.
const AFTERWARDS: Duration = Duration::from_millis(300);
/// How long the closing handshakes may take together.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// Runs a load test on the `LocalSet` around it.
///
/// # Errors
/// No socket could be opened, or Ctrl-C came before all were: a sentence for the user.
pub(crate) async fn run(args: &Args) -> Result<Report, String> {
    let addresses = resolve(args).await?;
    let run = Rc::new(Run::new(args.rate.is_none()));
    tokio::task::spawn_local(count_interrupts(run.clone()));

    let bar = progress_bar(args);
    let mut clients = JoinSet::new();
    tokio::select! {
        () = connect(args, &addresses, &run, &bar, &mut clients) => {}
        () = interrupted(&run) => return Err("interrupted before all sockets were open".into()),
    }
    if clients.is_empty() {
        bar.finish_and_clear();
        return Err(format!("no socket could be opened\n{}", run.errors.borrow()));
    }

    let begin = run.now();
    let unsent = send(args, &run, &bar).await;
    let sending = Duration::from_micros(run.now() - begin);
    settle(&run, &bar).await;
    let receiving = Duration::from_micros(run.last_arrival.get().saturating_sub(begin));
    close(&run, clients).await;
    bar.finish_and_clear();

    let outline = Outline {
        url: args.target.to_string(),
        run: run.id.to_string(),
        connections: args.connections,
        connected: run.slots().len(),
        sending,
        receiving,
        unsent,
    };
    let (checker, latency) = (run.checker.borrow(), run.latency.borrow());
    Ok(Report::new(outline, &checker, run.errors.take(), &latency))
}

async fn resolve(args: &Args) -> Result<Vec<SocketAddr>, String> {
    let (host, port) = (args.target.host(), args.target.port());
    let found = tokio::net::lookup_host((host, port)).await;
    Ok(found.map_err(|error| format!("{host}: {error}"))?.collect())
}

async fn connect(
    args: &Args,
    addresses: &[SocketAddr],
    run: &Rc<Run>,
    bar: &ProgressBar,
    clients: &mut JoinSet<()>,
) {
    bar.set_length(args.connections as u64);
    bar.set_message("sockets open");
    let handshakes = (0..args.connections).map(|number| async move {
        let token = args.tokens.get(number % args.tokens.len().max(1));
        let url = args.target.with_token(token);
        let client = Client::connect(run.clone(), addresses, &url);
        timeout(HANDSHAKE_TIME, client).await.unwrap_or_else(|_| Err("timed out".to_owned()))
    });
    let mut handshakes = stream::iter(handshakes).buffer_unordered(HANDSHAKES);
    while let Some(client) = handshakes.next().await {
        match client {
            Ok(client) => _ = clients.spawn_local(client.serve()),
            Err(reason) => run.errors.borrow_mut().note_failed_handshake(reason),
        }
        bar.inc(1);
    }
}

/// Hands out messages over the sockets in turn until the time is over; returns how many of them
/// were never written.
async fn send(args: &Args, run: &Run, bar: &ProgressBar) -> u64 {
    let slots = run.slots();
    let begin = Instant::now();
    let end = begin + args.time;
    let mut handed = 0;
    let mut turns = slots.iter().cycle();
    run.phase.set(Phase::Sending);
    bar.set_length(millis(args.time));
    loop {
        let now = Instant::now();
        let is_any_open = slots.iter().any(|slot| slot.is_open.get());
        if now >= end || run.interrupts.get() > 0 || !is_any_open {
            break;
        }
        let next = if let Some(rate) = args.rate {
            while handed < due_after(now - begin, args.time, rate) {
                // At least one is open, so the search ends; none closes while this runs.
                if let Some(slot) = turns.find(|slot| slot.is_open.get()) {
                    slot.hand_out();
                }
                handed += 1;
            }
            begin + time_of(handed, rate)
        } else {
            let is_idle = |slot: &&Rc<Slot>| !slot.in_flight.get() && slot.due.get() == 0;
            slots.iter().filter(is_idle).for_each(|slot| slot.hand_out());
            end
        };
        bar.set_position(millis(now - begin));
        show(run, bar);
        sleep_until(next.min(now + TICK).min(end)).await;
    }
    run.phase.set(Phase::Settling);
    let unsent = slots.iter().map(|slot| u64::from(slot.due.take())).sum();
    // An unpaced socket holds no message back: what it has not begun was not due.
    if run.is_unpaced { 0 } else { unsent }
}

/// How many messages are due after this time, the first at once, and none past the end.
#[expect(clippy::cast_possible_truncation, reason = "a rate of 100,000 over 24 h fits")]
#[expect(clippy::cast_sign_loss, reason = "times and rates are positive")]
fn due_after(elapsed: Duration, time: Duration, rate: f64) -> u64 {
    let all = (time.as_secs_f64() * rate).ceil();
    ((elapsed.as_secs_f64() * rate).floor() + 1.0).min(all) as u64
}

/// When the message of this index is due.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 messages")]
fn time_of(index: u64, rate: f64) -> Duration {
    // A rate close to 0 puts the next message past every end.
    Duration::try_from_secs_f64(index as f64 / rate).unwrap_or(Duration::MAX)
}

/// Waits until everything has arrived, or nothing does any more.
async fn settle(run: &Run, bar: &ProgressBar) {
    let mut listened = Duration::ZERO;
    let begin = run.now();
    while listened < AFTERWARDS && run.interrupts.get() < 2 {
        let quiet_since = run.last_arrival.get().max(begin);
        if Duration::from_micros(run.now().saturating_sub(quiet_since)) >= SILENCE {
            break;
        }
        sleep(TICK).await;
        show(run, bar);
        listened = if run.is_complete() { listened + TICK } else { Duration::ZERO };
    }
}

async fn close(run: &Run, mut clients: JoinSet<()>) {
    run.phase.set(Phase::Closing);
    for slot in run.slots() {
        slot.waker.wake();
    }
    // A server that does not close in time is left; the run has been judged by now.
    _ = timeout(CLOSING_TIME, async { while clients.join_next().await.is_some() {} }).await;
}

async fn count_interrupts(run: Rc<Run>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        run.interrupts.set(run.interrupts.get() + 1);
    }
}

async fn interrupted(run: &Run) {
    while run.interrupts.get() == 0 {
        sleep(TICK).await;
    }
}

fn progress_bar(args: &Args) -> ProgressBar {
    if args.quiet {
        return ProgressBar::hidden();
    }
    // indicatif draws nothing where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {percent:>3} % {msg}");
    // The template is a constant that indicatif accepts.
    bar.set_style(style.unwrap().progress_chars("=> "));
    bar
}

fn show(run: &Run, bar: &ProgressBar) {
    if bar.is_hidden() {
        return;
    }
    let totals = run.checker.borrow().totals();
    let under_way = if run.phase.get() == Phase::Sending { "missing" } else { "waiting for" };
    bar.set_message(format!(
        "sent {}, delivered {}, {under_way} {}",
        totals.sent, totals.delivered, totals.lost
    ));
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(30);

    #[test]
    fn a_run_sends_as_many_messages_as_rate_and_time_say() {
        for (rate, all) in [(10.0, 300), (0.5, 15), (0.01, 1), (100_000.0, 3_000_000)] {
            assert_eq!(due_after(Duration::ZERO, TIME, rate), 1, "{rate}");
            assert_eq!(due_after(TIME, TIME, rate), all, "{rate}");
        }
    }

    #[test]
    fn a_message_is_due_at_its_time_and_not_before() {
        let due = |millis| due_after(Duration::from_millis(millis), TIME, 10.0);
        assert_eq!([due(99), due(100), due(199), due(250)], [1, 2, 2, 3]);
        assert_eq!(time_of(2, 10.0), Duration::from_millis(200));
        assert_eq!(time_of(1, f64::MIN_POSITIVE), Duration::MAX);
    }
}
