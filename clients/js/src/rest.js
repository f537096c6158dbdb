// The messenger document's REST endpoints.

/** An answer of the server's that is not a success. */
export class HttpError extends Error {
  /**
   * @param {string} call what was asked for
   * @param {number} status
   * @param {unknown} body the answer, as far as it is JSON
   */
  constructor(call, status, body) {
    super(`${call}: ${status} ${sentence(body)}`.trim());
    this.name = "HttpError";
    this.status = status;
    this.body = body;
  }
}

/** The seven endpoints, each as one method that returns what the document shows. */
export class ChatRest {
  #base;
  #token;
  #fetch;

  /** @param {{ baseUrl: string | URL, token: string | (() => string | Promise<string>), fetch?: typeof fetch }} options */
  constructor({ baseUrl = globalThis.location?.origin, token, fetch = globalThis.fetch }) {
    if (!baseUrl) throw new TypeError("baseUrl is required, such as https://your-domain.com");
    this.#base = `${String(baseUrl).replace(/\/+$/, "")}/api/v1.0/chat/`;
    this.#token = token;
    // A browser's fetch insists on its own `this`.
    this.#fetch = (...args) => fetch(...args);
  }

  listRooms(page = 1) {
    return this.#call("GET", `rooms/?page=${page}`);
  }

  getRoom(roomId) {
    return this.#call("GET", `rooms/${roomId}/`);
  }

  listMessages(roomId, page = 1, { signal } = {}) {
    return this.#call("GET", `rooms/${roomId}/messages/?page=${page}`, { signal });
  }

  /** With a key a repetition after a lost answer returns the first message. */
  sendMessage(roomId, content, { idempotencyKey } = {}) {
    const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
    return this.#call("POST", "messages/", { body: { room: roomId, content }, headers });
  }

  getStats() {
    return this.#call("GET", "stats/");
  }

  checkRoomHealth(roomId) {
    return this.#call("GET", `rooms/${roomId}/health/`);
  }

  broadcastHealthCheck() {
    return this.#call("POST", "health-check/");
  }

  async #call(method, path, { body, headers = {}, signal } = {}) {
    const token = await tokenOf(this.#token);
    const response = await this.#fetch(this.#base + path, {
      method,
      signal,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw new HttpError(`${method} ${path}`, response.status, answer);
    return answer;
  }
}

/** The token, or what the application's function returns for it. */
export async function tokenOf(token) {
  return typeof token === "function" ? token() : token;
}

function sentence(body) {
  if (typeof body !== "object" || body === null) return "";
  return Object.entries(body)
    .map(([field, text]) => (field === "detail" || field === "error" ? text : `${field}: ${text}`))
    .join("; ");
}
