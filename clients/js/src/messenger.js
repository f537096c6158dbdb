// The `chatClient` of the messenger document: one room, one connection.

import { newTempId, tell } from "./callbacks.js";
import { Connection } from "./connection.js";
import { History } from "./history.js";
import { ChatRest, tokenOf } from "./rest.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";

const DEFAULTS = {
  heartbeatInterval: 30000,
  reconnectInterval: 5000,
  maxReconnectAttempts: 10,
  typingTimeout: 3000,
  messageTimeout: 30000,
  connectionTimeout: 10000,
  maxReconnectInterval: 60000,
  deliveryReceipts: true,
};

/** How many sends may wait for the server at once. */
const MAX_PENDING = 1000;

/** A chat room over one WebSocket. Set the `on…` callbacks, then call `connect()`. */
export class ChatClient {
  /** @type {(message: object) => void} */
  onMessage = () => {};
  /** @type {(data: { userId: unknown, username: string, isTyping: boolean }) => void} */
  onTypingIndicator = () => {};
  /** @type {(messageId: number | string, status: string, detail: object) => void} */
  onMessageStatusUpdate = () => {};
  /** @type {(data: object) => void} */
  onUserStatusChange = () => {};
  /** @type {(message: string, error?: Error) => void} */
  onError = () => {};
  /** @type {(status: string, code?: number) => void} */
  onConnectionChange = () => {};

  #options;
  #connection;
  #history;
  #timeline = new Timeline();
  #userId = null;
  #fetching = null;
  #timers = new Map();
  #typing;
  #typists = new Map();

