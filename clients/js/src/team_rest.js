// The team document's REST endpoints.

import { Rest } from "./rest.js";

/** Each endpoint of the team document as one method that returns what the document shows. */
export class TeamRest {
  #rest;

  /** @param {{ baseUrl: string | URL, token: string | (() => string | Promise<string>), fetch?: typeof fetch }} options */
  constructor(options) {
    this.#rest = new Rest(options, "/api/chat/");
  }

  listRooms(page = 1, pageSize = 50) {
    return this.#rest.call("GET", `rooms/?page=${page}&page_size=${pageSize}`);
  }

  getRoom(roomId) {
    return this.#rest.call("GET", `rooms/${roomId}/`);
  }

  /** @param {{ name: string, type?: "group" | "project" | "public", participantIds?: string[] }} room */
  createRoom({ name, type = "group", participantIds = [] }) {
    const body = { name, room_type: type, participant_ids: participantIds };
    return this.#rest.call("POST", "rooms/", { body });
  }

  /** @param {{ name?: string, is_active?: boolean, participant_ids?: string[] }} changes */
  updateRoom(roomId, changes) {
    return this.#rest.call("PATCH", `rooms/${roomId}/`, { body: changes });
  }

  deleteRoom(roomId) {
    return this.#rest.call("DELETE", `rooms/${roomId}/`);
  }

  /** The one direct room with this user, made where there is none. */
  openDirectRoom(userId) {
    return this.#rest.call("POST", "rooms/direct_message/", { body: { user_id: userId } });
  }

  joinRoom(roomId) {
    return this.#rest.call("POST", `rooms/${roomId}/join/`);
  }

  leaveRoom(roomId) {
    return this.#rest.call("POST", `rooms/${roomId}/leave/`);
  }

  markRoomRead(roomId) {
    return this.#rest.call("POST", `rooms/${roomId}/mark_read/`);
  }

  typingUsers(roomId) {
    return this.#rest.call("GET", `rooms/${roomId}/typing_users/`);
  }

  /** The newest page, or the one before a message; oldest first. */
  listMessages(roomId, { before, pageSize = 50, signal } = {}) {
    const cursor = before === undefined ? "" : `&before=${before}`;
    const path = `rooms/${roomId}/messages/?page_size=${pageSize}${cursor}`;
    return this.#rest.call("GET", path, { signal });
  }

  /**
   * With a key a repetition after a lost answer returns the first message.
   * @param {{ content?: string, replyTo?: string | null, file?: Blob, idempotencyKey?: string, signal?: AbortSignal }} message
   */
  sendMessage(roomId, { content = "", replyTo = null, file, idempotencyKey, signal }) {
    const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
    let body = { content, ...(replyTo && { reply_to: replyTo }) };
    if (file) {
      const form = new FormData();
      for (const [name, value] of Object.entries(body)) form.append(name, value);
      form.append("message_type", file.type.startsWith("image/") ? "image" : "file");
      form.append("file_attachment", file, file.name ?? "file");
      body = form;
    }
    return this.#rest.call("POST", `rooms/${roomId}/messages/`, { body, headers, signal });
  }

  editMessage(roomId, messageId, content) {
    const path = `rooms/${roomId}/messages/${messageId}/`;
    return this.#rest.call("PATCH", path, { body: { content } });
  }

  deleteMessage(roomId, messageId) {
    return this.#rest.call("DELETE", `rooms/${roomId}/messages/${messageId}/`);
  }

  /** @param {"add" | "remove"} action */
  react(roomId, messageId, emoji, action = "add") {
    const path = `rooms/${roomId}/messages/${messageId}/react/`;
    return this.#rest.call("POST", path, { body: { emoji, action } });
  }

  markMessageRead(roomId, messageId) {
    return this.#rest.call("POST", `rooms/${roomId}/messages/${messageId}/mark_read/`);
  }

  searchMessages(term) {
    return this.#rest.call("GET", `search/messages/?q=${encodeURIComponent(term)}`);
  }

  searchRooms(term) {
    return this.#rest.call("GET", `search/rooms/?q=${encodeURIComponent(term)}`);
  }

  listSessions() {
    return this.#rest.call("GET", "sessions/active_sessions/");
  }

  cleanUpSessions() {
    return this.#rest.call("POST", "sessions/cleanup_old_sessions/");
  }
}
