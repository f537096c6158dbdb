// One room, live: what the clients of both documents are made of. A connection, history and live
// frames joined on it, and sends until they are answered.

import { tell } from "./callbacks.js";
import { Connection } from "./connection.js";
import { socketUrl } from "./options.js";
import { within } from "./requests.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";

/** How many sends may wait for the server at once. */
const MAX_PENDING = 1000;

/** The close for a frame that is too large. */
const TOO_LARGE = 1009;

/** A file has so many bytes for each millisecond beyond the message timeout. */
const SLOWEST_UPLOAD = 64;

/** A room over one WebSocket, whatever the document calls its frames. */
export class Room {
  #client;
  #options;
  #dialect;
  #connection;
  #timeline;
  #typing;
  #typists = new Map();
  // What was sent on this connection and has no answer yet, with the timers.
  #sent = new Map();
  #uploads = new Set();
  #isJoined = false;

  /**
   * @param {object} client whose `onError` and `onConnectionChange` are called
   * @param {object} options
   * @param {object} dialect
   *   `path` of the WebSocket, `opens`, `ping` and `probe` as `Connection` has them;
   *   `merge(known, news)` as `Timeline` has it; `history(signal)` since the last message shown;
   *   `message(draft)` and `typing(isTyping)`, the frames to send, and `stored(message)`, what is
   *   shown of one that comes; `fileOf(draft)` and `upload(draft, signal)` where files are sent;
   *   `onOpen(frame)` and `onJoined()` where there is something to do, `onFrame(frame)`,
   *   `onEvents(events)` and `onTyping(userId, name, isTyping)`
   */
  constructor(client, options, dialect) {
    this.#client = client;
    this.#options = options;
    this.#dialect = dialect;
    this.#timeline = new Timeline(dialect.merge);
    this.#typing = new Typing(
      (isTyping) => this.#connection.send(dialect.typing(isTyping)),
      options.typingTimeout,
    );
    const { path, opens, ping, probe } = dialect;
    this.#connection = new Connection(
      { ...options, url: () => socketUrl(options, path), opens, ping, probe },
      {
        onState: (status, code) => tell(client, "onConnectionChange", status, code),
        onOpen: (frame) => this.#opened(frame),
        onFrame: (frame) => this.#receive(frame),
        onError: (message, error) => tell(client, "onError", message, error),
        onLost: (code, error) => this.#lost(code, error),
      },
    );
  }

  get connection() {
    return this.#connection;
  }

  get timeline() {
    return this.#timeline;
  }

  get typing() {
    return this.#typing;
  }

  /** Sends a message, now or once connected. */
  send(draft) {
    const { temp_id: tempId } = draft;
    if (typeof tempId !== "string" || tempId === "" || [...tempId].length > 200) {
      throw new TypeError("tempId must be a string of 1 to 200 characters");
    }
    if (this.#timeline.unanswered.length >= MAX_PENDING) {
      throw new RangeError(`${MAX_PENDING} messages are waiting to be sent`);
    }
    this.#typing.forget();
    this.#take(this.#timeline.send(draft));
    this.#flush();
  }

  /** The server has refused a send, or could not store it: it may say both. */
  refuse(tempId, reason) {
    const draft = this.#timeline.unansweredAs(tempId);
    if (draft) this.#fail(draft, new Error(reason));
  }

  /** Somebody types, or no more. */
  typed(userId, name, isTyping) {
    if (isTyping) this.#typists.set(userId, name);
    else this.#typists.delete(userId);
    this.#dialect.onTyping(userId, name, isTyping);
  }

  #opened(frame) {
    this.#dialect.onOpen?.(frame);
    this.#isJoined = false;
    const texts = this.#timeline.unanswered.filter((draft) => !this.#fileOf(draft));
    for (const draft of this.#timeline.beginJoin(texts)) this.#transmit(draft);
    this.#connection.need(async (signal) => {
      const history = await this.#dialect.history(signal);
      signal.throwIfAborted();
      this.#take(this.#timeline.joinHistory(history));
    });
  }

  #lost(code, error) {
    const sent = [...this.#sent.keys()];
    for (const draft of sent) this.#stop(draft);
    this.#timeline.abandonJoin();
    this.#typing.forget();
    // Nobody will tell that they stopped.
    for (const [userId, name] of [...this.#typists]) this.typed(userId, name, false);
    if (this.#connection.ended) {
      for (const draft of this.#timeline.unanswered) this.#fail(draft, notConnected(error));
    } else if (code === TOO_LARGE && sent.length > 0) {
      const sizes = sent.map((draft) => this.#size(draft));
      this.#fail(sent[sizes.indexOf(Math.max(...sizes))], error);
    }
  }

  #receive(frame) {
    switch (frame.type) {
      case "message": {
        const { stored } = this.#dialect;
        const message = stored ? stored(frame.message) : frame.message;
        const events = this.#timeline.receive(message, frame.temp_id);
        if (frame.temp_id !== undefined) this.#stopAnswered();
        this.#take(events);
        break;
      }
      case "error":
        if (frame.temp_id !== undefined) this.refuse(frame.temp_id, frame.message);
        else tell(this.#client, "onError", frame.message, new Error(frame.message));
        break;
      default:
        this.#dialect.onFrame(frame);
    }
  }

  /** Tells of what has happened. Once history and live frames are one: what had to wait for it. */
  #take(events) {
    this.#dialect.onEvents(events);
    const isWaiting = this.#isJoined || this.#timeline.isJoining;
    if (isWaiting || !this.#connection.isConnected) return;
    this.#isJoined = true;
    this.#connection.settle();
    this.#dialect.onJoined?.();
    this.#flush();
  }

  /** Sends what was not sent on this connection; fails it where there will be none. */
  #flush() {
    const { isConnected, ended } = this.#connection;
    if (this.#timeline.isJoining || !(isConnected || ended)) return;
    for (const draft of this.#timeline.unanswered) {
      if (!this.#sent.has(draft)) this.#transmit(draft);
    }
  }

  #transmit(draft) {
    const { messageTimeout, maxFrameBytes } = this.#options;
    if (this.#connection.ended) {
      this.#failSoon(draft, () => this.#connection.ended && notConnected(this.#connection.ended));
    } else if (this.#fileOf(draft)) {
      this.#upload(draft);
    } else if (this.#size(draft) > maxFrameBytes) {
      this.#failSoon(draft, () => new Error(`A message may have ${maxFrameBytes} bytes`));
    } else if (this.#connection.send(this.#dialect.message(draft))) {
      this.#expire(draft, messageTimeout, () => {
        const error = new Error(`The server did not answer within ${messageTimeout} ms`);
        this.#fail(draft, error);
        this.#connection.drop(error);
      });
    }
  }

  /** An upload ends with its connection and is made again on the next one, with the same key. */
  async #upload(draft) {
    if (!this.#connection.isConnected || this.#uploads.has(draft)) return;
    const { signal } = this.#connection;
    const time = this.#options.messageTimeout + this.#fileOf(draft).size / SLOWEST_UPLOAD;
    this.#uploads.add(draft);
    try {
      const upload = (signal) => this.#dialect.upload(draft, signal);
      const message = await within(Math.round(time), upload, signal);
      this.#take(this.#timeline.answer(message, draft.temp_id));
    } catch (error) {
      // Without an answer the connection may be gone, too.
      if (!signal.aborted && error.status === undefined) await this.#connection.check();
      if (!signal.aborted && draft.status === "sending") this.#fail(draft, error);
    } finally {
      this.#uploads.delete(draft);
      if (signal.aborted) this.#flush();
    }
  }

  /** Fails a send once who sent it knows its `tempId`, unless there is no reason any more. */
  #failSoon(draft, reason) {
    this.#expire(draft, 0, () => {
      const error = reason();
      if (error) this.#fail(draft, error);
    });
  }

  #fail(draft, error) {
    this.#stop(draft);
    this.#take(this.#timeline.fail(draft));
    error.tempId = draft.temp_id;
    tell(this.#client, "onError", "Message sending failed", error);
  }

  #expire(draft, ms, expired) {
    this.#stop(draft);
    const timer = setTimeout(() => {
      this.#sent.delete(draft);
      expired();
    }, ms);
    this.#sent.set(draft, timer);
  }

  #stop(draft) {
    clearTimeout(this.#sent.get(draft));
    this.#sent.delete(draft);
  }

  /** Those of the sends that have their answer. */
  #stopAnswered() {
    const unanswered = new Set(this.#timeline.unanswered);
    for (const draft of [...this.#sent.keys()]) {
      if (!unanswered.has(draft)) this.#stop(draft);
    }
  }

  #fileOf(draft) {
    return this.#dialect.fileOf?.(draft);
  }

  #size(draft) {
    return new TextEncoder().encode(JSON.stringify(this.#dialect.message(draft))).length;
  }
}

function notConnected(error) {
  return new Error(`Not connected: ${error.message}`);
}
