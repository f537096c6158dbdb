//! What is the host's stays the host's.

use std::net::SocketAddr;

use chat_core::dialect::Dialect;

use super::client::{self, Answer};
use super::form::Form;
use super::world::World;
use super::{FALLBACK_BODY, HOST_BODY, HOST_HEADER};

/// Makes sure that what is the host's stays the host's.
pub(super) async fn check(
    world: &World,
    address: SocketAddr,
    dialect: &Dialect,
    form: Form,
) -> Result<(), String> {
    let get = async |path: String| {
        let request = http::Request::get(&path).header("host", address.to_string());
        let request = request.body(bytes::Bytes::new()).map_err(|error| error.to_string())?;
        let answer = client::request(address, request).await?;
        check_header(&answer)?;
        Ok::<_, String>((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    };
    let compare = |path: &str, expected: (u16, &str), got: (u16, String)| {
        let same = expected.0 == got.0 && expected.1 == got.1;
        if same { Ok(()) } else { Err(format!("GET {path}: expected {expected:?}, got {got:?}")) }
    };
    compare("/host", (200, HOST_BODY), get("/host".to_owned()).await?)?;
    let first = dialect.endpoints.first().map_or("/", |endpoint| endpoint.path);
    let elsewhere = if form.prefix.is_empty() { "/nested" } else { "" };
    for path in [
        "/".to_owned(),
        "/nothing/of/the/kind/".to_owned(),
        format!("{}/", form.prefix),
        format!("{}{first}no/such/path/at/all/", form.prefix),
        format!("{elsewhere}{first}"),
    ] {
        compare(&path, (404, FALLBACK_BODY), get(path.clone()).await?)?;
    }
    if world.server.open() > 0 {
        return Err("requests of the host's own were taken for the dialect's".to_owned());
    }
    Ok(())
}

/// Makes sure that the host's header is on an answer.
///
/// # Errors
/// That it is not.
pub(super) fn check_header(answer: &Answer) -> Result<(), String> {
    let (name, value) = HOST_HEADER;
    let there = answer.headers.get(name).is_some_and(|got| got == value);
    if there { Ok(()) } else { Err("the host's header is missing".to_owned()) }
}
