import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../src/backoff.js";
import { getStatusIcon } from "../index.js";
import { Receipts } from "../src/receipts.js";
import { isForward } from "../src/status.js";
import { Timeline } from "../src/timeline.js";

const message = (id, rest = {}) => ({ id, content: `m${id}`, status: "sent", ...rest });
const merge = (known, { status }) =>
  isForward(known.status, status) ? { ...known, status } : known;
const ids = (events) => events.filter(({ type }) => type === "message").map((e) => e.message.id);

function joined(...history) {
  const timeline = new Timeline(merge);
  timeline.beginJoin();
  timeline.joinHistory(history);
  return timeline;
}

test("live frames that come before history are shown after it, once each", () => {
  const timeline = new Timeline(merge);
  timeline.beginJoin();
  assert.deepEqual(timeline.receive(message(3)), []);
  assert.deepEqual(timeline.receive(message(4)), []);
  assert.deepEqual(ids(timeline.joinHistory([1, 2, 3].map((id) => message(id)))), [1, 2, 3, 4]);
});

test("history after a gap shows what was missed and no more", () => {
  const timeline = joined(message(1), message(2));
  timeline.abandonJoin();
  timeline.beginJoin();
  assert.deepEqual(ids(timeline.joinHistory([1, 2, 5, 6].map((id) => message(id)))), [5, 6]);
  assert.deepEqual(ids(timeline.receive(message(6))), []);
});

test("what came live and was not shown is shown by the next join", () => {
  const timeline = joined(message(1));
  timeline.beginJoin();
  timeline.receive(message(2));
  timeline.abandonJoin();
  timeline.beginJoin();
  assert.deepEqual(ids(timeline.joinHistory([message(1), message(2)])), [2]);
});

test("history waits for the answer to a repeated send, so that it is known as that", () => {
  const timeline = joined();
  timeline.send({ temp_id: "t", content: "m7" });
  assert.equal(timeline.beginJoin().length, 1);
  assert.deepEqual(timeline.joinHistory([message(7), message(8)]), []);
  const events = timeline.receive(message(7), "t");
  assert.deepEqual(ids(events), [7, 8]);
  assert.equal(events.find(({ type }) => type === "message").message.temp_id, "t");
  assert.deepEqual(timeline.messages.map(({ id }) => id), [7, 8]);
});

test("a send that is answered stays where it is until it is shown, on whatever connection", () => {
  const timeline = joined();
  timeline.send({ temp_id: "t", content: "m7" });
  timeline.beginJoin();
  assert.deepEqual(timeline.receive(message(7), "t").map(({ status }) => status), ["sent"]);
  assert.deepEqual(timeline.messages, [{ ...message(7), temp_id: "t" }]);
  timeline.abandonJoin();
  timeline.beginJoin();
  const [event] = timeline.joinHistory([message(7), message(8)]);
  assert.equal(event.message.temp_id, "t");
  assert.deepEqual(timeline.messages.map(({ id, temp_id }) => [id, temp_id]), [[7, "t"], [8, undefined]]);
});

test("what was answered and is deleted before it is shown goes away", () => {
  const timeline = joined();
  timeline.send({ temp_id: "t", content: "m7" });
  timeline.beginJoin();
  timeline.receive(message(7), "t");
  timeline.abandonJoin();
  timeline.beginJoin();
  timeline.joinHistory([message(8)]);
  assert.deepEqual(timeline.messages.map(({ id }) => id), [8]);
});

test("what is told while older messages are read is not undone by them", async () => {
  const timeline = joined(message(5));
  let answer;
  const reading = timeline.current(() => new Promise((resolve) => (answer = resolve)));
  timeline.change(4, { status: "read" });
  answer([message(3), message(4)]);
  assert.deepEqual((await reading).map(({ status }) => status), ["sent", "read"]);
});

test("a repeated send that fails lets history through", () => {
  const timeline = joined();
  timeline.send({ temp_id: "t", content: "x" });
  timeline.beginJoin();
  timeline.joinHistory([message(1)]);
  assert.deepEqual(ids(timeline.fail(timeline.unansweredAs("t"))), [1]);
  assert.deepEqual(timeline.messages.map(({ status }) => status), ["sent", "failed"]);
});

test("two sends with one temp_id and other content are two", () => {
  const timeline = joined();
  timeline.send({ temp_id: "t", content: "m1" });
  timeline.send({ temp_id: "t", content: "m2" });
  assert.deepEqual(timeline.send({ temp_id: "t", content: "m2" }), []);
  timeline.receive(message(1), "t");
  assert.deepEqual(timeline.unanswered.map(({ content }) => content), ["m2"]);
});

test("a status only moves forward", () => {
  const timeline = joined(message(1));
  assert.equal(timeline.change(1, { status: "read" }).length, 1);
  assert.equal(timeline.change(1, { status: "delivered" }).length, 0);
  assert.equal(timeline.change(1, { status: "read" }).length, 0);
  assert.equal(timeline.messages[0].status, "read");
});

test("statuses of history reach messages that are shown already", () => {
  const timeline = joined(message(1));
  timeline.beginJoin();
  const events = timeline.joinHistory([message(1, { status: "read" })]);
  assert.deepEqual(events, [{ type: "status", id: 1, status: "read", detail: {} }]);
});

test("a mark is sent again until a status confirms it", () => {
  const receipts = new Receipts();
  assert.equal(receipts.mark(1, "read", "sent"), true);
  assert.equal(receipts.mark(1, "delivered", "sent"), false);
  receipts.confirm(1, "delivered");
  assert.deepEqual(receipts.unconfirmed, [[1, "read"]]);
  receipts.confirm(1, "read");
  assert.deepEqual(receipts.unconfirmed, []);
  assert.equal(receipts.mark(1, "read", "read"), false);
});

test("older messages are put before, without those that are there", () => {
  const timeline = joined(message(5), message(6));
  assert.deepEqual(timeline.prepend([3, 4, 5].map((id) => message(id))).map(({ id }) => id), [3, 4]);
  assert.deepEqual(timeline.messages.map(({ id }) => id), [3, 4, 5, 6]);
});

test("the waits double up to the maximum, the later half of each by chance", () => {
  const wait = (attempt, random) => backoff(attempt, { base: 5000, max: 60000, random: () => random });
  assert.deepEqual([1, 2, 3, 4, 5, 1e9].map((n) => wait(n, 0)), [2500, 5000, 10000, 20000, 30000, 30000]);
  assert.deepEqual([1, 2, 5].map((n) => wait(n, 0.5)), [3750, 7500, 45000]);
});

test("the icons are the document's", () => {
  const icons = ["sending", "sent", "delivered", "read", "failed", "toString"].map(getStatusIcon);
  assert.deepEqual(icons, ["🕐", "✓", "✓✓", "✓✓", "❌", ""]);
});
