// A room of the team document: no message is hidden, no change undone, whatever comes when.

import assert from "node:assert/strict";
import { test } from "node:test";

import { contents, cutOff, held, joined, pairs } from "./support/team.js";
import { until, world } from "./support/world.js";

const pair = pairs(world());
const limit = { timeout: 30_000 };
const numbers = (from, to) => Array.from({ length: to - from }, (_, n) => `${from + n}`);
const frames = (live, type) => live.seen.received.filter((frame) => frame.type === type);
const isList = (url, { method }) => method === "GET" && url.includes("/messages/");

test("a change of a message that is not loaded shows nothing and hides nothing", limit, async (t) => {
  const { mine, yours, roomId, post } = await pair(t, {}, false);
  await post(0, 120);
  const { results: late } = await yours.rest.listMessages(roomId, { pageSize: 100 });
  const { results: early } = await yours.rest.listMessages(roomId, { before: late[0].id });
  await joined(mine);
  await yours.rest.editMessage(roomId, early[3].id, "edited");
  await yours.rest.deleteMessage(roomId, early[4].id);
  await post(120, 121);
  await until(() => mine.messages.at(-1).content === "120");
  assert.deepEqual(contents(mine), numbers(70, 121));
  assert.deepEqual(mine.seen.messages.map(({ content }) => content), ["120"]);
  await mine.loadOlder();
  await mine.loadOlder();
  const all = numbers(0, 121);
  all.splice(3, 2, "edited", "");
  assert.deepEqual(contents(mine), all);
});

test("a catch-up that was cut off is made up for by the next one", limit, async (t) => {
  const requests = held();
  const { mine, proxy, post } = await pair(t, { fetch: requests.fetch });
  await post(0, 10);
  await until(() => mine.messages.length === 10);
  await cutOff(proxy, mine);
  await post(10, 300);
  requests.keeps = isList;
  proxy.refuses = false;
  await until(() => mine.isConnected && requests.count > 0);
  await post(300, 301);
  await until(() => frames(mine, "message").some(({ message }) => message.content === "300"));
  await cutOff(proxy, mine);
  requests.release();
  proxy.refuses = false;
  await until(() => mine.messages.length >= 301);
  assert.deepEqual(contents(mine), numbers(0, 301));
  assert.deepEqual(mine.seen.messages.map(({ content }) => content), numbers(0, 301));
});

test("refreshing while away hides nothing", limit, async (t) => {
  const { mine, post } = await pair(t);
  await post(0, 10);
  await until(() => mine.messages.length === 10);
  mine.disconnect();
  await post(10, 300);
  await mine.refresh();
  await joined(mine);
  assert.deepEqual(contents(mine), numbers(0, 300));
});

test("a room that was empty at first hides nothing either", limit, async (t) => {
  const { mine, post } = await pair(t);
  mine.disconnect();
  await post(0, 120);
  await joined(mine);
  assert.deepEqual(contents(mine), numbers(0, 120));
});

test("onMessage is called for what was missed, in order, and not for the first page", limit, async (t) => {
  const { mine, proxy, post } = await pair(t, {}, false);
  await post(0, 2);
  await joined(mine);
  await cutOff(proxy, mine);
  await post(2, 70);
  proxy.refuses = false;
  await until(() => mine.messages.length === 70);
  assert.deepEqual(mine.seen.messages.map(({ content }) => content), numbers(2, 70));
});

test("a reaction that comes before history is not undone by it", limit, async (t) => {
  const requests = held();
  const { mine, yours, roomId, post } = await pair(t, { fetch: requests.fetch }, false);
  await post(0, 1);
  const { results } = await yours.rest.listMessages(roomId);
  requests.keeps = isList;
  mine.connect();
  await until(() => requests.count > 0);
  await yours.rest.react(roomId, results[0].id, "👍");
  await until(() => frames(mine, "reaction").length === 1);
  requests.release();
  await until(() => mine.messages.length === 1);
  assert.deepEqual(Object.keys(mine.messages[0].reactions), ["👍"]);
});

test("an edit that was missed is shown with a reaction that was not", limit, async (t) => {
  const requests = held();
  const { mine, yours, roomId, proxy, post } = await pair(t, { fetch: requests.fetch });
  await post(0, 1);
  const { id } = await until(() => mine.messages[0]);
  await cutOff(proxy, mine);
  await yours.rest.editMessage(roomId, id, "edited");
  requests.keeps = isList;
  proxy.refuses = false;
  await until(() => mine.isConnected && requests.count > 0);
  await yours.rest.react(roomId, id, "👍");
  await until(() => frames(mine, "reaction").length === 1);
  const before = mine.seen.changes.length;
  requests.release();
  await until(() => mine.seen.changes.length > before && mine.messages[0].content === "edited");
  assert.deepEqual(Object.keys(mine.messages[0].reactions), ["👍"]);
});

test("a change that comes before its older page is not undone by it", limit, async (t) => {
  const requests = held();
  const { mine, yours, roomId, post } = await pair(t, { fetch: requests.fetch }, false);
  await post(0, 52);
  await joined(mine);
  const { results } = await yours.rest.listMessages(roomId, { before: mine.messages[0].id });
  requests.keeps = isList;
  const older = mine.loadOlder();
  await until(() => requests.count > 0);
  await yours.rest.react(roomId, results[0].id, "👍");
  await yours.rest.editMessage(roomId, results[1].id, "edited");
  await until(() => frames(mine, "message_edited").length === 1);
  requests.release();
  await older;
  assert.deepEqual(Object.keys(mine.messages[0].reactions), ["👍"]);
  assert.equal(mine.messages[1].content, "edited");
});

test("each of two files that come together gets its link", limit, async (t) => {
  const requests = held();
  const { mine, yours, roomId } = await pair(t, { fetch: requests.fetch });
  const file = (name) => yours.rest.sendMessage(roomId, { file: new File([name], `${name}.txt`) });
  requests.keeps = isList;
  await file("one");
  await until(() => requests.count > 0);
  await file("two");
  await until(() => mine.messages.length === 2);
  requests.release();
  await until(() => mine.messages.every((message) => message.file_attachment));
});

test("editing what is said of a file leaves its link as it was", limit, async (t) => {
  const { mine, yours, roomId } = await pair(t);
  const file = new File(["a small text"], "note.txt");
  const { id } = await yours.rest.sendMessage(roomId, { content: "this", file });
  const link = await until(() => mine.messages[0]?.file_attachment);
  await yours.rest.editMessage(roomId, id, "that");
  await until(() => mine.messages[0].content === "that");
  assert.equal(mine.messages[0].file_attachment, link);
  assert.equal((await fetch(link)).status, 200);
});

test("an answer that comes late does not undo a later edit, nor a reaction", limit, async (t) => {
  const requests = held();
  const { mine, you, yours } = await pair(t, { fetch: requests.fetch });
  mine.send("first");
  const { id } = await until(() => mine.messages[0]?.id && mine.messages[0]);
  requests.keeps = (_, { method }) => method === "PATCH" || method === "POST";
  const [edit, reaction] = [mine.edit(id, "second"), mine.react(id, "👍")];
  await until(() => requests.count === 2);
  requests.keeps = () => false;
  await mine.edit(id, "third");
  await yours.react(id, "👍");
  await until(() => mine.messages[0].content === "third" && mine.messages[0].reactions["👍"]?.length === 2);
  requests.release();
  await Promise.all([edit, reaction]);
  assert.equal(mine.messages[0].content, "third");
  assert.ok(mine.messages[0].reactions["👍"].includes(you));
});
