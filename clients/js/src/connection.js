// One WebSocket that is kept open: connecting with a deadline, reconnecting with back-off,
// heartbeats, and the browser's hints about network and visibility. Knows no dialect.

import { backoff } from "./backoff.js";
import { asError, within } from "./requests.js";

/** The close of who is not signed in, or not any more. */
const UNAUTHENTICATED = 4401;

/** Closes after which another attempt would end the same way. */
const FINAL = new Map([
  [UNAUTHENTICATED, "Authentication failed"],
  [4403, "Access denied"],
]);

/** Answers to requests that say the same as such a close. */
const REFUSED = new Map([
  [401, UNAUTHENTICATED],
  [403, 4403],
  [404, 4403],
]);

/** Closes that are no fault: the server drains, or the connection's lifetime is over. */
const SOON = new Set([1012, 4410]);

/** What is told of a connection that did not come about, or that failed. */
const FAILED = "Connection failed";

/** Our own close of a connection that seems dead; applications may use 4000 to 4999. */
const DROPPED = 4000;

/** Keeps one WebSocket open until told otherwise. */
export class Connection {
  #options;
  #handlers;
  #wanted = false;
  #ended = null;
  #socket = null;
  #established = false;
  // Aborted with the connection that stands, and with it all that is done for that one alone.
  #life = null;
  // Every attempt has its own number, so that what an abandoned one still says is ignored.
  #turn = 0;
  #attempts = 0;
  #mayRenew = false;
  #retry = null;
  #deadline = null;
  #beat = null;
  #paused = false;
  #heard = true;
  #listening = [];
  #listeners = null;

