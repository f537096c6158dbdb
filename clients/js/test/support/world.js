// What the tests share: one server per file, one proxy and one room per test.

import { after, before } from "node:test";
import WebSocket from "ws";

import { ChatClient } from "../../index.js";
import { startProxy } from "./proxy.js";
import { startServer, tokenFor } from "./server.js";

/** A server for this file's tests. Returns what makes a room for one test. */
export function world() {
  let server;
  let rooms = 0;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop("SIGKILL"));
  return async (t) => {
    rooms += 1;
    const roomId = rooms;
    const proxy = await startProxy(server.port);
    const clients = [];
    t.after(async () => {
      for (const client of clients) client.disconnect();
      await proxy.stop();
    });
    const direct = `http://127.0.0.1:${server.port}`;
    const person = (user, baseUrl) => (options) => {
      const client = record({ baseUrl, roomId, token: tokenFor(user), ...options });
      clients.push(client);
      return client;
    };
    const [me, you] = [2 * roomId - 1, 2 * roomId];
    return { roomId, proxy, direct, me, you, mine: person(me, proxy.url), yours: person(you, direct) };
  };
}

/** A client that notes all it tells, with short intervals. */
export function record(options) {
  const frames = [];
  class Spy extends WebSocket {
    send(data) {
      frames.push(JSON.parse(data));
      super.send(data);
    }
  }
  const client = new ChatClient({ WebSocket: Spy, reconnectInterval: 20, ...options });
  const seen = { messages: [], statuses: [], typing: [], presence: [], errors: [], states: [] };
  client.seen = { ...seen, frames };
  client.onMessage = (message) => client.seen.messages.push(message);
  client.onMessageStatusUpdate = (...update) => client.seen.statuses.push(update);
  client.onTypingIndicator = (data) => client.seen.typing.push(data);
  client.onUserStatusChange = (data) => client.seen.presence.push(data);
  client.onError = (message, error) => client.seen.errors.push([message, error]);
  client.onConnectionChange = (...state) => client.seen.states.push(state);
  return client;
}

/** Waits until it is so. That it becomes so at all is what a test's time limit is for. */
export async function until(condition) {
  for (;;) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Connects these clients and waits until history is there, too. */
export async function connected(...clients) {
  for (const client of clients) client.connect();
  for (const client of clients) {
    await until(() => client.isConnected);
    // What is sent while history is still being joined waits for it.
    const tempId = client.sendMessage(`joined ${client.userId}`);
    await until(() => client.seen.messages.some((message) => message.temp_id === tempId));
  }
  for (const client of clients) {
    await until(() => client.seen.messages.length === clients.length);
    for (const list of Object.values(client.seen)) list.length = 0;
  }
}
