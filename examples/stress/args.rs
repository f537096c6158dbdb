//! The command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lexopt::prelude::*;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_tungstenite::tungstenite::http::Uri;

pub(crate) const HELP: &str = "\
Load test of one chat room, as a client of api/messenger.md.

Opens sockets, sends messages, and checks that every message arrives on every
socket once and in one order. Messages of other people in the room are ignored.

usage: cargo run --release --example stress -- URL [TOKEN[,TOKEN...]] [options]

  URL    ws://HOST[:PORT]/ws/chat/ROOM/ (no TLS: wss:// is not spoken)
  TOKEN  a JWT, sent as ?token=; several, separated by commas, take turns over
         the sockets, so that several users take part; none sends no credentials

options:
  --connections N   sockets to open, 1 to 20000 (default 50)
  --rate R          messages per second over all sockets together, up to 100000,
                    fractions allowed (default 10); 0 sends as fast as answers
                    come back, one message under way per socket
  --seconds S       how long to send, 1 to 86400 seconds (default 30)
  --json            print one JSON object instead of the table
  --quiet           no progress bar (there is none either where standard error
                    is no terminal)
  --help            print this

Sending starts once every socket has its connection_established (10 seconds at
most for each, 64 handshakes at a time); sockets that fail are reported and left
out. After sending, messages under way are waited for until all have arrived or
nothing has arrived for 10 seconds. Ctrl-C ends the sending, a second one the
waiting; the report is printed all the same.

What is reported:
  sent         messages written to a socket
  refused      of these, answered by an error frame; nobody may receive them
  unconfirmed  of these, neither refused nor seen by any socket
  unsent       due by the rate, but the server did not take them in time
  delivered    copies received, of (sent - refused) x sockets
  lost         copies not received; a closed socket loses all that it misses
  duplicated   copies received again on one socket
  reordered    copies whose id is below one that the same socket already has
  wrong        copies with a missing, another's or misplaced temp_id, with
               another id than on other sockets, with altered text, or of
               messages never sent or refused
  errors       error frames, unreadable frames, failed handshakes, early closes
               (1006: without a close frame)
  latency      milliseconds from writing a message to each of its receipts

The client runs on one thread. Where it is busier than the server, latency
contains its own queue: use a release build and compare at equal load.

exit status: 0 everything arrived once, in order and right, without an error;
1 it did not, or nothing was sent; 2 wrong usage, or no socket could be opened.
";

/// What is left as it is in a query value: RFC 3986, unreserved.
const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Args),
    Help,
}

/// A load test to run.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) target: Target,
    pub(crate) tokens: Vec<Token>,
    pub(crate) connections: usize,
    /// Messages per second; `None` where each waits for the answer to the one before.
    pub(crate) rate: Option<f64>,
    pub(crate) time: Duration,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

/// Where the sockets go.
#[derive(Debug)]
pub(crate) struct Target {
    uri: Uri,
}

/// Credentials of one user.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    /// A sentence for the user.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
        let (mut target, mut tokens) = (None, None);
        let (mut connections, mut rate, mut seconds) = (50, 10.0, 30);
        let (mut json, mut quiet) = (false, false);
        while let Some(arg) = parser.next()? {
            match arg {
                Long("connections") => connections = parser.value()?.parse()?,
                Long("rate") => rate = parser.value()?.parse()?,
                Long("seconds") => seconds = parser.value()?.parse()?,
                Long("json") => json = true,
                Long("quiet") => quiet = true,
                Short('h') | Long("help") => return Ok(Command::Help),
                Value(value) if target.is_none() => target = Some(value.parse()?),
                Value(value) if tokens.is_none() => tokens = Some(value.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        let target = target.ok_or("the URL is missing")?;
        if !(1..=20_000).contains(&connections) {
            return Err("--connections is a number from 1 to 20000".into());
        }
        if !(0.0..=100_000.0).contains(&rate) {
            return Err("--rate is a number from 0 to 100000".into());
        }
        if !(1..=86_400).contains(&seconds) {
            return Err("--seconds is a number from 1 to 86400".into());
        }
        Ok(Command::Run(Self {
            target,
            tokens: Token::split(&tokens.unwrap_or_default()),
            connections,
            rate: (rate > 0.0).then_some(rate),
            time: Duration::from_secs(seconds),
            json,
            quiet,
        }))
    }
}

impl Target {
    /// The host to connect to, an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(80)
    }

    /// The URL of a handshake with these credentials.
    pub(crate) fn with_token(&self, token: Option<&Token>) -> String {
        let Some(Token(token)) = token else { return self.uri.to_string() };
        let mark = if self.uri.query().is_some() { '&' } else { '?' };
        format!("{}{mark}token={}", self.uri, utf8_percent_encode(token, QUERY_VALUE))
    }
}

