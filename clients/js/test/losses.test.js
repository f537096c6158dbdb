// What both clients promise of connections that end, each against the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";

import { ChatRest, TeamRest } from "../index.js";
import { tokenFor } from "./support/server.js";
import { recordTeam, uuid } from "./support/team.js";
import { record, until, world } from "./support/world.js";

const room = world();
const limit = { timeout: 30_000 };
const names = (live) => live.seen.errors.map(([message]) => message);
const states = (live) => live.seen.states.map(([state]) => state);
const hang = () => new Promise(() => {});

/** What makes a client; `say` is what the other does, `count` is for the test. */
const kinds = {
  ChatClient: ({ roomId, proxy, direct, me, you }) => {
    const rest = new ChatRest({ baseUrl: direct, token: tokenFor(you) });
    return {
      make: (options) => record({ baseUrl: proxy.url, roomId, token: tokenFor(me), ...options }),
      say: (content) => rest.sendMessage(roomId, content),
      send: (live, text) => live.sendMessage(text),
    };
  },
  TeamRoom: ({ roomId, proxy, direct, me, you }) => {
    const [baseUrl, id] = [`${proxy.url}/team`, uuid(roomId)];
    const rest = new TeamRest({ baseUrl: `${direct}/team`, token: tokenFor(you) });
    return {
      make: (options) => recordTeam({ baseUrl, roomId: id, token: tokenFor(me), ...options }),
      say: (content) => rest.sendMessage(id, { content }),
      send: (live, text) => live.send(text),
    };
  },
};

/** A client of this kind behind the proxy, with options that may depend on what there is. */
async function begin(kind, t, given) {
  const place = await room(t);
  const { make, say, send } = kinds[kind](place);
  const it = { ...place, say, count: 0, sockets: [] };
  class Spied extends WebSocket {
    constructor(url) {
      super(url);
      it.sockets.push(this);
    }
  }
  it.live = make({ WebSocket: Spied, ...given(it) });
  it.send = (text) => send(it.live, text);
  t.after(() => it.live.disconnect());
  return it;
}

/** The same test of both clients. */
function both(name, given, run) {
  for (const kind of Object.keys(kinds)) {
    test(`${kind}: ${name}`, limit, async (t) => run(await begin(kind, t, given), t));
  }
}

const shows = (live, content) => live.messages.some((m) => m.content === content && m.id);

/** Whether a message of one's own has been told. */
const told = (live, text) => live.seen.messages.some(({ content }) => content === text);

/** Connected, history there, and a message through. */
async function ready({ live, send }) {
  live.connect();
  send("ready");
  await until(() => told(live, "ready"));
}

/** As when the server closes with this code. */
const close = (sockets, code) => sockets.at(-1).onclose({ code, reason: "" });

const renews = (it) => ({
  token() {
    it.count += 1;
    return it.isRefused ? "bad" : tokenFor(it.me);
  },
});

both("a token that expires is asked for anew, once", renews, async (it) => {
  await ready(it);
  const before = it.count;
  close(it.sockets, 4401);
  assert.equal(it.live.isConnected, false);
  it.send("after");
  await until(() => told(it.live, "after"));
  assert.ok(it.count > before);
  assert.deepEqual(names(it.live), []);
  const { length } = it.sockets;
  it.isRefused = true;
  close(it.sockets, 4401);
  await until(() => names(it.live).length > 0);
  assert.deepEqual(names(it.live), ["Authentication failed"]);
  assert.deepEqual(it.live.seen.states.at(-1), ["disconnected", 4401]);
  assert.equal(it.sockets.length, length + 1);
});

both("a token that is text is not asked for anew", () => ({}), async (it) => {
  await ready(it);
  close(it.sockets, 4401);
  assert.deepEqual(names(it.live), ["Authentication failed"]);
});

/** The next requests, as many as `count` says, have a bad token. */
const refused = (it) => ({
  token: () => tokenFor(it.me),
  fetch(url, request) {
    it.count -= 1;
    const headers = it.count >= 0 ? { Authorization: "Bearer bad" } : request.headers;
    return fetch(url, { ...request, headers });
  },
});

both("a request whose token has expired is made again with another, once", refused, async (it) => {
  await ready(it);
  it.count = 1;
  it.proxy.cut();
  await until(() => !it.live.isConnected);
  await it.say("missed");
  await until(() => shows(it.live, "missed"));
  assert.deepEqual(names(it.live), []);
  it.count = 2;
  it.proxy.cut();
  await until(() => names(it.live).length > 0);
  assert.deepEqual(names(it.live), ["Authentication failed"]);
});

