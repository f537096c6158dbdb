// Messages, statuses, typing, presence: what the document's callbacks are told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatRest, HttpError, TeamRest } from "../index.js";
import { tokenFor } from "./support/server.js";
import { uuid } from "./support/team.js";
import { connected, record, until, world } from "./support/world.js";

const room = world();
const limit = { timeout: 60_000 };
const contents = (client) => client.seen.messages.map(({ content }) => content);

test("connecting tells of it and shows the newest page, oldest first", limit, async (t) => {
  const { mine, me, roomId, direct } = await room(t);
  const rest = new ChatRest({ baseUrl: direct, token: tokenFor(me) });
  for (let n = 0; n < 130; n += 1) await rest.sendMessage(roomId, `${n}`);
  const client = mine();
  assert.equal(client.isConnected, false);
  client.connect();
  await until(() => client.seen.messages.length === 50);
  assert.deepEqual(client.seen.states, [["connecting", undefined], ["connected", undefined]]);
  assert.equal(client.isConnected, true);
  assert.equal(client.userId, me);
  const all = Array.from({ length: 130 }, (_, n) => `${n}`);
  assert.deepEqual(contents(client), all.slice(80));
  assert.equal((await client.loadOlder()).length, 50);
  assert.equal((await client.loadOlder()).length, 30);
  assert.deepEqual(await client.loadOlder(), []);
  assert.deepEqual(client.messages.map(({ content }) => content), all);
  assert.equal(client.seen.messages.length, 50, "onMessage is not called for older ones");
});

test("a message goes from sending to sent, delivered and read", limit, async (t) => {
  const { mine, yours, me, you, roomId } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  const tempId = `temp_${Date.now()}`;
  assert.equal(a.sendMessage("Hello!", tempId), tempId);
  assert.equal(a.messages.at(-1).status, "sending");
  await until(() => b.seen.messages.length > 0 && a.seen.messages.length > 0);
  const [sent] = a.seen.messages;
  const { created_at, ...rest } = sent;
  assert.match(created_at, /Z$/);
  assert.deepEqual(rest, {
    id: sent.id,
    content: "Hello!",
    sender_id: me,
    sender_username: `user_${me}`,
    status: "sent",
    room_id: roomId,
    temp_id: tempId,
  });
  assert.equal("temp_id" in b.seen.messages[0], false);
  b.sendMessageRead(String(sent.id));
  const of = (client, id) => client.seen.statuses.filter(([which]) => which === id);
  await until(() => of(a, sent.id).at(-1)?.[1] === "read");
  assert.deepEqual(of(a, tempId).map(([, status]) => status), ["sending", "sent"]);
  assert.equal(of(a, tempId)[1][2].message_id, sent.id);
  assert.deepEqual(of(a, sent.id).map(([, status]) => status), ["delivered", "read"]);
  assert.equal(of(a, sent.id)[1][2].updated_by, you);
  assert.equal(a.messages.at(-1).status, "read");
  assert.deepEqual([...a.seen.errors, ...b.seen.errors], []);
});

test("delivery receipts can be left to the application", limit, async (t) => {
  const { mine, yours } = await room(t);
  const [a, b] = [mine(), yours({ deliveryReceipts: false })];
  await connected(a, b);
  a.sendMessage("x");
  await until(() => b.seen.messages.length > 0);
  assert.deepEqual(b.seen.frames.filter(({ type }) => type === "message_delivered"), []);
  const { id } = b.seen.messages[0];
  b.sendMessageDelivered(id);
  await until(() => a.seen.statuses.some(([which, status]) => which === id && status === "delivered"));
});

test("older messages are marked as delivered, too, and loaded once at a time", limit, async (t) => {
  const { mine, you, roomId, direct } = await room(t);
  const rest = new ChatRest({ baseUrl: direct, token: tokenFor(you) });
  for (let n = 0; n < 130; n += 1) await rest.sendMessage(roomId, `${n}`);
  const a = mine();
  a.connect();
  await until(() => a.seen.messages.length === 50);
  const [first, second] = await Promise.all([a.loadOlder(), a.loadOlder()]);
  assert.deepEqual([first.length, second.length], [50, 50]);
  await until(async () => {
    const { results } = await rest.listMessages(roomId, 2);
    return results.every(({ status }) => status === "delivered");
  });
});

