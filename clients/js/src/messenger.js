// The `chatClient` of the messenger document: one room, one connection.

import { newTempId, tell } from "./callbacks.js";
import { History } from "./history.js";
import { configured, DEFAULTS } from "./options.js";
import { Receipts } from "./receipts.js";
import { shared } from "./requests.js";
import { ChatRest } from "./rest.js";
import { Room } from "./room.js";
import { isForward } from "./status.js";

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
  #history;
  #room;
  #receipts = new Receipts();
  // The marks that were sent again on this connection, with the time of the ping that followed.
  #repeated = null;
  #userId = null;
  #loadOlder = shared(() => this.#readOlder());

  /** @param {object} options see README.md and index.d.ts */
  constructor(options) {
    const all = configured(options, { ...DEFAULTS, deliveryReceipts: true });
    if (!/^[1-9]\d*$/.test(String(all.roomId))) throw new TypeError("roomId must be a room's id");
    this.#options = all;
    this.#history = new History(new ChatRest(all), all);
    this.#room = new Room(this, all, {
      path: `ws/chat/${all.roomId}/`,
      opens: (frame) => frame.type === "connection_established",
      ping: () => stamped({ type: "ping" }),
      probe: () => this.#probe(),
      merge,
      history: (signal) => this.#history.since(this.#room.timeline.lastId, signal),
      message: ({ content, temp_id, created_at: timestamp }) => ({
        type: "message",
        content,
        temp_id,
        timestamp,
      }),
      typing: (isTyping) => stamped({ type: isTyping ? "typing_on" : "typing_off" }),
      onOpen: (frame) => {
        this.#userId = frame.user_id;
        this.#repeatMarks();
      },
      onFrame: (frame) => this.#receive(frame),
      onEvents: (events) => this.#emit(events),
      onTyping: (userId, username, isTyping) =>
        tell(this, "onTypingIndicator", { userId, username, isTyping }),
    });
  }

  /** Whether a connection stands. */
  get isConnected() {
    return this.#room.connection.isConnected;
  }

  /** The signed-in user's id, once the server has said so. */
  get userId() {
    return this.#userId;
  }

  /** Every message to show, oldest first; those not stored yet last, with `id` null. */
  get messages() {
    return this.#room.timeline.messages;
  }

  /** Connects, and stays connected until `disconnect()`. */
  connect() {
    this.#room.connection.connect();
  }

  /** Disconnects. What was not sent yet goes out after the next `connect()`. */
  disconnect() {
    this.#room.connection.disconnect();
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
    this.#room.send({
      temp_id: tempId,
      content,
      sender_id: this.#userId,
      sender_username: null,
      created_at: new Date().toISOString(),
      room_id: Number(this.#options.roomId),
    });
    return tempId;
  }

  /** Forgets a failed message, so that `messages` no longer has it. */
  discardMessage(tempId) {
    this.#room.timeline.discard(tempId);
  }

  /** Tells the others that one is typing; to be called at each key. Ends by itself. */
  startTyping() {
    this.#room.typing.start();
  }

  /** Tells the others that one has stopped. */
  stopTyping() {
    this.#room.typing.stop();
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
    this.#room.connection.pauseHeartbeat();
  }

  /** Sends pings again. */
  resumeHeartbeat() {
    this.#room.connection.resumeHeartbeat();
  }

  /** Finds out whether the connection is alive, and reconnects if not. */
  checkConnection() {
    return this.#room.connection.check();
  }

  /**
   * Loads the page of messages before the oldest one shown and returns it, oldest first. Empty
   * where there is none. They are in `messages` then; `onMessage` is not called for them.
   */
  loadOlder() {
    return this.#loadOlder();
  }

  async #readOlder() {
    const { timeline } = this.#room;
    const { oldestId, count } = timeline;
    if (oldestId === null) return [];
    const page = await timeline.current(() => this.#history.before(oldestId, count));
    const older = timeline.prepend(page);
    for (const message of older) this.#markDelivered(message);
    return older;
  }

  #probe() {
    const { connection } = this.#room;
    connection.send(stamped({ type: "connection_check" }));
    return connection.heard();
  }

  #receive(frame) {
    const { connection, timeline } = this.#room;
    switch (frame.type) {
      case "message_status_update": {
        const { message_id: id, status } = frame;
        if (id === null) this.#room.refuse(frame.temp_id, "The server could not store it");
        else this.#emit(timeline.change(id, { status }, frame));
        break;
      }
      case "typing":
        this.#room.typed(frame.user_id, frame.username, frame.is_typing);
        break;
      case "user_status_change":
        tell(this, "onUserStatusChange", frame);
        break;
      case "ping":
        connection.send(pong(frame));
        break;
      case "pong":
        if (frame.timestamp === this.#repeated?.timestamp) {
          this.#receipts.forget(this.#repeated.marks);
        }
        break;
      case "reconnect_suggested":
        connection.reconnectSoon();
        break;
      default:
    }
  }

  #mark(messageId, status) {
    const id = /^\d+$/.test(messageId) ? Number(messageId) : messageId;
    const known = this.#room.timeline.get(id)?.status;
    if (this.#receipts.mark(id, status, known)) this.#sendMark(id, status);
  }

  #markDelivered({ id, sender_id }) {
    if (this.#options.deliveryReceipts && sender_id !== this.#userId) this.#mark(id, "delivered");
  }

  #sendMark(id, status) {
    this.#room.connection.send(stamped({ type: `message_${status}`, message_id: id }));
  }

  /** Frames are handled in their order: once the ping is answered, the marks before it were. */
  #repeatMarks() {
    const marks = this.#receipts.unconfirmed;
    if (marks.length === 0) return;
    for (const [id, status] of marks) this.#sendMark(id, status);
    const ping = stamped({ type: "ping" });
    this.#repeated = { marks, timestamp: ping.timestamp };
    this.#room.connection.send(ping);
  }

  #emit(events) {
    for (const event of events) {
      if (event.type === "status") {
        this.#receipts.confirm(event.id, event.status);
        tell(this, "onMessageStatusUpdate", event.id, event.status, event.detail);
        continue;
      }
      tell(this, "onMessage", event.message);
      this.#markDelivered(event.message);
    }
  }
}

/** A status only moves forward; the rest of a message stays as it is. */
function merge(known, { status }) {
  return isForward(known.status, status) ? { ...known, status } : known;
}

function stamped(frame) {
  return { ...frame, timestamp: new Date().toISOString() };
}

function pong({ timestamp }) {
  return { type: "pong", timestamp, client_time: new Date().toISOString() };
}
