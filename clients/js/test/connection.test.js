// What happens when connections are lost.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";

import { ChatRest } from "../index.js";
import { startProxy } from "./support/proxy.js";
import { startServer, tokenFor } from "./support/server.js";
import { connected, record, until, world } from "./support/world.js";

const room = world();
const limit = { timeout: 60_000 };
const contents = (client) => client.seen.messages.map(({ content }) => content);
const names = (client) => client.seen.errors.map(([message]) => message);

test("nothing is lost and nothing repeated across a dropped connection", limit, async (t) => {
  const { mine, yours, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  proxy.refuses = true;
  proxy.cut();
  await until(() => !a.isConnected);
  const texts = Array.from({ length: 130 }, (_, n) => `${n}`);
  for (const text of texts) b.sendMessage(text);
  await until(() => b.seen.messages.length === 130);
  proxy.refuses = false;
  for (const text of ["live 1", "live 2"]) b.sendMessage(text);
  await until(() => a.seen.messages.length >= 132);
  assert.deepEqual(contents(a), [...texts, "live 1", "live 2"]);
  assert.deepEqual(a.messages.slice(2).map(({ content }) => content), contents(a));
});

test("a room that was empty at first loses nothing either", limit, async (t) => {
  const { mine, me, you, roomId, direct, proxy } = await room(t);
  const a = mine();
  a.connect();
  await until(() => a.isConnected);
  // History is there once a send has its answer; this one is refused and leaves the room empty.
  a.sendMessage("x".repeat(1001));
  await until(() => a.seen.errors.length === 1);
  proxy.refuses = true;
  proxy.cut();
  const rest = new ChatRest({ baseUrl: direct, token: tokenFor(you) });
  for (let n = 0; n < 60; n += 1) await rest.sendMessage(roomId, `${n}`);
  proxy.refuses = false;
  await until(() => a.seen.messages.length === 60);
  assert.deepEqual(contents(a), Array.from({ length: 60 }, (_, n) => `${n}`));
  assert.equal(a.userId, me);
});

test("a send whose answer was lost is shown once, and stored once", limit, async (t) => {
  const { mine, yours, me, roomId, direct, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  proxy.losesAnswers = true;
  const tempId = a.sendMessage("only once");
  await until(() => contents(b).includes("only once"));
  b.sendMessage("after it");
  await until(() => contents(b).includes("after it"));
  proxy.losesAnswers = false;
  proxy.cut();
  await until(() => contents(a).includes("after it"));
  assert.deepEqual(contents(a), ["only once", "after it"]);
  assert.equal(a.seen.messages[0].temp_id, tempId);
  assert.equal(a.seen.frames.filter((frame) => frame.temp_id === tempId).length, 2);
  assert.deepEqual(a.messages.slice(2).map(({ content }) => content), ["only once", "after it"]);
  const rest = new ChatRest({ baseUrl: direct, token: tokenFor(me) });
  assert.equal((await rest.listMessages(roomId)).count, 4);
});

test("a send that never arrived is sent again with the same temp_id", limit, async (t) => {
  const { mine, yours, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  proxy.losesRequests = true;
  const tempIds = ["1", "2", "3"].map((text) => a.sendMessage(text));
  proxy.cut();
  proxy.losesRequests = false;
  await until(() => a.seen.messages.length === 3 && b.seen.messages.length === 3);
  assert.deepEqual(contents(b), ["1", "2", "3"]);
  assert.deepEqual(a.seen.messages.map(({ temp_id }) => temp_id), tempIds);
});

test("a receipt that was lost is sent again", limit, async (t) => {
  const { mine, yours, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  b.sendMessage("x");
  await until(() => a.seen.messages.length === 1);
  const { id } = a.seen.messages[0];
  proxy.losesRequests = true;
  a.sendMessageRead(id);
  proxy.cut();
  proxy.losesRequests = false;
  await until(() => b.seen.statuses.some(([which, status]) => which === id && status === "read"));
});

test("a status that changed meanwhile is told", limit, async (t) => {
  const { mine, yours, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  a.sendMessage("x");
  await until(() => a.seen.messages.length === 1 && b.seen.messages.length === 1);
  const { id } = a.seen.messages[0];
  proxy.refuses = true;
  proxy.cut();
  b.sendMessageRead(id);
  await until(() => b.seen.statuses.some(([which, status]) => which === id && status === "read"));
  proxy.refuses = false;
  await until(() => a.seen.statuses.some(([which, status]) => which === id && status === "read"));
});

test("without an answer a message has failed after messageTimeout, and can be sent again", limit, async (t) => {
  const { mine, yours, proxy } = await room(t);
  const [a, b] = [mine({ messageTimeout: 50 }), yours()];
  await connected(b);
  a.connect();
  await until(() => a.seen.messages.length === 1);
  proxy.losesAnswers = true;
  const tempId = a.sendMessage("x");
  await until(() => names(a).includes("Message sending failed"));
  assert.match(a.seen.errors[0][1].message, /did not answer within 50 ms/);
  assert.equal(a.messages.at(-1).status, "failed");
  await until(() => b.seen.messages.length === 1);
  a.disconnect();
  proxy.losesAnswers = false;
  a.sendMessage("x", tempId);
  a.connect();
  await until(() => a.seen.messages.length === 2);
  assert.deepEqual(a.messages.map(({ content, temp_id }) => [content, temp_id]).at(-1), ["x", tempId]);
  assert.equal(b.seen.messages.length, 1);
});

test("bad credentials are final", limit, async (t) => {
  const { mine, proxy } = await room(t);
  for (const token of ["no token", () => tokenFor(1, { exp: 1 })]) {
    const a = mine({ token, reconnectInterval: 0 });
    a.sendMessage("x");
    const before = proxy.connections;
    a.connect();
    await until(() => names(a).includes("Authentication failed"));
    assert.deepEqual(a.seen.states, [["connecting", undefined], ["disconnected", 4401]]);
    assert.deepEqual(names(a), ["Message sending failed", "Authentication failed"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(proxy.connections, before + 1);
  }
});

test("a room that is not one's own is final", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine({ roomId: 40, reconnectInterval: 0 });
  a.connect();
  await until(() => names(a).includes("Access denied"));
  assert.deepEqual(a.seen.states, [["connecting", undefined], ["disconnected", 4403]]);
});

test("it gives up after maxReconnectAttempts, until told to connect", limit, async (t) => {
  const { mine, proxy } = await room(t);
  const a = mine({ maxReconnectAttempts: 3, reconnectInterval: 1 });
  proxy.refuses = true;
  a.sendMessage("x");
  a.connect();
  await until(() => names(a).includes("Message sending failed"));
  assert.equal(proxy.connections, 4);
  assert.equal(a.seen.states.filter(([state]) => state === "connecting").length, 4);
  assert.equal(names(a).filter((name) => name === "Connection failed").length, 4);
  proxy.refuses = false;
  a.connect();
  await until(() => a.isConnected);
});

test("the waits between attempts follow the options", limit, async (t) => {
  const { mine, proxy } = await room(t);
  const waits = [];
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (fn, ms, ...args) => {
    if (ms > 1000 && ms !== 10_000) {
      waits.push(ms);
      return real(fn, 0, ...args);
    }
    return real(fn, ms, ...args);
  });
  proxy.refuses = true;
  const a = mine({ reconnectInterval: undefined, random: () => 0.5 });
  a.connect();
  await until(() => proxy.connections === 11 && a.seen.states.at(-1)[0] === "disconnected");
  assert.deepEqual(waits, [3750, 7500, 15000, 30000, ...Array(6).fill(45000)]);
});

test("a connection that is not answered in time has failed", limit, async (t) => {
  const silent = net.createServer(() => {});
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${silent.address().port}`;
  const options = { connectionTimeout: 20, maxReconnectAttempts: 0 };
  const a = record({ baseUrl, roomId: 1, token: "t", ...options });
  t.after(() => {
    a.disconnect();
    silent.close();
  });
  a.connect();
  await until(() => a.seen.errors.length === 1);
  assert.equal(names(a)[0], "Connection failed");
  assert.match(a.seen.errors[0][1].message, /No connection within 20 ms/);
});

test("pings are sent, paused and resumed", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine({ heartbeatInterval: 200 });
  const pings = () => a.seen.frames.filter(({ type }) => type === "ping").length;
  await connected(a);
  await until(() => pings() >= 2);
  a.pauseHeartbeat();
  const before = pings();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(pings(), before);
  a.resumeHeartbeat();
  await until(() => pings() > before);
  assert.equal(a.isConnected, true);
});

test("a connection that falls silent is replaced", limit, async (t) => {
  const { mine, proxy } = await room(t);
  const a = mine({ heartbeatInterval: 200 });
  await connected(a);
  proxy.losesAnswers = true;
  await until(() => a.seen.states.some(([state]) => state === "disconnected"));
  proxy.losesAnswers = false;
  proxy.cut();
  await until(() => a.isConnected);
});

test("checkConnection says whether it is alive, and reconnects if not", limit, async (t) => {
  const { mine, proxy } = await room(t);
  const a = mine({ connectionTimeout: 500 });
  assert.equal(await a.checkConnection(), false);
  await connected(a);
  assert.equal(await a.checkConnection(), true);
  assert.equal(a.seen.frames.at(-1).type, "connection_check");
  proxy.losesAnswers = true;
  assert.equal(await a.checkConnection(), false);
  proxy.losesAnswers = false;
  proxy.cut();
  await until(() => a.isConnected);
});

test("in the background no pings are sent; on return the connection is checked", limit, async (t) => {
  const { mine } = await room(t);
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  t.after(() => delete globalThis.document);
  const show = (visible) => {
    document.hidden = !visible;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const a = mine({ heartbeatInterval: 200 });
  await connected(a);
  show(false);
  a.seen.frames.length = 0;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(a.seen.frames.filter(({ type }) => type === "ping"), []);
  show(true);
  await until(() => a.seen.frames.some(({ type }) => type === "ping"));
  assert.equal(a.seen.frames.find(({ type }) => type !== "message_delivered").type, "connection_check");
});

test("when the network returns it connects at once; after disconnect it does not", limit, async (t) => {
  const { mine, proxy } = await room(t);
  const network = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"]) {
    globalThis[name] = network[name].bind(network);
    t.after(() => delete globalThis[name]);
  }
  const a = mine({ reconnectInterval: 1e9, maxReconnectInterval: 1e9 });
  await connected(a);
  network.dispatchEvent(new Event("offline"));
  await until(() => a.seen.frames.some(({ type }) => type === "connection_check"));
  proxy.cut();
  await until(() => !a.isConnected);
  network.dispatchEvent(new Event("online"));
  await until(() => a.isConnected);
  a.disconnect();
  assert.deepEqual(a.seen.states.at(-1), ["disconnected", 1000]);
  network.dispatchEvent(new Event("online"));
  assert.deepEqual(a.seen.states.at(-1), ["disconnected", 1000]);
});

test("when the server drains it moves to the next one", limit, async (t) => {
  const first = await startServer();
  const second = await startServer();
  const proxy = await startProxy(first.port);
  const a = record({ baseUrl: proxy.url, roomId: 1, token: tokenFor(1), reconnectInterval: 300 });
  t.after(async () => {
    a.disconnect();
    await proxy.stop();
    await second.stop("SIGKILL");
  });
  a.connect();
  await until(() => a.isConnected);
  proxy.target = second.port;
  await first.stop();
  await until(() => a.isConnected && a.seen.states.length >= 5);
  const states = a.seen.states.map(([state]) => state);
  assert.deepEqual(states.slice(0, 3), ["connecting", "connected", "disconnected"]);
  assert.ok([1012, 4000].includes(a.seen.states[2][1]));
  assert.deepEqual(names(a), []);
});
