//! The dialects in an app of either framework.

use axum::Router;
use chat_core::dialect::{self, Dialect};
use chat_core::http::{Response, detail};
use chat_runtime::Server;
use http::StatusCode;
use warp::Filter;
use warp::filters::BoxedFilter;

/// The root dialect at its documented paths, and each under its name.
pub(crate) fn axum(server: &Server, root: &'static Dialect) -> Router {
    let mut app = Router::new().merge(chat_axum::router(server, root));
    for dialect in dialect::all() {
        app = app.nest(&format!("/{}", dialect.name), chat_axum::router(server, dialect));
    }
    app.fallback(async || chat_axum::into_response(not_found()))
}

/// The same.
pub(crate) fn warp(
    server: &Server,
    root: &'static Dialect,
) -> BoxedFilter<(warp::reply::Response,)> {
    let mut app = chat_warp::filter(server, root).boxed();
    for dialect in dialect::all() {
        let nested = warp::path(dialect.name).and(chat_warp::filter(server, dialect));
        app = app.or(nested).unify().boxed();
    }
    app.or(warp::any().map(|| chat_warp::into_response(not_found()))).unify().boxed()
}

fn not_found() -> Response {
    detail(StatusCode::NOT_FOUND, "Not found.")
}
