// A room of the team document: everything against the real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";

import { HttpError, TeamRoom } from "../index.js";
import { tokenFor } from "./support/server.js";
import { contents, pairs, uuid } from "./support/team.js";
import { until, world } from "./support/world.js";

const room = world();
const pair = pairs(room);
const limit = { timeout: 60_000 };

test("messages, replies, edits, reactions and deletions reach the other", limit, async (t) => {
  const { mine, yours, you } = await pair(t);
  mine.send("one");
  assert.equal(mine.messages.at(-1).status, "sending");
  const [first] = await until(() => yours.messages.length === 1 && yours.messages);
  assert.equal(first.content, "one");
  await until(() => mine.messages[0].id === first.id && mine.messages.length === 1);
  yours.send("two", { replyTo: first.id });
  const reply = await until(() => mine.messages[1]);
  assert.equal(reply.reply_to, first.id);
  await mine.edit(first.id, "won");
  await until(() => yours.messages[0].content === "won" && yours.messages[0].is_edited);
  await yours.react(first.id, "👍");
  await until(() => mine.messages[0].reactions["👍"]?.[0] === you);
  await yours.react(first.id, "👍", "remove");
  await until(() => !mine.messages[0].reactions["👍"]);
  await mine.delete(first.id);
  await until(() => yours.messages[0].is_deleted && yours.messages[0].content === "");
  await assert.rejects(yours.edit(first.id, "mine"), HttpError);
});

test("a file goes up and comes down", limit, async (t) => {
  const { mine, yours } = await pair(t);
  const file = new File(["a small text"], "note.txt", { type: "text/plain" });
  mine.send("see here", { file });
  const message = await until(() => yours.messages.find((m) => m.file_attachment));
  assert.equal(message.file_name, "note.txt");
  const answer = await fetch(message.file_attachment);
  assert.equal(await answer.text(), "a small text");
  await until(() => mine.messages.length === 1 && mine.messages[0].file_attachment);
});

test("typing stops by itself, and reading is seen", limit, async (t) => {
  const { mine, yours, you } = await pair(t);
  mine.send("read me");
  const [message] = await until(() => yours.messages.length === 1 && yours.messages);
  yours.startTyping();
  await until(() => mine.seen.typing.length === 2);
  assert.deepEqual(mine.seen.typing.map(({ isTyping }) => isTyping), [true, false]);
  yours.markRead(message.id);
  await until(async () => {
    await mine.refresh();
    return mine.messages[0].read_by[0]?.id === you;
  });
  yours.disconnect();
  await until(() => mine.seen.attendance.some(({ userId, isHere }) => userId === you && !isHere));
});

test("history is loaded page by page", limit, async (t) => {
  const { mine, yours, roomId } = await pair(t);
  mine.disconnect();
  for (let n = 0; n < 120; n += 1) await yours.rest.sendMessage(roomId, { content: `${n}` });
  await until(() => yours.messages.length === 120);
  const late = new TeamRoom(yours.options);
  const all = Array.from({ length: 120 }, (_, n) => `${n}`);
  late.connect();
  await until(() => late.messages.length === 50);
  assert.equal(await late.loadOlder(), true);
  assert.equal(await late.loadOlder(), false);
  assert.deepEqual(contents(late), all);
  late.disconnect();
});

test("what changed on older messages while away is shown on return", limit, async (t) => {
  const { mine, yours, roomId } = await pair(t);
  for (let n = 0; n < 70; n += 1) await yours.rest.sendMessage(roomId, { content: `${n}` });
  await until(() => mine.messages.length === 70);
  const [first, second] = mine.messages;
  mine.disconnect();
  await yours.edit(first.id, "changed");
  await yours.delete(second.id);
  mine.connect();
  await until(() => mine.messages[0].content === "changed" && mine.messages[1].is_deleted);
  assert.equal(mine.messages.length, 70);
});

test("a dropped connection loses nothing and repeats nothing while both send", limit, async (t) => {
  const { mine, yours, proxy } = await pair(t);
  for (let n = 0; n < 200; n += 1) {
    mine.send(`mine ${n}`);
    yours.send(`yours ${n}`);
    if (n % 40 === 20) proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const done = (person) => person.messages.length === 400 && person.messages.every(({ id }) => id);
  await until(() => done(mine) && done(yours));
  assert.deepEqual(contents(mine), contents(yours));
  assert.equal(new Set(contents(mine)).size, 400);
  for (const who of ["mine", "yours"]) {
    const own = contents(mine).filter((content) => content.startsWith(who));
    assert.deepEqual(own, Array.from({ length: 200 }, (_, n) => `${who} ${n}`));
  }
});

test("a bad token ends with Authentication failed", limit, async (t) => {
  const { direct, roomId } = await room(t);
  const options = { baseUrl: `${direct}/team`, roomId: uuid(roomId), token: "bad", WebSocket };
  const live = new TeamRoom(options);
  const errors = [];
  live.onError = (message) => errors.push(message);
  live.connect();
  await until(() => errors.length > 0);
  assert.deepEqual(errors, ["Authentication failed"]);
});

test("a token that is bad by the time of a request ends with Authentication failed", limit, async (t) => {
  const { direct, roomId, me } = await room(t);
  const bad = (url, options) =>
    fetch(url, { ...options, headers: { ...options.headers, Authorization: "Bearer bad" } });
  const options = { baseUrl: `${direct}/team`, roomId: uuid(roomId), token: tokenFor(me) };
  const live = new TeamRoom({ ...options, WebSocket, fetch: bad });
  const errors = [];
  live.onError = (message) => errors.push(message);
  live.connect();
  await until(() => errors.length > 0);
  assert.deepEqual(errors, ["Authentication failed"]);
  assert(!live.isConnected);
});

test("rooms, members, search and sessions over HTTP", limit, async (t) => {
  const { mine, yours, me, you } = await pair(t);
  const [a, b] = [mine.rest, yours.rest];
  const group = await a.createRoom({ name: "Readers", type: "public", participantIds: [] });
  assert.equal(group.participants.length, 1);
  assert.equal((await b.searchRooms("reade"))[0].id, group.id);
  assert.deepEqual(await b.joinRoom(group.id), { status: "joined room" });
  await a.sendMessage(group.id, { content: "Überraschung!" });
  assert.equal((await b.searchMessages("uberr"))[0].content, "Überraschung!");
  assert.equal((await b.listRooms()).results[0].unread_count, 1);
  assert.equal((await b.markRoomRead(group.id)).count, 1);
  assert.deepEqual(await b.leaveRoom(group.id), { status: "left room" });
  assert.equal((await a.updateRoom(group.id, { name: "Writers" })).name, "Writers");
  assert.equal(await a.deleteRoom(group.id), null);
  assert.equal((await a.openDirectRoom(you)).other_user.id, you);
  assert.equal((await a.listSessions()).length, 1);
  assert.equal((await a.cleanUpSessions()).deleted_sessions, 0);
  assert.notEqual(me, you);
});