/// Without the query, which may hold credentials.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.uri.to_string();
        f.write_str(url.split_once('?').map_or(&*url, |(before, _)| before))
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| "the URL is not well formed")?;
        match uri.scheme_str() {
            Some("ws") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(Self { uri }),
            Some("wss") => Err("wss:// is not spoken here: test behind the TLS proxy, over ws://"),
            _ => Err("the URL begins with ws:// and a host"),
        }
    }
}

impl Token {
    fn split(list: &str) -> Vec<Self> {
        let tokens = list.split(',').map(str::trim);
        tokens.filter(|token| !token.is_empty()).map(|token| Self(token.to_owned())).collect()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "ws://localhost:8080/ws/chat/1/";

    fn parse(args: &[&str]) -> Result<Command, lexopt::Error> {
        Args::parse(lexopt::Parser::from_args(args))
    }

    fn run(args: &[&str]) -> Args {
        let Ok(Command::Run(args)) = parse(args) else { panic!("{args:?}") };
        args
    }

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let args = run(&[URL]);
        assert_eq!((args.connections, args.rate, args.time.as_secs()), (50, Some(10.0), 30));
        assert!(args.tokens.is_empty() && !args.json && !args.quiet);
        assert_eq!(args.target.with_token(None), URL);
    }

    #[test]
    fn options_may_stand_anywhere() {
        let args = run(&["--rate=0", URL, "--connections", "7", "a,b", "--json", "--seconds=2"]);
        assert_eq!((args.connections, args.rate, args.time.as_secs()), (7, None, 2));
        assert_eq!(args.tokens.len(), 2);
        assert!(args.json);
    }

    #[test]
    fn wrong_usage_is_refused() {
        for args in [
            &[][..],
            &["http://localhost/"],
            &["wss://localhost/"],
            &["localhost"],
            &["ws:///path"],
            &[URL, "a", "b"],
            &[URL, "--connections", "0"],
            &[URL, "--connections", "20001"],
            &[URL, "--rate", "-1"],
            &[URL, "--rate", "NaN"],
            &[URL, "--rate", "inf"],
            &[URL, "--seconds", "0"],
            &[URL, "--seconds", "86401"],
            &[URL, "--unknown"],
            &[URL, "--rate"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        assert!(matches!(parse(&["--help"]), Ok(Command::Help)));
    }

    #[test]
    fn a_token_is_escaped_in_the_url_and_never_shown() {
        let args = run(&["ws://[::1]:9/ws/chat/1/?a=b", "x.y-z&w"]);
        let url = args.target.with_token(args.tokens.first());
        assert_eq!(url, "ws://[::1]:9/ws/chat/1/?a=b&token=x.y-z%26w");
        assert_eq!((args.target.host(), args.target.port()), ("::1", 9));
        assert_eq!(args.target.to_string(), "ws://[::1]:9/ws/chat/1/");
        assert!(!format!("{:?}", args.tokens).contains("x.y"));
    }
}
