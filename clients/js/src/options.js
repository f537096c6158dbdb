// What an application gives a client.

import { tokenOf } from "./rest.js";

/** The options of both documents' clients, most of them in milliseconds. */
export const DEFAULTS = {
  heartbeatInterval: 30000,
  reconnectInterval: 5000,
  maxReconnectAttempts: 10,
  typingTimeout: 3000,
  messageTimeout: 30000,
  connectionTimeout: 10000,
  maxReconnectInterval: 60000,
  maxFrameBytes: 262144,
};

/** What was given, checked, and the defaults for the rest. */
export function configured(options, defaults) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const { WebSocket, fetch, location } = globalThis;
  const all = { baseUrl: location?.origin, WebSocket, fetch, random: Math.random };
  Object.assign(all, defaults, Object.fromEntries(given));
  for (const [name, example] of Object.entries(defaults)) check(all[name], name, example);
  if (!all.baseUrl) throw new TypeError("baseUrl is required, such as https://your-domain.com");
  if (!all.roomId) throw new TypeError("roomId must be a room's id");
  if (!all.token) throw new TypeError("token is required: a JWT, or a function that returns one");
  if (!all.WebSocket) {
    throw new TypeError("There is no WebSocket here: give one, such as that of the ws package");
  }
  return all;
}

/** Where a WebSocket is opened, with a token that is asked for now. */
export async function socketUrl({ baseUrl, token }, path) {
  const url = new URL(`${String(baseUrl).replace(/\/+$/, "")}/`, globalThis.location);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname += path;
  url.searchParams.set("token", await tokenOf(token));
  return url.href;
}

function check(value, name, example) {
  if (typeof value !== typeof example || value < 0 || Number.isNaN(value)) {
    throw new TypeError(`${name} must be a ${typeof example}${example === true ? "" : " from 0"}`);
  }
}
