// Charts over the time of the run. All share one time axis, the faults behind them, and one moment.

const GUTTER = { left: 58, right: 14, top: 8, bottom: 20 };
const TALL = 128, SMALL = 84;
// So many samples without a value do not break a line: who says little is not silent.
const BRIDGED = 4;
const charts = [];

const perSecond = (column) => column.map((count, sample) => count / secondsOf(sample));
const ratio = (part, whole) => part.map((count, sample) => (whole[sample] ? Math.min(count / whole[sample], 1) : null));
// What was under way at the end of a sample arrived in the next one: more than was due there belongs to the one before.
function inTime(arrived, due) {
  const counted = [...arrived];
  for (let sample = counted.length - 2; sample >= 0; sample -= 1) {
    const late = Math.min(counted[sample + 1] - due[sample + 1], due[sample] - counted[sample]);
    if (late > 0) { counted[sample] += late; counted[sample + 1] -= late; }
  }
  return counted;
}
const any = (column) => column.some((value) => value);
const sum = (name) => samples.at_us.map((_, sample) => samples.groups.reduce((all, group) => all + group[name][sample], 0));

// One line for each group that has something to show.
function ofGroups(make) {
  return groups.flatMap((group, number) => {
    const of = make(samples.groups[number]);
    return of ? [{ name: group.name, group: number, ...of }] : [];
  });
}
const latency = (p50, p99) => ofGroups((of) => any(of[p99]) && { values: of[p50], upper: of[p99] });

function specs() {
  const lost = ratio(samples.packets_lost, samples.packets_lost.map((count, sample) => count + samples.packets[sample]));
  const swarmLine = (name, colour, values) => [{ name, colour, values }];
  return [
    { title: "Observation latency", note: "line: half were faster; top of the shade: 99 %", log: true, show: showMicros, lines: latency("latency_p50_us", "latency_p99_us") },
    { title: "Delivered", note: "share of the copies due, by who sent them", show: showRatio, most: 1, zoom: true,
      lines: ofGroups((of) => any(of.copies) && { values: ratio(inTime(of.copies_delivered, of.copies), of.copies) }) },
    { title: "Observations per second", note: "line: heard; dashes: sent", show: showNumber, least: 0,
      lines: ofGroups((of) => (any(of.delivered) || any(of.sent)) && { values: perSecond(of.delivered), dashed: perSecond(of.sent) }) },
    { title: "Answer latency", note: "line: half were faster; top of the shade: 99 %", log: true, show: showMicros, lines: latency("answer_p50_us", "answer_p99_us") },
    { title: "Requests per second", note: "ended, and how", show: showNumber, least: 0, stacked: true,
      lines: any(sum("asked")) ? [
        { name: "answered", colour: "accent", values: perSecond(sum("answered")) },
        { name: "failed", colour: "fail", values: perSecond(sum("failed")) }] : [] },
    { title: "Connections", note: "pairs that are connected", show: showNumber, least: 0, steps: true, height: SMALL, lines: swarmLine("connections", "accent", samples.connections) },
    { title: "Agents", note: "that run", show: showNumber, least: 0, steps: true, height: SMALL, lines: swarmLine("agents", "pass", samples.agents) },
    { title: "Parts", note: "into which the swarm has fallen", show: showNumber, least: 0, steps: true, whole: true, height: SMALL, lines: swarmLine("parts", "fault", samples.components) },
    { title: "Packets lost", note: "of those that the network was given", show: showRatio, least: 0, lines: any(lost) ? swarmLine("lost", "fault", lost) : [] },
  ].filter((spec) => spec.lines.length && sampleCount);
}

const colourOf = (line) => (line.group === undefined ? ink[line.colour] : ink.groups[line.group]);

function makeChart(spec) {
  spec.height ??= TALL;
  const picture = svg("svg", { role: "img", height: spec.height });
  const details = html("details", {}, html("summary", {}, "Table"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(html("div", { class: "scroll" }, numbersOf(spec)));
  });
  const figure = html("figure", {}, html("figcaption", {}, html("h3", {}, spec.title), html("small", {}, spec.note), details), picture);
  const chart = { spec, picture, moments: [] };
  steer(picture, (event, time) => showValues(event, spec, time));
  charts.push(chart);
  byId("charts").append(figure);
}

function numbersOf(spec) {
  const columns = spec.lines.flatMap((line) => [
    [line.name, line.values], ...(line.upper ? [[`${line.name} p99`, line.upper]] : []), ...(line.dashed ? [[`${line.name} sent`, line.dashed]] : [])]);
  const rows = samples.at_us.map((at, sample) => [showTime(at), ...columns.map(([, values]) => spec.show(values[sample]))]);
  return table(["until", ...columns.map(([name]) => name)], rows);
}

// The width that all time axes have, and where a time is on it.
let width = 600;
const xOf = (time) => GUTTER.left + ((time - START) / (END - START)) * (width - GUTTER.left - GUTTER.right);
const timeOf = (x) => START + ((x - GUTTER.left) / (width - GUTTER.left - GUTTER.right)) * (END - START);