  /** @param {object} options see README.md and index.d.ts */
  constructor(options) {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const { WebSocket, fetch, location } = globalThis;
    const all = { baseUrl: location?.origin, WebSocket, fetch, random: Math.random };
    Object.assign(all, DEFAULTS, Object.fromEntries(given));
    for (const [name, kind] of Object.entries(DEFAULTS)) check(all[name], name, kind);
    if (!all.baseUrl) throw new TypeError("baseUrl is required, such as https://your-domain.com");
    if (!/^[1-9]\d*$/.test(String(all.roomId))) throw new TypeError("roomId must be a room's id");
    if (!all.token) throw new TypeError("token is required: a JWT, or a function that returns one");
    if (!all.WebSocket) {
      throw new TypeError("There is no WebSocket here: give one, such as that of the ws package");
    }
    this.#options = all;
    this.#history = new History(new ChatRest(all), all.roomId);
    this.#typing = new Typing(
      (isTyping) => this.#connection.send(stamped({ type: isTyping ? "typing_on" : "typing_off" })),
      all.typingTimeout,
    );
    this.#connection = new Connection(
      {
        ...all,
        url: () => this.#url(),
        opens: (frame) => frame.type === "connection_established",
        ping: () => stamped({ type: "ping" }),
      },
      {
        onState: (status, code) => this.#changed(status, code),
        onOpen: (frame) => this.#opened(frame),
        onFrame: (frame) => this.#receive(frame),
        onError: (message, error) => tell(this, "onError", message, error),
        onEnd: (error) => this.#failAll(error),
        onDoubt: () => this.checkConnection(),
      },
    );
  }

  /** Whether a connection stands. */
  get isConnected() {
    return this.#connection.isConnected;
  }

  /** The signed-in user's id, once the server has said so. */
  get userId() {
    return this.#userId;
  }

  /** Every message to show, oldest first; those not stored yet last, with `id` null. */
  get messages() {
    return this.#timeline.messages;
  }

  /** Connects, and stays connected until `disconnect()`. */
  connect() {
    this.#connection.connect();
  }

  /** Disconnects. What was not sent yet goes out after the next `connect()`. */
  disconnect() {
    this.#connection.disconnect();
  }

  /**
   * Sends a message, now or once connected. Repeating it with the same `tempId` is safe: the
   * server stores it once. Returns the `tempId`.
   * @param {string} content
   * @param {string} [tempId] 1 to 200 characters
   */
  sendMessage(content, tempId = newTempId()) {
    if (typeof content !== "string" || content.trim() === "") {
      throw new TypeError("A message needs some text");
    }
    if (typeof tempId !== "string" || tempId === "" || [...tempId].length > 200) {
      throw new TypeError("tempId must be a string of 1 to 200 characters");
    }
    if (this.#timeline.unanswered.length >= MAX_PENDING) {
      throw new RangeError(`${MAX_PENDING} messages are waiting to be sent`);
    }
    this.#typing.forget();
    const draft = {
      temp_id: tempId,
      content,
      sender_id: this.#userId,
      sender_username: null,
      created_at: new Date().toISOString(),
      room_id: Number(this.#options.roomId),
    };
    const events = this.#timeline.send(draft);
    this.#emit(events);
    this.#flush();
    return tempId;
  }

  /** Forgets a failed message, so that `messages` no longer has it. */
  discardMessage(tempId) {
    this.#timeline.discard(tempId);
  }

  /** Tells the others that one is typing; to be called at each key. Ends by itself. */
  startTyping() {
    this.#typing.start();
  }

  /** Tells the others that one has stopped. */
  stopTyping() {
    this.#typing.stop();
  }

  /** Marks a message as read. The id may be a string, as `dataset` has it. */
  sendMessageRead(messageId) {
    this.#mark(messageId, "read");
  }

  /** Marks a message as delivered. Without `deliveryReceipts: false` this happens by itself. */
  sendMessageDelivered(messageId) {
    this.#mark(messageId, "delivered");
  }

  /** Sends no pings until resumed. */
  pauseHeartbeat() {
    this.#connection.pauseHeartbeat();
  }

  /** Sends pings again. */
  resumeHeartbeat() {
    this.#connection.resumeHeartbeat();
  }

  /** Finds out whether the connection is alive, and reconnects if not. */
  checkConnection() {
    return this.#connection.check(stamped({ type: "connection_check" }));
  }

  /**
   * Loads the page of messages before the oldest one shown and returns it, oldest first. Empty
   * where there is none. They are in `messages` then; `onMessage` is not called for them.
   */
  async loadOlder() {
    const oldest = this.#timeline.oldestId;
    if (oldest === null) return [];
    const stored = this.#timeline.messages.filter(({ id }) => id !== null).length;
    return this.#timeline.prepend(await this.#history.before(oldest, stored));
  }

  async #url() {
    const url = new URL(`${String(this.#options.baseUrl).replace(/\/+$/, "")}/`, globalThis.location);
    url.protocol = url.protocol.replace("http", "ws");
    url.pathname += `ws/chat/${this.#options.roomId}/`;
    url.searchParams.set("token", await tokenOf(this.#options.token));
    return url.href;
  }

  #changed(status, code) {
    if (status === "disconnected") {
      this.#fetching?.abort();
      this.#timeline.abandonJoin();
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
      this.#typing.forget();
      // Nobody will tell that they stopped.
      for (const [userId, username] of this.#typists) {
        tell(this, "onTypingIndicator", { userId, username, isTyping: false });
      }
      this.#typists.clear();
    }
    tell(this, "onConnectionChange", status, code);
  }

  #opened(frame) {
    this.#userId = frame.user_id;
    for (const message of this.#timeline.beginJoin()) this.#transmit(message);
    for (const [id, status] of this.#timeline.unconfirmed) this.#sendMark(id, status);
    this.#catchUp();
  }

  async #catchUp() {
    const fetching = new AbortController();
    this.#fetching = fetching;
    let history;
    try {
      history = await this.#history.since(this.#timeline.lastId, fetching.signal);
    } catch (error) {
      if (fetching.signal.aborted) return;
      this.#connection.fail(error);
      return;
    }
    if (fetching.signal.aborted) return;
    this.#emit(this.#timeline.joinHistory(history));
    this.#joined();
  }

  /** Once history and live frames are one: what had to wait for it. */
  #joined() {
    if (this.#timeline.isJoining || !this.isConnected) return;
    this.#connection.settle();
    this.#flush();
  }

  /** Sends what was not sent on this connection. */
  #flush() {
    if (this.#timeline.isJoining) return;
    for (const message of this.#timeline.unanswered) {
      if (!this.#timers.has(message)) this.#transmit(message);
    }
  }

  #receive(frame) {
    const wasJoining = this.#timeline.isJoining;
    switch (frame.type) {
      case "message":
        this.#emit(this.#timeline.receive(frame.message, frame.temp_id));
        if (frame.temp_id !== undefined) this.#stopTimers();
        break;
      case "message_status_update":
        if (frame.message_id === null) this.#fail(frame.temp_id, "The server could not store it");
        else this.#emit(this.#timeline.update(frame.message_id, frame.status, frame));
        break;
      case "typing":
        this.#typed(frame);
        break;
      case "user_status_change":
        tell(this, "onUserStatusChange", frame);
        break;
      case "ping":
        this.#connection.send(pong(frame));
        break;
      case "reconnect_suggested":
        this.#connection.reconnectSoon();
        break;
      case "error":
        if (frame.temp_id !== undefined) this.#fail(frame.temp_id, frame.message);
        else tell(this, "onError", frame.message, new Error(frame.message));
        break;
      default:
    }
    if (wasJoining) this.#joined();
  }

  #transmit(message) {
    const { content, temp_id, created_at } = message;
    if (!this.#connection.send({ type: "message", content, temp_id, timestamp: created_at })) return;
    const { messageTimeout } = this.#options;
    const expire = () => {
      this.#failOne(message, new Error(`The server did not answer within ${messageTimeout} ms`));
      this.#joined();
    };
    this.#timers.set(message, setTimeout(expire, messageTimeout));
  }

  /** Those of the sends that have their answer. */
  #stopTimers() {
    const unanswered = new Set(this.#timeline.unanswered);
    for (const [message, timer] of this.#timers) {
      if (unanswered.has(message)) continue;
      clearTimeout(timer);
      this.#timers.delete(message);
    }
  }

  /** The server refused a send, or could not store it: it may say both. */
  #fail(tempId, reason) {
    const message = this.#timeline.unansweredAs(tempId);
    if (message) this.#failOne(message, new Error(reason));
  }

  #failAll(error) {
    for (const message of this.#timeline.unanswered) {
      this.#failOne(message, new Error(`Not connected: ${error.message}`));
    }
  }

  #failOne(message, error) {
    const events = this.#timeline.fail(message);
    this.#stopTimers();
    this.#emit(events);
    error.tempId = message.temp_id;
    tell(this, "onError", "Message sending failed", error);
  }

  #mark(messageId, status) {
    const id = /^\d+$/.test(messageId) ? Number(messageId) : messageId;
    if (this.#timeline.mark(id, status)) this.#sendMark(id, status);
  }

  #sendMark(id, status) {
    this.#connection.send(stamped({ type: `message_${status}`, message_id: id }));
  }

  #typed({ user_id: userId, username, is_typing: isTyping }) {
    if (isTyping) this.#typists.set(userId, username);
    else this.#typists.delete(userId);
    tell(this, "onTypingIndicator", { userId, username, isTyping });
  }

  #emit(events) {
    for (const event of events) {
      if (event.type === "status") {
        tell(this, "onMessageStatusUpdate", event.id, event.status, event.detail);
        continue;
      }
      const { message } = event;
      tell(this, "onMessage", message);
      if (this.#options.deliveryReceipts && message.sender_id !== this.#userId) {
        this.#mark(message.id, "delivered");
      }
    }
  }
}

function check(value, name, example) {
  if (typeof value !== typeof example || value < 0 || Number.isNaN(value)) {
    throw new TypeError(`${name} must be a ${typeof example}${example === true ? "" : " from 0"}`);
  }
}

function stamped(frame) {
  return { ...frame, timestamp: new Date().toISOString() };
}

function pong({ timestamp }) {
  return { type: "pong", timestamp, client_time: new Date().toISOString() };
}
