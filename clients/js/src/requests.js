// Requests that may not take for ever.

/** The longest wait that timers know. */
const LONGEST = 2 ** 31 - 1;

/** What something was rejected with, which need not be an error. */
export function asError(reason) {
  return reason instanceof Error ? reason : new Error(String(reason ?? "No reason was given"));
}

/**
 * What comes of some work, which gets a signal. It has failed once it takes longer than `ms`, or
 * once `outer` is aborted, whether or not it heeds its signal.
 * @template T
 * @param {number} ms
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @param {AbortSignal} [outer]
 * @returns {Promise<T>}
 */
export function within(ms, work, outer) {
  if (outer?.aborted) return Promise.reject(outer.reason);
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", aborted);
    };
    const stop = (error) => {
      done();
      reject(error);
      controller.abort(error);
    };
    const aborted = () => stop(outer.reason);
    const timer = setTimeout(() => stop(new Error(`No answer within ${ms} ms`)), ms);
    outer?.addEventListener("abort", aborted);
    work(controller.signal).then(resolve, (reason) => reject(asError(reason))).finally(done);
  });
}

/**
 * A request that the connection needs, within the connection timeout. Where the server asks for
 * patience it is made again when the server says, for as long as the connection stands.
 */
export async function patiently(request, { connectionTimeout, reconnectInterval }, signal) {
  for (;;) {
    try {
      return await within(connectionTimeout, request, signal);
    } catch (error) {
      if (signal.aborted || error.status !== 429) throw error;
      await pause(error.retryAfter === null ? reconnectInterval : error.retryAfter * 1000, signal);
    }
  }
}

/** Calls that come while one is under way share it. */
export function shared(work) {
  let running = null;
  return () => {
    running ??= work().finally(() => {
      running = null;
    });
    return running;
  };
}

/**
 * One call at a time. Whoever calls during one may know of something newer: one more follows it,
 * for all of them.
 */
export function inTurn(work) {
  let running = Promise.resolve();
  let next = null;
  const start = () => {
    next = null;
    running = work();
    return running;
  };
  return () => {
    next ??= running.then(start, start);
    return next;
  };
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, Math.min(ms, LONGEST));
    signal.addEventListener("abort", aborted);
  });
}