function ticks(least, most, wanted) {
  const step = [1, 2, 5, 10].map((factor) => factor * 10 ** Math.floor(Math.log10((most - least) / wanted)))
    .find((step) => (most - least) / step <= wanted + 0.5);
  const found = [];
  for (let at = Math.ceil(least / step - 1e-9); at * step <= most + step * 1e-6; at += 1) found.push(at * step + 0);
  return found;
}
function timeTicks() {
  const [from, until] = [(START - record.warmup_us) / 1e6, (END - record.warmup_us) / 1e6];
  const wanted = Math.max(2, width / 90);
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600, 7200, 21600];
  const step = steps.find((step) => (until - from) / step <= wanted) ?? 43200;
  const found = [];
  for (let at = Math.ceil(from / step); at * step <= until; at += 1) found.push([at * step * 1e6 + record.warmup_us, step < 1 ? (step < 0.1 ? 3 : 1) : 0]);
  return found;
}

// The values that an axis must hold, and where each is on it.
function axisOf(spec) {
  const shown = spec.lines.filter((line) => line.group === undefined || !view.hidden.has(line.group));
  let values = shown.flatMap((line) => [...line.values, ...(line.upper ?? []), ...(line.dashed ?? [])]).filter((value) => value !== null);
  if (spec.stacked) values = samples.at_us.map((_, sample) => shown.reduce((all, line) => all + line.values[sample], 0));
  let least = spec.least ?? Math.min(...values), most = spec.most ?? Math.max(...values);
  if (!Number.isFinite(least) || !Number.isFinite(most)) [least, most] = [0, 1];
  const log = spec.log && least > 0 && most / least > 12;
  if (spec.zoom) least = least > 0.9 ? 0.9 : least > 0.5 ? 0.5 : 0;
  if (spec.log && !log) least = 0;
  if (most <= least) most = least + (least || 1);
  const [bottom, top] = [spec.height - GUTTER.bottom, GUTTER.top];
  if (log) {
    const [low, high] = [Math.log10(least), Math.log10(most)];
    const marks = [];
    for (let power = Math.floor(low); power <= high; power += 1) for (const factor of high - low > 2.2 ? [1] : [1, 3]) marks.push(factor * 10 ** power);
    return { yOf: (value) => bottom - ((Math.log10(Math.max(value, least)) - low) / (high - low || 1)) * (bottom - top), marks: marks.filter((mark) => mark >= least && mark <= most) };
  }
  if (spec.most === undefined) most += (most - least) * 0.06;
  return { yOf: (value) => bottom - ((value - least) / (most - least)) * (bottom - top), marks: ticks(least, most, spec.height > SMALL ? 4 : 2).filter((mark) => !spec.whole || Number.isInteger(mark)) };
}

// Faults behind everything, those that overlap as one.
function drawFaults(picture, height) {
  picture.append(svg("rect", { class: "warmup", x: xOf(START), y: 0, width: Math.max(xOf(record.warmup_us) - xOf(START), 0), height }));
  const spans = faults.filter((fault) => fault.until_us !== null).map((fault) => [fault.from_us, fault.until_us]).sort((a, b) => a[0] - b[0]);
  const merged = [];
  for (const [from, until] of spans) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], until); else merged.push([from, until]);
  }
  for (const [from, until] of merged) picture.append(svg("rect", { class: "band", x: xOf(from), y: 0, width: Math.max(xOf(until) - xOf(from), 1), height }));
  for (const fault of faults) if (fault.until_us === null) picture.append(svg("line", { class: "moment", x1: xOf(fault.from_us), x2: xOf(fault.from_us), y1: 0, y2: height }));
}
function drawTimeAxis(picture, y, labels) {
  for (const [time, decimals] of timeTicks()) {
    picture.append(svg("line", { class: "grid", x1: xOf(time), x2: xOf(time), y1: 0, y2: y }));
    if (labels) picture.append(svg("text", { x: xOf(time), y: y + 14, "text-anchor": "middle" }, showTime(time, decimals)));
  }
}

function drawChart({ spec, picture }) {
  picture.setAttribute("viewBox", `0 0 ${width} ${spec.height}`);
  const bottom = spec.height - GUTTER.bottom;
  const { yOf, marks } = axisOf(spec);
  picture.replaceChildren();
  drawFaults(picture, bottom);
  drawTimeAxis(picture, bottom, true);
  for (const mark of marks) {
    picture.append(svg("line", { class: "grid", x1: GUTTER.left, x2: width - GUTTER.right, y1: yOf(mark), y2: yOf(mark) }));
    picture.append(svg("text", { x: GUTTER.left - 6, y: yOf(mark) + 4, "text-anchor": "end" }, spec.show(mark)));
  }
  picture.append(svg("line", { class: "axis", x1: GUTTER.left, x2: width - GUTTER.right, y1: bottom, y2: bottom }));
  if (spec.stacked) drawStack(picture, spec, yOf, bottom);
  else for (const line of spec.lines) if (line.group === undefined || !view.hidden.has(line.group)) drawLine(picture, spec, line, yOf);
  picture.append(svg("line", { class: "hover", y1: 0, y2: bottom, visibility: "hidden" }), svg("line", { class: "now", y1: 0, y2: bottom }));
  picture.setAttribute("aria-label", `${spec.title}: ${spec.lines.map((line) => `${line.name} at most ${spec.show(Math.max(...(line.upper ?? line.values)))}`).join(", ")}`);
}
const middleOf = (sample) => (beginOf(sample) + samples.at_us[sample]) / 2;