  /**
   * @param {object} options `url()`, `token`, `WebSocket`, `random` and the document's intervals;
   *   `opens(frame)` where the server greets; `probe(signal)`, which resolves once the server has
   *   given a sign of life; `ping()` where the server answers such frames, else it is probed
   * @param {object} handlers `onState(status, code)`, `onOpen(frame)`, `onFrame(frame)`,
   *   `onError(message, error)`, `onLost(code, error)` before the application hears of it
   */
  constructor(options, handlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Whether the server has accepted this connection and it stands. */
  get isConnected() {
    return this.#established;
  }

  /** Why it has stopped trying; null while it has not. */
  get ended() {
    return this.#ended;
  }

  /** Aborted once the connection that stands is lost. */
  get signal() {
    return this.#life.signal;
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
    if (was) this.#tellLost(1000, new Error("Disconnected"));
  }

  /**
   * Does what this connection is of no use without. Where that fails it ends, if another attempt
   * would end the same way, else it is given up and tried again. It fails with the connection.
   */
  async need(work) {
    const { signal } = this.#life;
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) this.#lost(REFUSED.get(error.status) ?? DROPPED, error, true);
    }
  }

  /** Gives this connection up and tries again. */
  drop(error) {
    if (this.#established) this.#lost(DROPPED, error);
  }

  /**
   * The connection is of use: the next loss counts attempts from the start, and a token that is
   * refused may have been good until then.
   */
  settle() {
    this.#attempts = 0;
    this.#mayRenew = typeof this.#options.token === "function";
  }

  /** Reconnects within the reconnect interval, at a random moment of it. */
  reconnectSoon() {
    if (!this.#wanted || this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#tearDown(DROPPED);
      if (this.#tellLost(DROPPED, new Error("The server suggests to reconnect"))) this.#open();
    }, this.#soon());
  }

  /** Sends a frame. Returns whether there was a connection to send it on. */
  send(frame) {
    if (!this.#established || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Resolves once the next frame has come and was taken. */
  heard() {
    return new Promise((resolve) => this.#listening.push(resolve));
  }

  /**
   * Asks for a sign of life; without one within the connection timeout it reconnects. Where it
   * waits for its next attempt, that is made now. Resolves to whether the connection is alive.
   */
  async check() {
    if (!this.#established) {
      if (this.#wanted && this.#retry && !this.#socket) this.#open();
      return false;
    }
    const { signal } = this.#life;
    try {
      await within(this.#options.connectionTimeout, this.#options.probe, signal);
    } catch (error) {
      // Who is refused has been answered.
      if (!signal.aborted && !(error.status >= 400)) this.#lost(DROPPED, error);
    }
    return !signal.aborted;
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
    this.#ended = null;
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
      if (current()) this.#lost(undefined, asError(error));
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
    if (this.#established) this.#handlers.onFrame(frame);
    else if (this.#options.opens(frame)) this.#establish(frame);
    for (const resolve of this.#listening.splice(0)) resolve();
  }

  #establish(frame) {
    this.#established = true;
    this.#life = new AbortController();
    clearTimeout(this.#deadline);
    this.#deadline = null;
    this.#startHeartbeat();
    this.#handlers.onOpen(frame);
    this.#handlers.onState("connected");
  }

  #lost(code, error, isFailure = !this.#established) {
    this.#tearDown(DROPPED);
    const delay = this.#delay(code);
    if (delay === null) {
      this.#wanted = false;
      this.#ended = error;
      if (FINAL.has(code)) this.#unlisten();
    } else {
      this.#retry = setTimeout(() => this.#open(), delay);
    }
    const isHere = this.#tellLost(code, error);
    if (delay === null) this.#handlers.onError(FINAL.get(code) ?? FAILED, error);
    else if (isHere && isFailure && !FINAL.has(code)) this.#handlers.onError(FAILED, error);
  }

  /** Tells of a loss. Returns whether the application has left it at that. */
  #tellLost(code, error) {
    const turn = this.#turn;
    this.#handlers.onLost(code, error);
    if (turn === this.#turn) this.#handlers.onState("disconnected", code);
    return turn === this.#turn;
  }

  /** How long to wait for the next attempt; null where there is to be none. */
  #delay(code) {
    const { reconnectInterval, maxReconnectInterval, maxReconnectAttempts, random } = this.#options;
    if (code === UNAUTHENTICATED && this.#mayRenew) {
      this.#mayRenew = false;
      return this.#soon();
    }
    if (FINAL.has(code) || this.#attempts >= maxReconnectAttempts) return null;
    this.#attempts += 1;
    if (SOON.has(code)) return this.#soon();
    return backoff(this.#attempts, { base: reconnectInterval, max: maxReconnectInterval, random });
  }

  #soon() {
    return this.#options.random() * this.#options.reconnectInterval;
  }

  #startHeartbeat() {
    clearInterval(this.#beat);
    this.#beat = null;
    if (this.#paused || !this.#established) return;
    const { ping, heartbeatInterval } = this.#options;
    this.#heard = true;
    this.#beat = setInterval(() => {
      const wasHeard = this.#heard;
      this.#heard = false;
      if (ping && wasHeard) this.send(ping());
      else if (ping) this.#lost(DROPPED, new Error("The server did not answer a ping"));
      else if (!wasHeard) this.check();
    }, heartbeatInterval);
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
    this.#listening = [];
    this.#life?.abort(new Error("The connection was lost"));
    const socket = this.#socket;
    this.#socket = null;
    this.#established = false;
    if (socket && socket.readyState < 2) socket.close(code);
  }

  /** What browsers say about themselves; elsewhere there is nothing to listen to. */
  #listen() {
    if (this.#listeners) return;
    const { document } = globalThis;
    // What was said while nobody listened.
    if (typeof document?.hidden === "boolean") this.#paused = document.hidden;
    const online = () => {
      if (!this.#established) this.#again();
    };
    const offline = () => {
      if (this.#established) this.check();
    };
    const visible = () => {
      if (document.hidden) {
        this.pauseHeartbeat();
      } else {
        this.resumeHeartbeat();
        this.check();
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
