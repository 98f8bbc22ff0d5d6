// The swarm at a moment, on a canvas: who runs, who is connected, who is cut off, who asks whom.

const canvas = byId("swarm");
const pen = canvas.getContext("2d");
const MOST_LINES = 30000;
const size = { width: 0, height: 0, radius: 5 };
// Places are blended while the arrangement changes.
let places = members[view.arrangement];

function fitCanvas() {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const room = Math.min(width, height);
  size.width = width;
  size.height = height;
  size.radius = Math.min(13, Math.max(2.6, (room * 0.22) / Math.sqrt(Math.max(members.names.length, 1))));
}
function placeOf(member) {
  const room = Math.min(size.width, size.height) - 2 * (size.radius * 2.4 + (names ? 16 : 4));
  const [x, y] = places[member];
  return [size.width / 2 + (x / members.side - 0.5) * room, size.height / 2 + (y / members.side - 0.5) * room];
}
const names = members.names.length <= 20;

// Who is hit by what at a time.
function hitAt(time) {
  const hit = members.names.map(() => null);
  const cut = new Set();
  for (const fault of happeningAt(time)) {
    if (!fault.is_fault) continue;
    for (const member of fault.members) {
      if (fault.kind === "partition") cut.add(member);
      else if (fault.members.length < members.names.length) hit[member] = fault.kind;
    }
  }
  return { hit, cut };
}

function drawSwarm() {
  pen.clearRect(0, 0, size.width, size.height);
  const time = view.time;
  const at = members.names.map((_, member) => placeOf(member));
  const { hit, cut } = hitAt(time);
  drawHalo(at, cut);
  drawLinks(at, cut, time);
  drawRequests(at, time);
  members.names.forEach((_, member) => drawMember(member, at[member], stateAt(member, time), hit[member], cut.has(member)));
  if (names) members.names.forEach((name, member) => drawName(name, at[member], member));
  canvas.setAttribute("aria-label", describe(time, cut));
}

function drawHalo(at, cut) {
  if (!cut.size) return;
  pen.fillStyle = ink.fault;
  pen.globalAlpha = 0.13;
  pen.beginPath();
  for (const member of cut) {
    const [x, y] = at[member];
    pen.moveTo(x, y);
    pen.arc(x, y, size.radius * 2.3, 0, 7);
  }
  pen.fill();
  pen.globalAlpha = 1;
}