function pathOf(values, yOf, steps) {
  let path = "", drawing = false, last = -Infinity;
  values.forEach((value, sample) => {
    if (value === null || value === undefined) return;
    drawing = drawing && sample - last <= BRIDGED;
    last = sample;
    const y = yOf(value).toFixed(1);
    if (steps) path += `${drawing ? "L" : "M"}${xOf(beginOf(sample)).toFixed(1)} ${y}H${xOf(samples.at_us[sample]).toFixed(1)}`;
    // A value without neighbours is a dot.
    else path += `${drawing ? "L" : "M"}${xOf(middleOf(sample)).toFixed(1)} ${y}${drawing ? "" : "h.01"}`;
    drawing = true;
  });
  return path;
}
function areaOf(line, yOf) {
  const there = samples.at_us.map((_, sample) => sample).filter((sample) => line.values[sample] !== null && line.upper[sample] !== null);
  const runs = [];
  for (const sample of there) (runs.at(-1)?.at(-1) === sample - 1 ? runs.at(-1) : (runs.push([]), runs.at(-1))).push(sample);
  const point = (values) => (sample) => `${xOf(middleOf(sample)).toFixed(1)} ${yOf(values[sample]).toFixed(1)}`;
  return runs.map((run) => `M${run.map(point(line.upper)).join("L")}L${[...run].reverse().map(point(line.values)).join("L")}Z`).join("");
}
function drawLine(picture, spec, line, yOf) {
  const stroke = colourOf(line);
  if (line.upper) {
    picture.append(svg("path", { class: "area", d: areaOf(line, yOf), fill: stroke }));
    picture.append(svg("path", { class: "line second", d: pathOf(line.upper, yOf), stroke }));
  }
  if (line.dashed) picture.append(svg("path", { class: "line dashed", d: pathOf(line.dashed, yOf), stroke }));
  picture.append(svg("path", { class: "line", d: pathOf(line.values, yOf, spec.steps), stroke }));
}
function drawStack(picture, spec, yOf, bottom) {
  const below = samples.at_us.map(() => 0);
  for (const line of spec.lines) {
    let path = "";
    line.values.forEach((value, sample) => {
      if (!value) return;
      const [x, until] = [xOf(beginOf(sample)), xOf(samples.at_us[sample])];
      const [y, foot] = [yOf(below[sample] + value), below[sample] ? yOf(below[sample]) : bottom];
      path += `M${x.toFixed(1)} ${foot.toFixed(1)}V${y.toFixed(1)}H${Math.max(until - (until - x > 9 ? 1.5 : 0), x).toFixed(1)}V${foot.toFixed(1)}Z`;
      below[sample] += value;
    });
    picture.append(svg("path", { d: path, fill: colourOf(line), opacity: 0.8 }));
  }
}

// What stood at a time, beside the pointer.
function showValues(event, spec, time) {
  const sample = sampleAt(time);
  const rows = spec.lines.filter((line) => line.group === undefined || !view.hidden.has(line.group)).map((line) => {
    const dot = html("span", { class: "dot", style: `background:${colourOf(line)}` });
    const values = [line.values[sample], ...(line.upper ? [line.upper[sample]] : []), ...(line.dashed ? [line.dashed[sample]] : [])];
    return [html("span", {}, dot, ` ${line.name}`), ...values.map(spec.show)];
  });
  const active = happeningAt(time).filter((what) => what.is_fault).map((what) => html("div", {}, `⚡ ${what.text}`));
  tip(event, html("b", {}, showTime(samples.at_us[sample])), table([], rows), ...active.slice(0, 4));
}

// The pointer shows a moment; pressed, it goes there.
function steer(picture, hovered) {
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(Math.max(timeOf(((event.clientX - box.left) / box.width) * width), START), END);
  };
  picture.addEventListener("pointermove", (event) => {
    view.hover = at(event);
    if (event.buttons & 1) goTo(view.hover); else changed();
    hovered(event, view.hover);
  });
  picture.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse") picture.setPointerCapture(event.pointerId); goTo(at(event)); });
  picture.addEventListener("pointerleave", () => { view.hover = null; hideTip(); changed(); });
}

function moveMoments() {
  const place = (line, time) => {
    line.setAttribute("visibility", time === null ? "hidden" : "visible");
    if (time !== null) for (const end of ["x1", "x2"]) line.setAttribute(end, xOf(time));
  };
  for (const line of document.querySelectorAll("#charts .now")) place(line, view.time);
  for (const line of document.querySelectorAll("#charts .hover")) place(line, view.hover);
}
painters.push(moveMoments);
redrawers.push(() => {
  width = Math.max(byId("charts").clientWidth, 200);
  charts.forEach(drawChart);
});
