// What the reference server says only after half a minute, from a server that says it at once;
// and the defaults.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { WebSocketServer } from "ws";

import { connected, record, until, world } from "./support/world.js";

const room = world();
const limit = { timeout: 60_000 };

/** Accepts connections to an empty room and keeps their sockets. */
async function scripted(t) {
  const server = http.createServer((_, response) => {
    response.end(JSON.stringify({ count: 0, next: null, previous: null, results: [] }));
  });
  const sockets = [];
  new WebSocketServer({ server }).on("connection", (socket) => {
    sockets.push(socket);
    socket.send(JSON.stringify({ type: "connection_established", room_id: 1, user_id: 1 }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const client = record({ baseUrl, roomId: 1, token: "t" });
  t.after(() => {
    client.disconnect();
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  client.connect();
  await until(() => client.isConnected);
  return { client, sockets, say: (frame) => sockets.at(-1).send(JSON.stringify(frame)) };
}

test("a ping is answered, also while the heartbeat is paused", limit, async (t) => {
  const { client, say } = await scripted(t);
  client.pauseHeartbeat();
  say({ type: "ping", timestamp: "2024-12-25T10:30:00Z", sequence: 1 });
  const pong = await until(() => client.seen.frames.find(({ type }) => type === "pong"));
  assert.equal(pong.timestamp, "2024-12-25T10:30:00Z");
  assert.match(pong.client_time, /Z$/);
});

test("a reconnect that is suggested is made once", limit, async (t) => {
  const { client, sockets, say } = await scripted(t);
  const frame = { type: "reconnect_suggested", reason: "ping_timeout", attempts: 3, max_attempts: 5 };
  say(frame);
  say(frame);
  await until(() => sockets.length === 2 && client.isConnected);
  assert.deepEqual(
    client.seen.states.map(([state]) => state),
    ["connecting", "connected", "disconnected", "connecting", "connected"],
  );
  assert.deepEqual(client.seen.errors, []);
});

test("whoever disconnects when that reconnect begins stays disconnected", limit, async (t) => {
  const { client, say } = await scripted(t);
  const tell = client.onConnectionChange;
  client.onConnectionChange = (...state) => {
    tell(...state);
    if (state[0] === "disconnected") client.disconnect();
  };
  say({ type: "reconnect_suggested", reason: "ping_timeout", attempts: 3, max_attempts: 5 });
  await until(() => client.seen.states.length > 2);
  await new Promise(setImmediate);
  assert.equal(client.seen.states.at(-1)[0], "disconnected");
});

test("a send that could not be stored has failed, and is told once", limit, async (t) => {
  const { client, say } = await scripted(t);
  const tempId = client.sendMessage("x");
  say({ type: "message_status_update", message_id: null, status: "failed", temp_id: tempId });
  say({ type: "error", message: "Try again later", temp_id: tempId });
  say({ type: "user_status_change", user_id: 2 });
  await until(() => client.seen.presence.length === 1);
  assert.deepEqual(client.seen.errors.map(([message]) => message), ["Message sending failed"]);
  assert.deepEqual(client.seen.statuses.at(-1).slice(0, 2), [tempId, "failed"]);
});

test("frames that it does not know change nothing", limit, async (t) => {
  const { client, sockets, say } = await scripted(t);
  for (const data of ["no JSON", "null", "[]", '"x"']) sockets[0].send(data);
  say({ type: "of a later version" });
  say({ type: "user_status_change", user_id: 2 });
  await until(() => client.seen.presence.length === 1);
  assert.equal(client.isConnected, true);
  assert.deepEqual(client.seen.errors, []);
});

test("the defaults are the document's", limit, async (t) => {
  const { mine } = await room(t);
  const set = { setTimeout: [], setInterval: [] };
  for (const [name, waits] of Object.entries(set)) {
    const real = globalThis[name];
    t.mock.method(globalThis, name, (fn, ms, ...args) => {
      waits.push(ms);
      return real(fn, ms, ...args);
    });
  }
  const a = mine();
  await connected(a);
  a.startTyping();
  // 10,000 connectionTimeout, for the connection and for history, 30,000 messageTimeout,
  // 3,000 typingTimeout, 30,000 heartbeatInterval.
  // Those of 4,000 are fetch's own, of the connections that it keeps.
  const waits = set.setTimeout.filter((ms) => ms >= 3000 && ms !== 4000);
  assert.deepEqual(waits, [10_000, 10_000, 30_000, 3000]);
  assert.ok(set.setInterval.includes(30_000));
});
