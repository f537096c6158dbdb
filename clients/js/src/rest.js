// Requests over HTTP, and the messenger document's endpoints.

import { asError } from "./requests.js";

/** An answer of the server's that is not a success. */
export class HttpError extends Error {
  /**
   * @param {string} call what was asked for
   * @param {number} status
   * @param {unknown} body the answer, as far as it is JSON
   * @param {number | null} [retryAfter] after how many seconds the server will be asked again
   */
  constructor(call, status, body, retryAfter = null) {
    super(`${call}: ${status} ${sentence(body)}`.trim());
    this.name = "HttpError";
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

/** Asks a server under a base path, with the user's token. */
export class Rest {
  #base;
  #token;
  #fetch;

  /**
   * @param {{ baseUrl: string | URL, token: string | (() => string | Promise<string>), fetch?: typeof fetch }} options
   * @param {string} path where the document's endpoints begin
   */
  constructor({ baseUrl = globalThis.location?.origin, token, fetch = globalThis.fetch }, path) {
    if (!baseUrl) throw new TypeError("baseUrl is required, such as https://your-domain.com");
    this.#base = String(baseUrl).replace(/\/+$/, "") + path;
    this.#token = token;
    // A browser's fetch insists on its own `this`.
    this.#fetch = (...args) => fetch(...args);
  }

  /** Asks, and returns the answer; a `FormData` is sent as a form, anything else as JSON. */
  async call(method, path, { body, headers = {}, signal } = {}) {
    const token = await tokenOf(this.#token);
    const form = typeof FormData === "function" && body instanceof FormData;
    const response = await this.#fetch(this.#base + path, {
      method,
      signal,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body && !form && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: form ? body : body && JSON.stringify(body),
    });
    const call = `${method} ${path}`;
    if (!response.ok) {
      const answer = await response.json().catch(() => null);
      throw new HttpError(call, response.status, answer, seconds(response.headers));
    }
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch (cause) {
      throw new Error(`${call}: the answer could not be read`, { cause });
    }
  }
}

/** The messenger document's seven endpoints, each as one method that returns what it shows. */
export class ChatRest {
  #rest;

  /** @param {{ baseUrl: string | URL, token: string | (() => string | Promise<string>), fetch?: typeof fetch }} options */
  constructor(options) {
    this.#rest = new Rest(options, "/api/v1.0/chat/");
  }

  listRooms(page = 1) {
    return this.#rest.call("GET", `rooms/?page=${page}`);
  }

  getRoom(roomId) {
    return this.#rest.call("GET", `rooms/${roomId}/`);
  }

  listMessages(roomId, page = 1, { signal } = {}) {
    return this.#rest.call("GET", `rooms/${roomId}/messages/?page=${page}`, { signal });
  }

  /** With a key a repetition after a lost answer returns the first message. */
  sendMessage(roomId, content, { idempotencyKey } = {}) {
    const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
    return this.#rest.call("POST", "messages/", { body: { room: roomId, content }, headers });
  }

  getStats() {
    return this.#rest.call("GET", "stats/");
  }

  checkRoomHealth(roomId) {
    return this.#rest.call("GET", `rooms/${roomId}/health/`);
  }

  broadcastHealthCheck() {
    return this.#rest.call("POST", "health-check/");
  }
}

/** The token, or what the application's function returns for it. */
export async function tokenOf(token) {
  try {
    return typeof token === "function" ? await token() : token;
  } catch (reason) {
    throw asError(reason);
  }
}

/** What `Retry-After` says, where it is a number of seconds. */
function seconds(headers) {
  const text = headers.get("Retry-After") ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}

function sentence(body) {
  if (typeof body !== "object" || body === null) return "";
  return Object.entries(body)
    .map(([field, text]) => (field === "detail" || field === "error" ? text : `${field}: ${text}`))
    .join("; ");
}
