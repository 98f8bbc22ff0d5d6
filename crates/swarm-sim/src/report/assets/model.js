// The record, what it says of a moment, and what the parts of the page share.

const record = JSON.parse(document.getElementById("record").textContent);
const { groups, members, samples } = record;
const START = 0, END = Math.max(record.end_us, 1);
const byId = (id) => document.getElementById(id);

// What is shown. Whoever changes it calls `changed`.
const view = { time: END, hover: null, member: null, hidden: new Set(), playing: false, arrangement: "by_links" };
const painters = [];
let painting = false;
function changed() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(paintAll);
}
function paintAll() {
  painting = false;
  for (const paint of painters) paint();
}
function goTo(time) {
  view.time = Math.min(Math.max(time, START), END);
  changed();
}

// Colours follow the light or the dark of the system.
let ink = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["card", "ink", "soft", "line", "faint", "accent", "fault", "edge", "warn", "fail", "pass"];
  ink = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  ink.groups = groups.map((_, number) => number < 8
    ? style.getPropertyValue("--group-" + number).trim()
    : `hsl(${(number * 137.5) % 360} ${dark ? "65% 68%" : "60% 40%"})`);
}
readColours();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); redraw(); });
function redraw() {
  for (const draw of redrawers) draw();
  // At once: a canvas of another size is empty.
  paintAll();
}
const redrawers = [];

// Numbers as people read them.
function showMicros(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${Math.round(us)} µs`;
  const [value, unit] = us < 999500 ? [us / 1e3, "ms"] : [us / 1e6, "s"];
  return `${value < 9.995 ? +value.toFixed(2) : value < 99.95 ? +value.toFixed(1) : Math.round(value)} ${unit}`;
}
function showNumber(value) {
  if (value === null || value === undefined) return "–";
  const rounded = Math.abs(value) >= 100 || Number.isInteger(value) ? Math.round(value) : +value.toPrecision(3);
  return rounded.toLocaleString("en").replaceAll(",", "\u202f");
}
function showRatio(value) {
  if (value === null || value === undefined) return "–";
  const percent = value * 100;
  const rounded = Math.round(percent * 100) / 100;
  return `${percent > 0 && percent < 100 ? Math.min(Math.max(rounded, 0.01), 99.99) : rounded} %`;
}
// Times count from the end of the warm-up, as in the scenario.
function showTime(us, decimals = 1) {
  const seconds = (us - record.warmup_us) / 1e6;
  const sign = seconds < -0.05 ? "−" : "";
  const distance = Math.abs(seconds);
  if (END - record.warmup_us < 180e6) return `${sign}${distance.toFixed(decimals)} s`;
  const whole = Math.floor(distance);
  return `${sign}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// How each member does at a time.
const livesOf = members.names.map(() => []);
for (const [member, at, state] of record.lives) livesOf[member]?.push([at, state]);
function stateAt(member, time) {
  const lives = livesOf[member];
  // Whoever comes later was not there before; whoever stops later was.
  let state = lives.length && lives[0][1] === "up" && lives[0][0] > 0 ? "left" : "up";
  for (const [at, next] of lives) {
    if (at > time) break;
    state = next;
  }
  return state;
}
function connectionsAt(time, found) {
  for (const link of record.connections) {
    if (link[2] > time) break;
    if (link[3] === null || link[3] > time) found(link[0], link[1], link);
  }
}

// What goes on at a time. What does not last is told for a moment.
const MOMENT = Math.max(END / 60, 1);
const lastsUntil = (happening) => happening.until_us ?? happening.from_us + MOMENT;
function happeningAt(time) {
  return record.happenings.filter((what) => what.from_us <= time && time < lastsUntil(what));
}
const faults = record.happenings.filter((what) => what.is_fault);

// Samples: a figure is of the time since the one before.
const sampleCount = samples.at_us.length;
const beginOf = (sample) => (sample > 0 ? samples.at_us[sample - 1] : START);
const secondsOf = (sample) => Math.max(samples.at_us[sample] - beginOf(sample), 1) / 1e6;
function sampleAt(time) {
  let low = 0, high = sampleCount - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (samples.at_us[middle] < time) low = middle + 1; else high = middle;
  }
  return low;
}

// Elements.
const SVG = "http://www.w3.org/2000/svg";
function svg(name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
function table(header, rows) {
  const row = (cells, kind) => html("tr", {}, ...cells.map((cell) => html(kind, {}, cell)));
  return html("table", {}, html("thead", {}, row(header, "th")), html("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}
function tip(event, ...content) {
  const box = byId("tip");
  box.replaceChildren(...content);
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const beside = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
  box.style.left = `${Math.max(beside, 4)}px`;
  box.style.top = `${Math.min(Math.max(event.clientY - height / 2, 4), innerHeight - height - 4)}px`;
}
const hideTip = () => { byId("tip").hidden = true; };
const calm = matchMedia("(prefers-reduced-motion: reduce)");
