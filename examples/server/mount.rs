//! The dialects in an app of either framework.

use std::sync::Arc;

use axum::Router;
use chat_core::dialect::{self, Dialect};
use chat_runtime::Server;
use http::{Method, Uri};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;

use crate::page::Page;

/// The root dialect at its documented paths, each under its name, and the page.
pub(crate) fn axum(server: &Server, root: &'static Dialect, page: Arc<Page>) -> Router {
    let mut app = Router::new().merge(chat_axum::router(server, root));
    for dialect in dialect::all() {
        app = app.nest(&format!("/{}", dialect.name), chat_axum::router(server, dialect));
    }
    let answer = async move |method: Method, uri: Uri| {
        chat_axum::into_response(page.answer(&method, uri.path()).await)
    };
    app.fallback(answer)
}

/// The same.
pub(crate) fn warp(
    server: &Server,
    root: &'static Dialect,
    page: Arc<Page>,
) -> BoxedFilter<(warp::reply::Response,)> {
    let mut app = chat_warp::filter(server, root).boxed();
    for dialect in dialect::all() {
        let nested = warp::path(dialect.name).and(chat_warp::filter(server, dialect));
        app = app.or(nested).unify().boxed();
    }
    let answer = warp::method().and(warp::path::full()).then(move |method, path: FullPath| {
        let page = Arc::clone(&page);
        async move { chat_warp::into_response(page.answer(&method, path.as_str()).await) }
    });
    app.or(answer).unify().boxed()
}
