//! The suite for adapters: requests and frames over real sockets, against a host app that an
//! adapter has mounted a dialect into.
//!
//! The cases are data (`cases/`), so that every adapter is held to the same answers. A run builds
//! the chats itself, on fresh stores, with users, rooms and tokens of its own; the author of an
//! adapter says only how a host mounts it:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use chat_conformance::adapter::{self, Site};
//! use chat_core::dialect;
//! use chat_core::store::Store;
//!
//! async fn the_adapter_conforms<S: Store + Clone>(fresh_store: impl AsyncFn() -> S) {
//!     adapter::run(dialect::MESSENGER, fresh_store, mount).await;
//! }
//!
//! async fn mount(site: Site) -> SocketAddr {
//!     todo!("serve site.dialect of site.server under site.prefix")
//! }
//! ```

mod case;
mod client;
mod coverage;
mod form;
mod host;
mod pattern;
mod run;
mod step;
mod world;

use std::net::SocketAddr;

use chat_core::dialect::Dialect;
use chat_core::store::Store;
use chat_runtime::Server;

use self::case::Suite;
use self::coverage::Coverage;
use self::form::Form;
use self::world::World;

/// What is to be mounted, and where.
///
/// The host app that it is mounted into
/// - answers `GET /host` with [`HOST_BODY`],
/// - answers paths that are neither its own nor the dialect's with 404 and [`FALLBACK_BODY`],
/// - puts the header [`HOST_HEADER`] on every answer, whoever gave it,
/// - listens on a free port of 127.0.0.1, and serves until the runtime ends.
#[derive(Debug)]
pub struct Site {
    /// The running server.
    pub server: Server,
    /// What to mount.
    pub dialect: &'static Dialect,
    /// Under which prefix: empty for none, or with a leading slash.
    pub prefix: &'static str,
}

/// What the host's own route answers with.
pub const HOST_BODY: &str = "of the host";

/// What the host's fallback answers with.
pub const FALLBACK_BODY: &str = "nothing here";

/// The header that the host's middleware puts on every answer, and its value.
pub const HOST_HEADER: (&str, &str) = ("x-host", "yes");

/// The environment variable that has a run take only the cases with this text in their own or their
/// file's name, and ask for no completeness.
const ONLY: &str = "CONFORMANCE";

/// Runs all cases of a dialect, each on a fresh store, at the root and under a prefix, with and
/// without the trailing slash of its paths.
///
/// # Panics
/// Where an answer is not as the cases have it, naming all that are not; and where an endpoint,
/// status, frame or close code of the dialect was met by no case.
pub async fn run<S: Store + Clone>(
    dialect: &'static Dialect,
    fresh_store: impl AsyncFn() -> S,
    mount: impl AsyncFn(Site) -> SocketAddr,
) {
    let only = std::env::var(ONLY).unwrap_or_default();
    let wanted = |file: &str, case: &str| file.contains(&only) || case.contains(&only);
    let suite = Suite::of(dialect);
    let mut coverage = Coverage::new(dialect);
    let mut failures = Vec::new();
    for form in Form::ALL {
        for (file, case) in suite.cases().filter(|(file, case)| wanted(file, &case.name)) {
            let world = World::build(fresh_store().await, &case.config).await;
            let address = mount(site_of(&world, dialect, form)).await;
            let ran = run::case(&suite, case, world, address, form, &mut coverage).await;
            failures.extend(ran.err().map(|failure| format!("{file}: {form}: {failure}")));
        }
        let world = World::build(fresh_store().await, &case::Settings::default()).await;
        let address = mount(site_of(&world, dialect, form)).await;
        let ran = host::check(&world, address, dialect, form).await;
        failures.extend(ran.err().map(|failure| format!("the host's own: {form}: {failure}")));
    }
    if only.is_empty() {
        failures.extend(coverage.missing(&suite));
    }
    assert!(failures.is_empty(), "{} failures\n\n{}\n", failures.len(), failures.join("\n\n"));
}

fn site_of(world: &World, dialect: &'static Dialect, form: Form) -> Site {
    Site { server: world.server.clone(), dialect, prefix: form.prefix }
}