function drawLinks(at, cut, time) {
  const kinds = { plain: new Path2D(), severed: new Path2D(), fresh: new Path2D(), chosen: new Path2D() };
  let count = 0;
  const every = Math.ceil(record.connections.length / MOST_LINES);
  connectionsAt(time, (a, b, link) => {
    count += 1;
    const chosen = view.member === a || view.member === b;
    if (!chosen && every > 1 && count % every) return;
    const kind = chosen ? "chosen" : cut.has(a) !== cut.has(b) ? "severed"
      : link[2] > record.warmup_us && time - link[2] < MOMENT ? "fresh" : "plain";
    kinds[kind].moveTo(...at[a]);
    kinds[kind].lineTo(...at[b]);
  });
  const drawn = count / every;
  const alpha = Math.min(0.55, Math.max(0.08, 5 / Math.sqrt(drawn + 1)));
  line(kinds.plain, ink.edge, alpha, 1);
  line(kinds.fresh, ink.pass, Math.min(1, alpha * 2.2), 1.4);
  line(kinds.severed, ink.fault, Math.min(1, alpha * 2), 1.2, [4, 4]);
  line(kinds.chosen, ink.accent, 0.9, 1.6);
}
function line(path, colour, alpha, width, dashes = []) {
  pen.strokeStyle = colour;
  pen.globalAlpha = alpha;
  pen.lineWidth = width;
  pen.setLineDash(dashes);
  pen.stroke(path);
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

// A request is a dot on its way; a short one is shown for a moment, or nobody would see it.
const requestsByTime = [...record.requests].sort((a, b) => a[2] - b[2]);
const longest = Math.max(MOMENT, ...requestsByTime.map((request) => Math.min(request[3] - request[2], 10 * MOMENT)));
function drawRequests(at, time) {
  let first = 0, high = requestsByTime.length;
  while (first < high) {
    const middle = (first + high) >> 1;
    if (requestsByTime[middle][2] < time - longest) first = middle + 1; else high = middle;
  }
  const under = [];
  for (let number = first; number < requestsByTime.length && requestsByTime[number][2] <= time; number += 1) {
    const [from, to, asked, ended] = requestsByTime[number];
    if (Math.max(ended, asked + MOMENT / 2) >= time && at[from] && at[to]) under.push(requestsByTime[number]);
  }
  const faint = Math.min(1, 30 / Math.max(under.length, 1));
  for (const [from, to, asked, ended, answered] of under) {
    const until = Math.max(ended, asked + MOMENT / 2);
    const way = Math.min(1, (time - asked) / Math.max(until - asked, 1));
    const [[ax, ay], [bx, by]] = [at[from], at[to]];
    const path = new Path2D();
    path.moveTo(ax, ay);
    path.lineTo(bx, by);
    const colour = answered ? ink.accent : ink.fail;
    line(path, colour, (0.5 * (1 - way) + 0.1) * faint, 1.4);
    // There with the question, back with the answer.
    const there = 1 - Math.abs(1 - 2 * way);
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(ax + (bx - ax) * there, ay + (by - ay) * there, Math.max(1.8, size.radius * 0.35), 0, 7);
    pen.fill();
  }
}

function outline([x, y], radius, rogue) {
  pen.beginPath();
  if (!rogue) return pen.arc(x, y, radius, 0, 7);
  pen.moveTo(x, y - radius * 1.2);
  pen.lineTo(x + radius * 1.2, y);
  pen.lineTo(x, y + radius * 1.2);
  pen.lineTo(x - radius * 1.2, y);
  return pen.closePath();
}

function drawMember(member, place, state, hit, isCut) {
  const group = members.groups[member];
  const colour = ink.groups[group] ?? ink.soft;
  const radius = size.radius;
  const shown = !view.hidden.has(group);
  pen.globalAlpha = shown ? 1 : 0.18;
  outline(place, state === "left" ? radius * 0.5 : radius, groups[group]?.rogues);
  pen.fillStyle = state === "up" && !isCut ? colour : ink.card;
  pen.fill();
  pen.lineWidth = Math.max(1, radius * 0.16);
  pen.strokeStyle = state === "left" ? ink.soft : state === "up" && !isCut ? ink.card : colour;
  if (state === "crashed") pen.strokeStyle = ink.fail;
  pen.stroke();
  if (isCut && state === "up") hatch(place, radius, colour);
  if (state === "crashed") cross(place, radius * 0.5);
  if (state === "paused") bars(place, radius * 0.45, colour);
  if (hit && state !== "left") ring(place, radius * 1.5, ink.warn);
  if (view.member === member) ring(place, radius * 1.7, ink.accent);
  pen.globalAlpha = 1;
}
function hatch(place, radius, colour) {
  pen.save();
  outline(place, radius, false);
  pen.clip();
  pen.beginPath();
  const step = Math.max(2.4, radius * 0.5);
  for (let shift = -2 * radius; shift <= 2 * radius; shift += step) {
    pen.moveTo(place[0] + shift - radius, place[1] + radius);
    pen.lineTo(place[0] + shift + radius, place[1] - radius);
  }
  pen.lineWidth = step * 0.42;
  pen.strokeStyle = colour;
  pen.stroke();
  pen.restore();
}
function cross([x, y], arm) {
  pen.beginPath();
  pen.moveTo(x - arm, y - arm);
  pen.lineTo(x + arm, y + arm);
  pen.moveTo(x + arm, y - arm);
  pen.lineTo(x - arm, y + arm);
  pen.lineWidth = Math.max(1.4, size.radius * 0.26);
  pen.strokeStyle = ink.fail;
  pen.stroke();
}
function bars([x, y], arm, colour) {
  pen.fillStyle = colour;
  pen.fillRect(x - arm, y - arm, arm * 0.7, arm * 2);
  pen.fillRect(x + arm * 0.3, y - arm, arm * 0.7, arm * 2);
}
function ring([x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.lineWidth = Math.max(1.2, size.radius * 0.18);
  pen.strokeStyle = colour;
  pen.stroke();
}
function drawName(name, [x, y], member) {
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.lineWidth = 3;
  pen.strokeStyle = ink.card;
  pen.fillStyle = view.member === member ? ink.ink : ink.soft;
  pen.strokeText(name, x, y + size.radius + 13);
  pen.fillText(name, x, y + size.radius + 13);
}

function describe(time, cut) {
  const states = { up: 0, left: 0, crashed: 0, paused: 0 };
  members.names.forEach((_, member) => { states[stateAt(member, time)] += 1; });
  let links = 0;
  connectionsAt(time, () => { links += 1; });
  const parts = [`${states.up} running`, `${links} connections`];
  for (const state of ["paused", "crashed"]) if (states[state]) parts.push(`${states[state]} ${state}`);
  if (states.left) parts.push(`${states.left} not there`);
  if (cut.size) parts.push(`${cut.size} cut off`);
  return `The swarm at ${showTime(time)}: ${parts.join(", ")}`;
}

// Whoever is under the pointer.
function memberAt(event) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  let nearest = null, least = size.radius + 8;
  members.names.forEach((_, member) => {
    const [mx, my] = placeOf(member);
    const distance = Math.hypot(mx - x, my - y);
    if (distance < least) [nearest, least] = [member, distance];
  });
  return nearest;
}
function showMember(event) {
  const member = memberAt(event);
  if (member !== view.member) { view.member = member; changed(); }
  if (member === null) return hideTip();
  const peers = [];
  connectionsAt(view.time, (a, b) => { if (a === member) peers.push(b); else if (b === member) peers.push(a); });
  const { hit, cut } = hitAt(view.time);
  const group = groups[members.groups[member]];
  const state = { up: "runs", left: "is not there", crashed: "has crashed", paused: "is paused" }[stateAt(member, view.time)];
  const facts = [group ? `${group.kind}${group.zone ? `, in ${group.zone}` : ""}` : "", `${state}, ${peers.length} connections`];
  if (cut.has(member)) facts.push("cut off by a partition");
  if (hit[member]) facts.push(`hit by: ${hit[member]}`);
  facts.push(members.agents[member].slice(0, 24));
  return tip(event, html("b", {}, members.names[member]), ...facts.filter(Boolean).map((fact) => html("div", {}, fact)));
}
canvas.addEventListener("pointermove", showMember);
canvas.addEventListener("pointerdown", showMember);
canvas.addEventListener("pointerleave", () => { view.member = null; hideTip(); changed(); });

function arrange(to) {
  view.arrangement = to;
  const from = places, target = members[to], begun = performance.now();
  const step = (now) => {
    const share = calm.matches ? 1 : Math.min(1, (now - begun) / 450);
    const eased = 1 - (1 - share) ** 3;
    places = share === 1 ? target : target.map(([x, y], member) => [from[member][0] + (x - from[member][0]) * eased, from[member][1] + (y - from[member][1]) * eased]);
    drawSwarm();
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
painters.push(drawSwarm);
redrawers.push(fitCanvas);
