// The messages of a room as elements, each made anew only where it has changed.

import { getStatusIcon } from "/page/client/index.js";
import { dayOf, h, sizeOf, timeOf } from "./dom.js";

const EMOJI = ["👍", "❤️", "😄", "🎉", "😮"];
const LABELS = { sending: "Sending", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent" };

/** What each element shows. */
const states = new WeakMap();

/** Shows these messages in a list. */
export function renderMessages(list, messages, room) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const byId = new Map(messages.map((message) => [message.id, message]));
  const wanted = [];
  let before = null;
  for (const message of messages) {
    const day = dayOf(message.timestamp);
    if (!before || dayOf(before.timestamp) !== day) {
      wanted.push(keep(known, `day ${day}`, day, () => h("li", { class: "day" }, day)));
      before = null;
    }
    const isFirst = before?.sender?.id !== message.sender?.id || !before;
    const quoted = message.reply_to ? (byId.get(message.reply_to) ?? {}) : null;
    const view = { ...message, status: mine(message, room) ? room.statusOf(message) : null };
    const state = [view, isFirst, quoted?.content, quoted?.is_deleted, room.found === message.id];
    const key = message.temp_id ?? message.id;
    const make = () => element(view, isFirst, quoted, room);
    wanted.push(keep(known, key, JSON.stringify(state), make));
    before = message;
  }
  const stays = new Set(wanted);
  for (const element of [...list.children]) if (!stays.has(element)) element.remove();
  wanted.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

function mine(message, room) {
  return message.id === null || message.sender?.id === room.me;
}

/** The element of a key, unless it shows something else by now. */
function keep(known, key, state, make) {
  const old = known.get(key);
  if (old && states.get(old) === state) return old;
  const element = make();
  element.dataset.key = key;
  states.set(element, state);
  return element;
}

function element(message, isFirst, quoted, room) {
  const own = mine(message, room);
  const classes = ["message"];
  if (own) classes.push("own");
  if (isFirst) classes.push("first");
  if (message.status === "failed") classes.push("failed");
  if (room.found && room.found === message.id) classes.push("found-one");
  return h(
    "li",
    { class: classes.join(" ") },
    h(
      "div",
      { class: "bubble" },
      !own && isFirst && room.isGroup
        ? h("p", { class: "sender" }, message.sender?.display_name ?? "")
        : null,
      quoted ? quote(message, quoted, room) : null,
      attachment(message),
      content(message),
      reactions(message, room),
      meta(message, own),
    ),
    message.id && !message.is_deleted ? actions(message, own, room) : null,
    message.status === "failed" ? retry(message, room) : null,
  );
}

function quote(message, quoted, room) {
  const text = quoted.is_deleted ? "Deleted message" : (quoted.content ?? "An earlier message");
  return h("button", { class: "quote", onclick: () => room.onFind(message.reply_to) }, text || "Attachment");
}

function content(message) {
  if (message.is_deleted) return h("p", { class: "content gone" }, "This message was deleted.");
  return message.content ? h("p", { class: "content", dir: "auto" }, message.content) : null;
}

function attachment(message) {
  const { file_attachment: url, file_name: name, file_size: size, is_deleted: gone } = message;
  if (!name || gone) return null;
  const label = size ? `${name} (${sizeOf(size)})` : name;
  if (!url) return h("p", { class: "file" }, label);
  const isImage = message.message_type === "image" || /\.(png|jpe?g|gif|webp|avif)$/i.test(name);
  return h(
    "a",
    { class: "file", href: url, download: name },
    isImage ? h("img", { class: "preview", src: url, alt: name, loading: "lazy" }) : null,
    label,
  );
}

function reactions(message, room) {
  const all = Object.entries(message.reactions ?? {});
  if (all.length === 0) return null;
  const chip = ([emoji, users]) => {
    const pressed = users.includes(room.me);
    const toggle = () => room.onReact(message, emoji, pressed ? "remove" : "add");
    const properties = { "aria-pressed": `${pressed}`, "aria-label": `${emoji} ${users.length}`, onclick: toggle };
    return h("button", properties, `${emoji} ${users.length}`);
  };
  return h("div", { class: "reactions" }, ...all.map(chip));
}

function meta(message, own) {
  const { status, timestamp, is_edited: edited } = message;
  const icon = own ? getStatusIcon(status) : "";
  return h(
    "p",
    { class: "meta" },
    edited ? "edited " : null,
    h("time", { datetime: timestamp }, timeOf(timestamp)),
    icon
      ? h("span", { class: `ticks ${status}`, role: "img", "aria-label": LABELS[status], title: LABELS[status] }, icon)
      : null,
  );
}

function actions(message, own, room) {
  const button = (label, onclick) => h("button", { onclick }, label);
  const react = (emoji) =>
    h("button", { "aria-label": `React with ${emoji}`, onclick: () => room.onReact(message, emoji, "add") }, emoji);
  return h(
    "details",
    { class: "actions" },
    h("summary", { "aria-label": "Actions" }, "⋯"),
    h(
      "div",
      { class: "menu-items" },
      h("div", { class: "emoji" }, ...EMOJI.map(react)),
      button("Reply", () => room.onReply(message)),
      own && message.content ? button("Edit", () => room.onEdit(message)) : null,
      own ? button("Delete", () => room.onDelete(message)) : null,
    ),
  );
}

function retry(message, room) {
  return h(
    "span",
    {},
    h("button", { class: "plain", onclick: () => room.onRetry(message) }, "Try again"),
    h("button", { class: "plain", onclick: () => room.onDiscard(message) }, "Discard"),
  );
}