const hangsOnce = (it) => ({
  connectionTimeout: 500,
  maxReconnectAttempts: 1e6,
  fetch: (...request) => ((it.count += 1) === 1 ? hang() : fetch(...request)),
});

both("a history that never comes is asked for again", hangsOnce, async (it) => {
  await it.say("first");
  it.live.connect();
  await until(() => shows(it.live, "first"));
  assert.equal(names(it.live)[0], "Connection failed");
});

const hangsForToken = (it) => ({
  connectionTimeout: 500,
  maxReconnectAttempts: 1e6,
  token: () => ((it.count += 1) === 2 ? hang() : tokenFor(it.me)),
});

both("so it is where the application gives no token", hangsForToken, async (it) => {
  await it.say("first");
  it.live.connect();
  await until(() => shows(it.live, "first"));
});

const rejects = (it) => ({
  token: () => ((it.count += 1) === 2 ? Promise.reject() : tokenFor(it.me)),
});

both("a token function may reject with nothing", rejects, async (it) => {
  await it.say("first");
  it.live.connect();
  await until(() => shows(it.live, "first"));
  assert.ok(it.live.seen.errors.every(([, error]) => error instanceof Error));
});

/** The first request is kept until the test rejects it. */
const keepsFirst = (it) => ({
  fetch(...request) {
    it.count += 1;
    return it.count > 1 ? fetch(...request) : new Promise((_, reject) => (it.reject = reject));
  },
});

both("a request of an old connection does nothing to the next", keepsFirst, async (it) => {
  it.live.connect();
  await until(() => it.reject);
  it.proxy.cut();
  await until(() => !it.live.isConnected);
  await ready(it);
  it.reject(Object.assign(new Error("401"), { status: 401 }));
  it.send("after");
  await until(() => told(it.live, "after"));
  assert.equal(states(it.live).filter((state) => state === "disconnected").length, 1);
  assert.deepEqual(names(it.live), []);
});

const never = { reconnectInterval: 1e9, maxReconnectInterval: 1e9 };

for (const [what, error] of [
  ["fails", new TypeError("fetch failed")],
  ["is refused", Object.assign(new Error("401"), { status: 401 })],
]) {
  const given = (it) => ({ ...keepsFirst(it), ...never });
  both(`nor where it ${what} while the next is waited for`, given, async (it) => {
    it.live.connect();
    await until(() => it.reject);
    it.proxy.cut();
    await until(() => !it.live.isConnected);
    it.reject(error);
    await new Promise(setImmediate);
    assert.deepEqual(names(it.live), []);
    assert.deepEqual(states(it.live), ["connecting", "connected", "disconnected"]);
  });
}

const keepsAnswer = (it) => ({
  async fetch(...request) {
    const answer = await fetch(...request);
    await new Promise((resolve) => (it.answer = resolve));
    return answer;
  },
});

both("after disconnect nothing is shown", keepsAnswer, async (it) => {
  await it.say("first");
  it.live.connect();
  await until(() => it.answer && it.live.isConnected);
  it.live.disconnect();
  it.answer();
  for (const text of ["second", "third"]) await it.say(text);
  assert.deepEqual(it.live.messages, []);
});

const failing = () => ({
  maxReconnectAttempts: 0,
  fetch: async () => new Response("{}", { status: 500 }),
});

both("giving up is told once", failing, async (it) => {
  it.live.connect();
  await until(() => states(it.live).includes("disconnected"));
  assert.deepEqual(names(it.live), ["Connection failed"]);
});

both("what is sent after the end fails", () => ({ token: "bad" }), async (it) => {
  it.live.connect();
  await until(() => names(it.live).length === 1);
  const tempId = it.send("x");
  assert.equal(it.live.messages[0].status, "sending");
  await until(() => it.live.messages[0].status === "failed");
  assert.equal(names(it.live)[1], "Message sending failed");
  assert.equal(it.live.seen.errors[1][1].tempId, tempId);
});

const badAtFirst = (it) => ({ token: () => (it.isGood ? tokenFor(it.me) : "bad") });

