// A room of the team document: what becomes of sends, with and without files.

import assert from "node:assert/strict";
import { test } from "node:test";

import { contents, cutOff, held, pairs, recordTeam, uuid } from "./support/team.js";
import { until, world } from "./support/world.js";

const pair = pairs(world());
const limit = { timeout: 30_000 };
const file = () => new File(["a small text"], "note.txt", { type: "text/plain" });
const states = (live) => live.seen.states.map(([state]) => state);
const isPost = ({ method }) => method === "POST";

/** Once what was sent before is known to have been handled. */
async function settled(live) {
  const tempId = live.send("settled");
  await until(() => live.messages.some(({ id, temp_id }) => id && temp_id === tempId));
}

test("a message over the frame limit fails and leaves the connection alone", limit, async (t) => {
  const { mine } = await pair(t);
  const tempId = mine.send("x".repeat(300_000));
  assert.deepEqual(mine.seen.errors, []);
  await until(() => mine.seen.errors.length === 1);
  const [[message, error]] = mine.seen.errors;
  assert.equal(message, "Message sending failed");
  assert.equal(error.tempId, tempId);
  assert.match(error.message, /262144 bytes/);
  await settled(mine);
  assert.deepEqual(states(mine), ["connecting", "connected"]);
});

test("a message over the server's limit fails alone", limit, async (t) => {
  const { mine, yours } = await pair(t, { maxFrameBytes: 1e9, maxReconnectAttempts: 3 });
  const [large, small] = [mine.send("x".repeat(300_000)), mine.send("small")];
  await until(() => contents(yours).includes("small"));
  await until(() => mine.messages.some(({ id, temp_id }) => id && temp_id === small));
  // The small one keeps its place behind the large one until history is there.
  assert.equal(mine.messages.find(({ temp_id }) => temp_id === large).status, "failed");
  assert.deepEqual(mine.seen.errors.map(([, error]) => error.tempId), [large]);
  assert.deepEqual(states(mine), ["connecting", "connected", "disconnected", "connecting", "connected"]);
});

test("no send is timed while there is no connection", limit, async (t) => {
  const { mine, proxy } = await pair(t, { messageTimeout: 77_777 });
  const [waiting, real] = [new Set(), globalThis.setTimeout];
  t.mock.method(globalThis, "setTimeout", (run, ms, ...more) => {
    const timer = real(run, ms, ...more);
    if (ms === 77_777) waiting.add(timer);
    return timer;
  });
  const clear = globalThis.clearTimeout;
  t.mock.method(globalThis, "clearTimeout", (timer) => {
    waiting.delete(timer);
    clear(timer);
  });
  proxy.losesRequests = true;
  mine.send("x");
  assert.equal(waiting.size, 1);
  await cutOff(proxy, mine);
  assert.equal(waiting.size, 0);
  [proxy.losesRequests, proxy.refuses] = [false, false];
  await until(() => mine.messages[0].id);
  proxy.losesRequests = true;
  mine.send("y");
  assert.equal(waiting.size, 1);
  mine.disconnect();
  assert.equal(waiting.size, 0);
  assert.equal(mine.messages[1].status, "sending");
});

test("a send without an answer fails and the connection is replaced", limit, async (t) => {
  const { mine, proxy } = await pair(t, { messageTimeout: 100 });
  proxy.losesAnswers = true;
  mine.send("x", { tempId: "T" });
  await until(() => states(mine).includes("disconnected"));
  assert.equal(mine.messages[0].status, "failed");
  proxy.losesAnswers = false;
  proxy.cut();
  await until(() => mine.messages.some(({ id }) => id));
  mine.send("x", { tempId: "T" });
  await until(() => {
    mine.retry("T");
    return mine.messages.every(({ id }) => id);
  });
  assert.deepEqual(mine.messages.map(({ content, temp_id }) => [content, temp_id]), [["x", "T"]]);
});

test("sending a failed message again with its tempId is the same message", limit, async (t) => {
  const { mine, proxy, yours } = await pair(t, { maxReconnectAttempts: 0 }, false);
  proxy.refuses = true;
  mine.send("x", { tempId: "T" });
  mine.connect();
  await until(() => mine.messages[0].status === "failed");
  proxy.refuses = false;
  yours.connect();
  mine.connect();
  mine.send("x", { tempId: "T" });
  assert.equal(mine.messages.length, 1);
  await until(() => mine.messages[0].id);
  await settled(mine);
  assert.deepEqual(contents(mine), ["x", "settled"]);
});

