//! What becomes of futures where nothing is waited for.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use futures::FutureExt;

/// What a future comes to that has nothing to wait for.
#[track_caller]
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here has to be waited for")
}

/// What a future comes to that waits for nobody but itself: it is polled as long as it asks for it.
#[track_caller]
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> T {
    #[derive(Default)]
    struct Asked(AtomicBool);
    impl Wake for Asked {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let asked = Arc::new(Asked::default());
    let waker = asked.clone().into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(asked.0.swap(false, Ordering::Relaxed), "nothing here has to be waited for");
    }
}
