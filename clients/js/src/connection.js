// One WebSocket that is kept open: connecting with a deadline, reconnecting with back-off,
// heartbeats, and the browser's hints about network and visibility. Knows no dialect.

import { backoff } from "./backoff.js";

/** Closes after which another attempt would end the same way. */
const FINAL = new Map([
  [4401, "Authentication failed"],
  [4403, "Access denied"],
]);

/** Answers to requests that say the same as such a close. */
const REFUSED = new Map([
  [401, 4401],
  [403, 4403],
  [404, 4403],
]);

/** Closes that are no fault: the server drains, or the connection's lifetime is over. */
const SOON = new Set([1012, 4410]);

/** Our own close of a connection that seems dead; applications may use 4000 to 4999. */
const DROPPED = 4000;

/** Keeps one WebSocket open until told otherwise. */
export class Connection {
  #options;
  #handlers;
  #wanted = false;
  #socket = null;
  #established = false;
  // Every attempt has its own number, so that what an abandoned one still says is ignored.
  #turn = 0;
  #attempts = 0;
  #retry = null;
  #deadline = null;
  #beat = null;
  #paused = false;
  #heard = true;
  #checks = new Set();
  #listeners = null;

  /**
   * @param {object} options `url()`, `WebSocket`, `random` and the document's intervals;
   *   `opens(frame)` where the server greets, `ping()` where it answers pings
   * @param {object} handlers `onState(status, code)`, `onOpen(frame)`, `onFrame(frame)`,
   *   `onError(message, error)`, `onEnd(error)` once it stops trying, `onDoubt()` where it should
   *   be checked
   */
  constructor(options, handlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Whether the server has accepted this connection and it stands. */
  get isConnected() {
    return this.#established;
  }

  /** Connects now, unless connecting or connected already. */
  connect() {
    this.#wanted = true;
    this.#listen();
    if (this.#socket || this.#deadline) return;
    this.#attempts = 0;
    this.#open();
  }

  /** Closes and stays closed until `connect`. */
  disconnect() {
    this.#unlisten();
    const was = this.#wanted;
    this.#wanted = false;
    this.#tearDown(1000);
    if (was) this.#handlers.onState("disconnected", 1000);
  }

  /**
   * A request failed without which the connection is of no use: ends where another attempt would
   * end the same way, else gives it up and tries again.
   */
  fail(error) {
    if (!this.#wanted) return;
    const code = REFUSED.get(error.status) ?? DROPPED;
    if (code === DROPPED) this.#handlers.onError("Connection failed", error);
    this.#lost(code, error);
  }

  /** Gives this connection up and tries again. */
  drop(error) {
    if (this.#wanted) this.#lost(DROPPED, error);
  }

  /** The connection is of use: the next loss counts attempts from the start. */
  settle() {
    this.#attempts = 0;
  }

  /** Reconnects within the reconnect interval, at a random moment of it. */
  reconnectSoon() {
    if (!this.#wanted || this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#tearDown(DROPPED);
      this.#handlers.onState("disconnected", DROPPED);
      this.#open();
    }, this.#soon());
  }

  /** Sends a frame. Returns whether there was a connection to send it on. */
  send(frame) {
    if (!this.#established || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * Asks for a sign of life; without one within the connection timeout it reconnects. Where it
   * waits for its next attempt, that is made now. Resolves to whether the connection is alive.
   */
  check(frame) {
    if (!this.#established) {
      if (this.#wanted && this.#retry && !this.#socket) this.#open();
      return Promise.resolve(false);
    }
    this.send(frame);
    return new Promise((resolve) => {
      const finish = (alive) => {
        clearTimeout(timer);
        this.#checks.delete(finish);
        resolve(alive);
      };
      const timer = setTimeout(
        () => this.#lost(DROPPED, new Error("The server did not answer a connection check")),
        this.#options.connectionTimeout,
      );
      this.#checks.add(finish);
    });
  }

  /** Sends no pings until resumed. The server's are still answered. */
  pauseHeartbeat() {
    this.#paused = true;
    clearInterval(this.#beat);
    this.#beat = null;
  }

  /** Sends pings again. */
  resumeHeartbeat() {
    this.#paused = false;
    this.#startHeartbeat();
  }

  async #open() {
    this.#stopTimers();
    const turn = ++this.#turn;
    const current = () => turn === this.#turn;
    const { connectionTimeout, WebSocket } = this.#options;
    this.#deadline = setTimeout(
      () => this.#lost(DROPPED, new Error(`No connection within ${connectionTimeout} ms`)),
      connectionTimeout,
    );
    this.#handlers.onState("connecting");
    try {
      const url = await this.#options.url();
      if (!current()) return;
      const socket = new WebSocket(url);
      this.#socket = socket;
      socket.onopen = () => current() && !this.#options.opens && this.#establish(null);
      socket.onmessage = ({ data }) => current() && this.#receive(data);
      socket.onclose = ({ code, reason }) => current() && this.#lost(code, closed(code, reason));
      // What a browser says here is nothing; the close that follows has the code.
      socket.onerror = () => {};
    } catch (error) {
      if (current()) this.#lost(undefined, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      frame = null;
    }
    if (typeof frame !== "object" || frame === null) return;
    this.#heard = true;
    for (const finish of this.#checks) finish(true);
    if (!this.#established) {
      if (this.#options.opens(frame)) this.#establish(frame);
      return;
    }
    this.#handlers.onFrame(frame);
  }

  #establish(frame) {
    this.#established = true;
    clearTimeout(this.#deadline);
    this.#deadline = null;
    this.#startHeartbeat();
    this.#handlers.onOpen(frame);
    this.#handlers.onState("connected");
  }

  #lost(code, error) {
    const established = this.#established;
    this.#tearDown(DROPPED);
    if (FINAL.has(code)) {
      this.#wanted = false;
      this.#unlisten();
      this.#handlers.onState("disconnected", code);
      this.#handlers.onEnd(error);
      this.#handlers.onError(FINAL.get(code), error);
      return;
    }
    if (!this.#wanted) return;
    this.#reconnect(code);
    const gaveUp = this.#retry === null;
    this.#wanted = !gaveUp;
    this.#handlers.onState("disconnected", code);
    if (gaveUp) this.#handlers.onEnd(error);
    if (gaveUp || !established) this.#handlers.onError("Connection failed", error);
  }

  #reconnect(code) {
    const { reconnectInterval, maxReconnectInterval, maxReconnectAttempts, random } = this.#options;
    if (this.#attempts >= maxReconnectAttempts) return;
    this.#attempts += 1;
    const delay = SOON.has(code)
      ? this.#soon()
      : backoff(this.#attempts, { base: reconnectInterval, max: maxReconnectInterval, random });
    this.#retry = setTimeout(() => this.#open(), delay);
  }

  #soon() {
    return this.#options.random() * this.#options.reconnectInterval;
  }

  #startHeartbeat() {
    clearInterval(this.#beat);
    this.#beat = null;
    if (this.#paused || !this.#established || !this.#options.ping) return;
    this.#heard = true;
    this.#beat = setInterval(() => {
      if (!this.#heard) {
        this.#lost(DROPPED, new Error("The server did not answer a ping"));
        return;
      }
      this.#heard = false;
      this.send(this.#options.ping());
    }, this.#options.heartbeatInterval);
  }

  #stopTimers() {
    clearTimeout(this.#retry);
    clearTimeout(this.#deadline);
    clearInterval(this.#beat);
    this.#retry = this.#deadline = this.#beat = null;
  }

  #tearDown(code) {
    this.#turn += 1;
    this.#stopTimers();
    for (const finish of this.#checks) finish(false);
    const socket = this.#socket;
    this.#socket = null;
    this.#established = false;
    if (socket && socket.readyState < 2) socket.close(code);
  }

  /** What browsers say about themselves; elsewhere there is nothing to listen to. */
  #listen() {
    if (this.#listeners) return;
    const { document } = globalThis;
    const online = () => {
      if (!this.#established) this.#again();
    };
    const offline = () => {
      if (this.#established) this.#handlers.onDoubt();
    };
    const visible = () => {
      if (document.hidden) {
        this.pauseHeartbeat();
      } else {
        this.resumeHeartbeat();
        this.#handlers.onDoubt();
      }
    };
    this.#listeners = [
      [globalThis, "online", online],
      [globalThis, "offline", offline],
      [document, "visibilitychange", visible],
    ].filter(([target]) => typeof target?.addEventListener === "function");
    for (const [target, name, listener] of this.#listeners) target.addEventListener(name, listener);
  }

  #unlisten() {
    for (const [target, name, listener] of this.#listeners ?? []) {
      target.removeEventListener(name, listener);
    }
    this.#listeners = null;
  }

  /** The network is back: what was an attempt over the old one is abandoned. */
  #again() {
    this.#wanted = true;
    this.#attempts = 0;
    this.#tearDown(DROPPED);
    this.#open();
  }
}

function closed(code, reason) {
  const error = new Error(reason ? `Closed with ${code}: ${reason}` : `Closed with ${code}`);
  error.code = code;
  return error;
}
