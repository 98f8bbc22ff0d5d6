// What happened, and the parts of the run that checks looked at, as bars on the same time axis.

const LANE = 22;
const lanes = { picture: svg("svg", { role: "img", "aria-label": "What happened; the table below has the same" }), figure: null };

function laneItems() {
  const happened = record.happenings.map((what) => ({
    from: what.from_us, until: what.until_us, kind: what.is_fault ? "fault" : "event",
    text: what.label ? `${what.label}: ${what.text}` : what.text, what,
  }));
  const looked = record.checks.map((check) => ({
    from: check.from_us, until: check.until_us, kind: check.verdict, text: `${{ pass: "✓", warn: "!", fail: "✗" }[check.verdict] ?? ""} ${check.name}`, check,
  }));
  return [...happened, ...looked];
}

// Each in the first row where it and its text have room; without texts if that takes too many rows.
const measure = document.createElement("canvas").getContext("2d");
function pack(items, labelled) {
  measure.font = "11px system-ui, sans-serif";
  const ends = [];
  for (const item of items) {
    const x = xOf(item.from), end = Math.max(xOf(item.until ?? item.from), x + 8);
    const text = labelled ? measure.measureText(item.text).width + 12 : 0;
    const inside = end - x >= text, right = width - GUTTER.right;
    // Beside the bar, or before it where there is no room after it, or inside and cut short.
    item.side = inside ? "inside" : end + text <= right ? "after" : x - text >= 0 ? "before" : "inside";
    item.box = [item.side === "before" ? x - text : x, item.side === "after" ? end + text : end];
    item.bar = [x, end];
    item.row = ends.findIndex((rowEnd) => rowEnd + 4 <= item.box[0]);
    if (item.row < 0) item.row = ends.length;
    ends[item.row] = item.box[1];
  }
  return ends.length;
}

function drawLanes() {
  const items = laneItems();
  if (!items.length) return;
  const order = (a, b) => ("check" in a) - ("check" in b) || a.from - b.from;
  const split = [items.filter((item) => item.what).sort(order), items.filter((item) => item.check).sort(order)];
  let labelled = true, rows = split.map((part) => pack(part, true));
  if (rows[0] + rows[1] > 16) { labelled = false; rows = split.map((part) => pack(part, false)); }
  const step = labelled ? LANE : 11;
  split[1].forEach((item) => { item.row += rows[0]; });
  const bottom = (rows[0] + rows[1]) * step + 4, height = bottom + GUTTER.bottom;
  lanes.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  lanes.picture.setAttribute("height", height);
  lanes.picture.replaceChildren();
  drawFaults(lanes.picture, bottom);
  drawTimeAxis(lanes.picture, bottom, true);
  lanes.picture.append(svg("line", { class: "axis", x1: GUTTER.left, x2: width - GUTTER.right, y1: bottom, y2: bottom }));
  for (const item of split.flat()) drawLane(item, step, labelled);
  lanes.picture.append(svg("line", { class: "hover", y1: 0, y2: bottom, visibility: "hidden" }), svg("line", { class: "now", y1: 0, y2: bottom }));
}

function drawLane(item, step, labelled) {
  const [x, end] = item.bar, y = item.row * step + 3, tall = step - 5;
  const shape = item.until === null
    ? svg("path", { class: `lane ${item.kind}`, d: `M${x} ${y}l${tall / 2} ${tall / 2}l${-tall / 2} ${tall / 2}l${-tall / 2} ${-tall / 2}z` })
    : svg("rect", { class: `lane ${item.kind}`, x, y, width: end - x, height: tall });
  lanes.picture.append(shape);
  if (!labelled) return;
  const place = { inside: [x + 6, "start"], after: [end + 5, "start"], before: [x - 8, "end"] }[item.side];
  let text = item.text;
  const room = item.side === "inside" ? end - x - 10 : Infinity;
  while (text && measure.measureText(text).width > room) text = text.length > 6 ? `${text.slice(0, -2)}…` : "";
  lanes.picture.append(svg("text", { class: "onlane", x: place[0], y: y + tall / 2 + 4, "text-anchor": place[1] }, text));
}

function showLane(event, time) {
  const at = happeningAt(time);
  const looked = record.checks.filter((check) => check.from_us <= time && time <= check.until_us);
  const lines = [...at.map((what) => `${what.is_fault ? "⚡" : "•"} ${what.text}`), ...looked.map((check) => `${check.verdict}: ${check.name}`)];
  tip(event, html("b", {}, showTime(time)), ...(lines.length ? lines : ["nothing"]).slice(0, 12).map((line) => html("div", {}, line)));
}

function makeLanes() {
  if (!record.happenings.length && !record.checks.length) return;
  const note = record.checks.length ? "faults red, the rest grey; below, what checks looked at" : "faults red, the rest grey";
  byId("charts").append(html("figure", {}, html("figcaption", {}, html("h3", {}, "What happened"), html("small", {}, note)), lanes.picture));
  steer(lanes.picture, showLane);
  redrawers.push(drawLanes);
}