test("a mark of what was deleted is not sent for ever", limit, async (t) => {
  const { mine, you, roomId, proxy, direct } = await room(t);
  const a = mine({ deliveryReceipts: false });
  await connected(a);
  const rest = new TeamRest({ baseUrl: `${direct}/team`, token: tokenFor(you) });
  const { id } = await rest.sendMessage(uuid(roomId), { content: "short-lived" });
  await until(() => a.seen.messages.length === 1);
  await rest.deleteMessage(uuid(roomId), id);
  a.sendMessageRead(a.seen.messages[0].id);
  for (const text of ["one", "two", "three"]) {
    proxy.cut();
    await until(() => !a.isConnected);
    await until(() => a.isConnected);
    a.sendMessage(text);
    await until(() => contents(a).includes(text));
  }
  assert.equal(a.seen.frames.filter(({ type }) => type === "message_read").length, 2);
});

test("messages sent before the connection go out with it, in order", limit, async (t) => {
  const { mine, yours } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(b);
  for (const text of ["1", "2", "3"]) a.sendMessage(text);
  assert.deepEqual(a.messages.map(({ status }) => status), ["sending", "sending", "sending"]);
  a.connect();
  await until(() => b.seen.messages.length === 3 && a.seen.messages.length === 4);
  assert.deepEqual(contents(b), ["1", "2", "3"]);
  assert.deepEqual(contents(a).slice(1), ["1", "2", "3"]);
});

test("a message that the server refuses has failed, with its reason", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine();
  await connected(a);
  const tempId = a.sendMessage("x".repeat(1001));
  await until(() => a.seen.errors.length > 0);
  const [[message, error]] = a.seen.errors;
  assert.equal(message, "Message sending failed");
  assert.equal(error.message, "Message too long (max 1000 characters)");
  assert.equal(error.tempId, tempId);
  assert.deepEqual(a.seen.statuses.at(-1).slice(0, 2), [tempId, "failed"]);
  assert.equal(a.messages.at(-1).status, "failed");
  a.discardMessage(tempId);
  assert.equal(a.messages.at(-1).status, "sent");
});

test("a message over the frame limit fails and leaves the connection alone", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine();
  await connected(a);
  const tempId = a.sendMessage("x".repeat(300_000));
  assert.deepEqual(a.seen.errors, []);
  a.sendMessage("small");
  await until(() => contents(a).includes("small") && a.seen.errors.length === 1);
  assert.equal(a.seen.errors[0][1].tempId, tempId);
  assert.deepEqual(a.seen.states, []);
});

test("a message over the server's limit fails alone", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine({ maxFrameBytes: 1e9, maxReconnectAttempts: 3 });
  await connected(a);
  const tempId = a.sendMessage("x".repeat(300_000));
  a.sendMessage("small");
  await until(() => contents(a).includes("small"));
  assert.deepEqual(a.seen.errors.map(([, error]) => error.tempId), [tempId]);
  assert.deepEqual(a.seen.states[0], ["disconnected", 1009]);
});

test("other errors of the server are told in its words", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine();
  await connected(a);
  a.sendMessageRead(99_999_999);
  await until(() => a.seen.errors.length > 0);
  assert.equal(a.seen.errors[0][0], a.seen.errors[0][1].message);
});

test("typing stops itself, and can be stopped", limit, async (t) => {
  const { mine, yours, me } = await room(t);
  const [a, b] = [mine({ typingTimeout: 30 }), yours()];
  await connected(a, b);
  const data = (isTyping) => ({ userId: me, username: `user_${me}`, isTyping });
  a.startTyping();
  a.startTyping();
  await until(() => b.seen.typing.length === 2);
  assert.deepEqual(b.seen.typing, [data(true), data(false)]);
  a.startTyping();
  a.stopTyping();
  a.stopTyping();
  await until(() => b.seen.typing.length === 4);
  const sent = a.seen.frames.map(({ type }) => type).filter((type) => type.startsWith("typing"));
  assert.deepEqual(sent, ["typing_on", "typing_off", "typing_on", "typing_off"]);
  assert.deepEqual(a.seen.typing, []);
});

