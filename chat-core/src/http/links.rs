//! The request's URL, and the URLs that answers show.

use std::borrow::Cow;

use form_urlencoded::Serializer;
use http::HeaderMap;
use http::header::{FORWARDED, HOST};
use http::uri::{Authority, Uri};

/// The request's URL as the client reached the server, and its relatives.
#[derive(Debug, Clone)]
pub struct Links {
    /// `http://host:port` and the prefix that the dialect is mounted at.
    base: String,
    path: String,
    query: Vec<(String, String)>,
}

impl Links {
    /// The URL of a request. Forwarded headers are believed only where the host says so.
    pub fn new(uri: &Uri, headers: &HeaderMap, prefix: &str, trust_forwarded: bool) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded = |name, directive| {
            let plain = text(name).map(|list| list.split(',').next().unwrap_or(list).trim());
            plain
                .or_else(|| forwarded(text(FORWARDED.as_str())?, directive))
                .filter(|_| trust_forwarded)
        };
        let is_host = |host: &&str| host.parse::<Authority>().is_ok() && !host.contains('@');
        // Some proxies name a handshake's own scheme.
        let plain = |scheme| match scheme {
            "http" | "ws" => Some("http"),
            "https" | "wss" => Some("https"),
            _ => None,
        };
        let scheme = forwarded("x-forwarded-proto", "proto").and_then(plain);
        let scheme = scheme.or(uri.scheme_str().and_then(plain)).unwrap_or("http");
        let host = forwarded("x-forwarded-host", "host").filter(is_host);
        let host = host
            .or(uri.authority().map(Authority::as_str))
            .or_else(|| text(HOST.as_str()).filter(is_host));
        let base = format!("{scheme}://{}{prefix}", host.unwrap_or("localhost"));
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self { base, path: uri.path().to_owned(), query }
    }

    /// With what the URLs of all the dialect's paths begin: scheme, host, port and the prefix that it
    /// is mounted at.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str().into())
    }

    /// This URL with other values for some query parameters; `None` takes one away. The others
    /// stay as they are.
    pub fn with(&self, changes: &[(&str, Option<String>)]) -> String {
        let kept = self
            .query
            .iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let mut query = Serializer::new(String::new());
        query.extend_pairs(kept);
        for (name, value) in changes {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", self.base, self.path)
    }
}

/// A directive of the first element of a `Forwarded` header (RFC 7239).
fn forwarded<'a>(header: &'a str, directive: &str) -> Option<&'a str> {
    let element = header.split(',').next()?;
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case(directive).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(uri: &str, headers: &[(&'static str, &str)], trust: bool) -> Links {
        let pairs =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = pairs.collect();
        Links::new(&uri.parse().unwrap(), &headers, "/chat", trust)
    }

    #[test]
    fn other_query_parameters_are_kept() {
        let links = links("/rooms/?page=2&q=a+b&q=c%26d", &[("host", "h:8080")], false);
        assert_eq!(
            links.with(&[("page", Some("3".into()))]),
            "http://h:8080/chat/rooms/?q=a+b&q=c%26d&page=3"
        );
        assert_eq!(links.with(&[("page", None), ("q", None)]), "http://h:8080/chat/rooms/");
        assert_eq!(links.query("q").as_deref(), Some("a b"));
    }

    #[test]
    fn forwarded_headers_count_only_behind_a_trusted_proxy() {
        let headers = [
            ("host", "inner"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "outer, inner"),
        ];
        assert_eq!(links("/r/", &headers, false).with(&[]), "http://inner/chat/r/");
        assert_eq!(links("/r/", &headers, true).with(&[]), "https://outer/chat/r/");
        let standard =
            [("host", "inner"), ("forwarded", "for=1.2.3.4;host=\"outer:81\";proto=https")];
        assert_eq!(links("/r/", &standard, true).with(&[]), "https://outer:81/chat/r/");
        let nonsense =
            [("host", "inner"), ("x-forwarded-proto", "javascript"), ("x-forwarded-host", "a b")];
        assert_eq!(links("/r/", &nonsense, true).with(&[]), "http://inner/chat/r/");
    }
}
