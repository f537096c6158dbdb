// Elements and texts. Text is only ever text: nothing here takes markup.

/** An element with properties, `data-`, `aria-` and other attributes, listeners and children. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key === "hue") element.style.setProperty("--hue", value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A round picture of a name's first letters, in a colour of its own. */
export function avatar(name, id, online = false) {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = words.map((word) => [...word][0]).slice(0, 2).join("").toUpperCase();
  let hash = 7;
  for (const character of String(id)) hash = (hash * 31 + character.codePointAt(0)) % 9973;
  const hue = (hash * 137) % 360;
  const properties = { class: online ? "avatar online" : "avatar", hue, "aria-hidden": "true" };
  return h("span", properties, letters);
}

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const timeOf = (timestamp) => time.format(new Date(timestamp));

/** The day of a moment in words. */
export function dayOf(timestamp) {
  const then = new Date(timestamp);
  const days = Math.round((midnight(new Date()) - midnight(then)) / 86_400_000);
  if (days === 0) return "Today";
  return days === 1 ? "Yesterday" : day.format(then);
}

/** The time of today, else the date. */
export function whenOf(timestamp) {
  const then = new Date(timestamp);
  return midnight(then) === midnight(new Date()) ? time.format(then) : date.format(then);
}

/** How long ago somebody was there. */
export function lastSeen(timestamp) {
  if (!timestamp) return "offline";
  const minutes = Math.floor((Date.now() - new Date(timestamp)) / 60_000);
  if (minutes < 1) return "last seen just now";
  if (minutes < 60) return `last seen ${minutes} min ago`;
  return `last seen ${dayOf(timestamp).toLowerCase()} at ${timeOf(timestamp)}`;
}

export function sizeOf(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${size.toFixed(unit && size < 10 ? 1 : 0)} ${units[unit]}`;
}

function midnight(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