test("who typed when the connection was lost types no more", limit, async (t) => {
  const { mine, yours, me, you, proxy } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a, b);
  b.startTyping();
  await until(() => a.seen.typing.length === 1);
  proxy.cut();
  await until(() => a.seen.typing.length >= 2);
  assert.deepEqual(a.seen.typing[1], { userId: you, username: `user_${you}`, isTyping: false });
  assert.notEqual(me, you);
});

test("presence of the other is told", limit, async (t) => {
  const { mine, yours, you } = await room(t);
  const [a, b] = [mine(), yours()];
  await connected(a);
  b.connect();
  await until(() => a.seen.presence.length === 1);
  b.disconnect();
  await until(() => a.seen.presence.length === 2);
  assert.deepEqual(a.seen.presence.map((p) => [p.user_id, p.is_online]), [[you, true], [you, false]]);
  assert.match(a.seen.presence[1].last_seen, /Z$/);
});

test("the REST endpoints answer as documented", limit, async (t) => {
  const { me, you, roomId, direct } = await room(t);
  const rest = new ChatRest({ baseUrl: `${direct}/`, token: async () => tokenFor(me) });
  const sent = await rest.sendMessage(roomId, "hi", { idempotencyKey: "k" });
  assert.equal((await rest.sendMessage(roomId, "hi", { idempotencyKey: "k" })).id, sent.id);
  assert.equal((await rest.listMessages(roomId)).results[0].id, sent.id);
  assert.equal((await rest.listRooms()).results[0].id, roomId);
  assert.equal((await rest.getRoom(roomId)).other_participant.id, you);
  assert.equal((await rest.getStats()).user_id, me);
  assert.equal((await rest.checkRoomHealth(roomId)).room_id, roomId);
  assert.equal((await rest.broadcastHealthCheck()).health_checks_sent, 1);
  const refused = await rest.sendMessage(roomId, " ").catch((error) => error);
  assert.ok(refused instanceof HttpError);
  assert.equal(refused.status, 400);
  assert.match(refused.message, /^POST messages\/: 400 content: /);
});

test("an exception in a callback is reported and breaks nothing", limit, async (t) => {
  const { mine } = await room(t);
  const a = mine();
  await connected(a);
  const fault = new Error("the application's own");
  const reported = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (error) => reported.push(error));
  t.after(() => others.forEach((listener) => process.on("uncaughtException", listener)));
  a.onMessageStatusUpdate = () => {
    a.onMessageStatusUpdate = () => {};
    throw fault;
  };
  a.sendMessage("still sent");
  await until(() => contents(a).includes("still sent") && reported.length > 0);
  assert.deepEqual(reported, [fault]);
});

test("what can't work is said at once", () => {
  const good = { baseUrl: "http://localhost", roomId: 1, token: "t" };
  for (const [wrong, sentence] of [
    [{ baseUrl: undefined }, /baseUrl is required/],
    [{ roomId: "x" }, /roomId/],
    [{ token: "" }, /token is required/],
    [{ WebSocket: null }, /WebSocket/],
    [{ typingTimeout: "3 s" }, /typingTimeout must be a number/],
    [{ messageTimeout: -1 }, /messageTimeout must be a number from 0/],
    [{ deliveryReceipts: 1 }, /deliveryReceipts must be a boolean/],
  ]) {
    assert.throws(() => record({ ...good, ...wrong }), sentence);
  }
  const client = record(good);
  assert.throws(() => client.sendMessage("  "), /needs some text/);
  assert.throws(() => client.sendMessage("x", ""), /tempId/);
  for (let n = 0; n < 1000; n += 1) client.sendMessage(`${n}`);
  assert.throws(() => client.sendMessage("one more"), /1000 messages are waiting/);
});