test("a file waits for the connection", limit, async (t) => {
  const { mine, yours, proxy } = await pair(t);
  await cutOff(proxy, mine);
  mine.send("see here", { file: file() });
  await until(() => states(mine).filter((state) => state === "connecting").length > 2);
  assert.equal(mine.messages[0].status, "sending");
  proxy.refuses = false;
  await until(() => mine.messages[0].file_attachment && yours.messages[0]?.file_attachment);
  await until(() => mine.messages.length === 1);
});

test("a file whose connection is lost on the way is stored once and shown once", limit, async (t) => {
  const requests = held();
  const { mine, yours, proxy } = await pair(t, { fetch: requests.fetch });
  requests.keeps = (_, options) => isPost(options);
  mine.send("see here", { file: file() });
  await until(() => requests.count === 1 && yours.messages.length === 1);
  requests.keeps = () => false;
  proxy.cut();
  await until(() => mine.messages.length === 1 && mine.messages[0].id && mine.messages[0].temp_id);
  assert.deepEqual(mine.seen.errors, []);
  requests.release();
  await settled(mine);
  assert.deepEqual(contents(mine), ["see here", "settled"]);
  assert.deepEqual(contents(yours), ["see here", "settled"]);
});

test("a file without an answer fails, and can be sent again or discarded", limit, async (t) => {
  const server = { hangs: true };
  const { mine } = await pair(t, {
    messageTimeout: 300,
    fetch: (url, options) =>
      isPost(options) && server.hangs ? new Promise(() => {}) : fetch(url, options),
  });
  const [first, second] = [mine.send("1", { file: file() }), mine.send("2", { file: file() })];
  await until(() => mine.messages.every(({ status }) => status === "failed"));
  server.hangs = false;
  mine.discard(second);
  await until(() => {
    mine.retry(first);
    return mine.messages.length === 1 && mine.messages[0].id;
  });
  assert.deepEqual(contents(mine), ["1"]);
});

test("an upload whose answer can't be read fails and stays", limit, async (t) => {
  const server = { isBad: true };
  const { mine } = await pair(t, {
    async fetch(url, options) {
      const answer = await fetch(url, options);
      return isPost(options) && server.isBad ? new Response("<html>", { status: 200 }) : answer;
    },
  });
  const tempId = mine.send("see here", { file: file() });
  await until(() => mine.seen.errors.length === 1);
  assert.equal(mine.messages.at(-1).status, "failed");
  server.isBad = false;
  mine.retry(tempId);
  await until(() => mine.messages.length === 1 && mine.messages[0].id);
});

test("an application that sends again from onError is told once at a time", limit, async (t) => {
  const { mine, proxy } = await pair(t, { maxReconnectAttempts: 0 }, false);
  let told = 0;
  let atOnce = 0;
  mine.onError = (message) => {
    if (message !== "Message sending failed" || told >= 100) return;
    told += 1;
    if (told === 1) queueMicrotask(() => (atOnce = told));
    mine.send("again");
  };
  proxy.refuses = true;
  mine.send("x");
  mine.connect();
  await until(() => told > 0 && mine.seen.states.at(-1)[0] === "disconnected");
  assert.equal(atOnce, 1);
});

test("what can't work is said at once", () => {
  const good = { baseUrl: "http://localhost", roomId: uuid(1), token: "t" };
  for (const [wrong, sentence] of [
    [{ roomId: "" }, /roomId/],
    [{ token: "" }, /token is required/],
    [{ WebSocket: null }, /WebSocket/],
    [{ heartbeatInterval: "30 s" }, /heartbeatInterval must be a number/],
    [{ messageTimeout: -1 }, /messageTimeout must be a number from 0/],
  ]) {
    assert.throws(() => recordTeam({ ...good, ...wrong }), sentence);
  }
  const live = recordTeam(good);
  assert.throws(() => live.send("  "), /needs some text or a file/);
  assert.throws(() => live.send("x", { tempId: "x".repeat(201) }), /tempId/);
});