both("connecting as soon as it ends is a new beginning", badAtFirst, async (it) => {
  const tell = it.live.onConnectionChange;
  it.live.onConnectionChange = (...state) => {
    tell(...state);
    if (state[0] !== "disconnected" || it.isGood) return;
    it.isGood = true;
    it.live.connect();
    it.send("after");
  };
  it.live.connect();
  await until(() => shows(it.live, "after"));
  assert.equal(names(it.live).includes("Message sending failed"), false);
});

const limits = (it) => ({
  fetch(...request) {
    it.count += 1;
    if (it.count > 1) return fetch(...request);
    return Promise.resolve(new Response("{}", { status: 429, headers: { "Retry-After": "1" } }));
  },
});

both("a read that is limited is made again on the same connection", limits, async (it) => {
  await it.say("first");
  it.live.connect();
  const began = performance.now();
  await until(() => shows(it.live, "first"));
  assert.ok(performance.now() - began >= 990);
  assert.deepEqual(states(it.live), ["connecting", "connected"]);
  assert.deepEqual(names(it.live), []);
});

function withDocument(t) {
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  t.after(() => delete globalThis.document);
  return (visible) => {
    document.hidden = !visible;
    document.dispatchEvent(new Event("visibilitychange"));
  };
}

both("when the page comes back it connects at once", () => never, async (it, t) => {
  const show = withDocument(t);
  await ready(it);
  it.proxy.cut();
  await until(() => !it.live.isConnected);
  show(false);
  show(true);
  await until(() => it.live.isConnected);
});

test("ChatClient: hidden when it left, it beats again once it is back", limit, async (t) => {
  const show = withDocument(t);
  const { mine } = await room(t);
  const live = mine({ heartbeatInterval: 200 });
  await ready({ live, send: (text) => live.sendMessage(text) });
  show(false);
  live.disconnect();
  show(true);
  live.seen.frames.length = 0;
  live.connect();
  await until(() => live.seen.frames.some(({ type }) => type === "ping"));
});

/** Requests go past the proxy: what is dead is the WebSocket alone. */
const beats = (it) => ({
  heartbeatInterval: 200,
  maxReconnectAttempts: 1e6,
  fetch(url, options) {
    if (url.includes("page_size=1")) it.count += 1;
    return fetch(url.replace(it.proxy.url, it.direct), options);
  },
});

const dies = (it) => ({ ...beats(it), connectionTimeout: 500 });

both("a WebSocket that is dead is replaced", dies, async (it) => {
  await ready(it);
  it.proxy.losesAnswers = true;
  await it.say("missed");
  await until(() => states(it.live).includes("disconnected"));
  it.proxy.losesAnswers = false;
  it.proxy.cut();
  await until(() => shows(it.live, "missed"));
});

test("TeamRoom: a WebSocket that is only silent stays", limit, async (t) => {
  const it = await begin("TeamRoom", t, beats);
  await ready(it);
  await it.say("heard");
  await until(() => shows(it.live, "heard"));
  const { count } = it;
  await until(() => it.count > count + 3);
  assert.equal(await it.live.checkConnection(), true);
  assert.deepEqual(states(it.live), ["connecting", "connected"]);
});

const relative = (it) => ({
  baseUrl: "/team",
  roomId: uuid(it.roomId),
  fetch: (url, options) => fetch(new URL(url, it.direct), options),
});

test("TeamRoom: a relative baseUrl is the page's", limit, async (t) => {
  t.after(() => delete globalThis.location);
  const it = await begin("TeamRoom", t, (place) => {
    globalThis.location = new URL(place.direct);
    return relative(place);
  });
  await ready(it);
});

test("TeamRoom: who typed types no more, and one's own typing is told again", limit, async (t) => {
  const mine = await begin("TeamRoom", t, () => ({ typingTimeout: 60_000 }));
  const yours = recordTeam({
    baseUrl: `${mine.direct}/team`,
    roomId: uuid(mine.roomId),
    token: tokenFor(mine.you),
    typingTimeout: 60_000,
  });
  t.after(() => yours.disconnect());
  yours.connect();
  await ready(mine);
  await until(() => yours.isConnected);
  mine.live.startTyping();
  yours.startTyping();
  await until(() => mine.live.seen.typing.length === 1 && yours.seen.typing.length === 1);
  mine.proxy.cut();
  await until(() => mine.live.seen.typing.length >= 2);
  assert.equal(mine.live.seen.typing[1].isTyping, false);
  await until(() => mine.live.isConnected);
  mine.live.startTyping();
  await until(() => yours.seen.typing.filter(({ isTyping }) => isTyping).length === 2);
});
