// The controls, and what ties the parts together.

function makeLegend() {
  groups.forEach((group, number) => {
    const dot = html("span", { class: group.rogues ? "dot rogue" : "dot", "data-group": number });
    const button = html("button", { type: "button", "aria-pressed": "true", title: "Show or hide this group" }, dot, group.name);
    button.addEventListener("click", () => {
      const hidden = !view.hidden.delete(number);
      if (hidden) view.hidden.add(number);
      button.setAttribute("aria-pressed", String(!hidden));
      redraw();
    });
    byId("legend").append(button);
  });
}
function colourDots() {
  for (const dot of document.querySelectorAll(".dot[data-group]")) {
    dot.style.background = ink.groups[dot.dataset.group];
    dot.classList.toggle("rogue", Boolean(groups[dot.dataset.group]?.rogues));
  }
}

// What the marks of the picture mean; only those that the run has.
function makeKey() {
  const states = new Set(record.lives.map(([, , state]) => state));
  const kinds = new Set(faults.map((fault) => fault.kind));
  const dot = (extra) => `<svg viewBox="-7 -7 14 14">${extra}</svg>`;
  const marks = [
    [kinds.has("partition"), "cut off", dot('<circle r="5" fill="none" stroke="currentColor"/><path d="M-4 3l7-7M-2 5l7-7M-5 0l5-5" stroke="currentColor" stroke-width="1.6"/>')],
    [kinds.has("partition"), "link across the cut", dot('<path d="M-7 0h14" stroke="var(--fault)" stroke-width="2" stroke-dasharray="4 3"/>')],
    [states.has("crashed"), "crashed", dot('<path d="M-4-4l8 8M4-4l-8 8" stroke="var(--fail)" stroke-width="2"/>')],
    [states.has("paused"), "paused", dot('<path d="M-3-4v8M3-4v8" stroke="currentColor" stroke-width="3"/>')],
    [states.has("left"), "not there", dot('<circle r="3" fill="none" stroke="currentColor"/>')],
    [[...kinds].some((kind) => kind !== "partition"), "hit by a fault", dot('<circle r="3" fill="currentColor"/><circle r="6" fill="none" stroke="var(--warn)" stroke-width="1.6"/>')],
    [groups.some((group) => group.rogues), "rogue", dot('<path d="M0-6l6 6-6 6-6-6z" fill="currentColor"/>')],
    [record.connections.some((link) => link[2] > record.warmup_us), "just connected", dot('<path d="M-7 0h14" stroke="var(--new)" stroke-width="2"/>')],
    [record.requests.length, "a request, there and back", dot('<path d="M-7 0h14" stroke="var(--accent)" opacity=".5"/><circle r="3" fill="var(--accent)"/>')],
  ];
  const key = document.querySelector(".key");
  for (const [there, text, mark] of marks) if (there) { key.insertAdjacentHTML("beforeend", `<li>${mark}${text}</li>`); }
}

const slider = byId("time");
function makeTransport() {
  slider.max = END;
  slider.addEventListener("input", () => { stop(); goTo(+slider.value); });
  byId("play").addEventListener("click", () => (view.playing ? stop() : play()));
  byId("arrange").addEventListener("click", (event) => {
    const grouped = view.arrangement === "by_links";
    event.currentTarget.setAttribute("aria-pressed", String(grouped));
    event.currentTarget.textContent = grouped ? "By links" : "By groups";
    arrange(grouped ? "by_groups" : "by_links");
  });
  const speeds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60, 120, 300];
  const fitting = END / 1e6 / 20;
  const chosen = speeds.reduce((best, speed) => (Math.abs(Math.log(speed / fitting)) < Math.abs(Math.log(best / fitting)) ? speed : best));
  for (const speed of speeds) byId("speed").append(html("option", speed === chosen ? { value: speed, selected: "" } : { value: speed }, `${speed}×`));
  const marks = byId("marks");
  marks.setAttribute("viewBox", "0 0 1000 32");
  for (const fault of faults) {
    const x = (fault.from_us / END) * 1000, until = ((fault.until_us ?? fault.from_us) / END) * 1000;
    marks.append(svg("rect", { x, y: 11, width: Math.max(until - x, 3), height: 10, rx: 2, fill: "var(--fault)", opacity: 0.3 }));
  }
}
function play() {
  if (view.time >= END) goTo(START);
  view.playing = true;
  byId("play").textContent = "❚❚";
  byId("play").setAttribute("aria-label", "Pause");
  let last = performance.now();
  const step = (now) => {
    if (!view.playing) return;
    goTo(view.time + (now - last) * 1000 * byId("speed").value);
    last = now;
    if (view.time >= END) stop(); else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
function stop() {
  view.playing = false;
  byId("play").textContent = "▶";
  byId("play").setAttribute("aria-label", "Play");
}

const step = () => Math.max((END - START) / Math.max(sampleCount, 60), 1);
const edges = [...new Set([START, record.warmup_us, END, ...record.happenings.flatMap((what) => [what.from_us, what.until_us ?? what.from_us])])].sort((a, b) => a - b);
const keys = {
  " ": () => (view.playing ? stop() : play()),
  ArrowLeft: (far) => goTo(view.time - step() * far),
  ArrowRight: (far) => goTo(view.time + step() * far),
  Home: () => goTo(START),
  End: () => goTo(END),
  "[": () => goTo(edges.findLast((edge) => edge < view.time - 1) ?? START),
  "]": () => goTo(edges.find((edge) => edge > view.time + 1) ?? END),
};
document.addEventListener("keydown", (event) => {
  const act = keys[event.key];
  const busy = event.target.closest("select, summary, a, button, .scroll") && ![..."[]"].includes(event.key);
  if (!act || busy || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (event.key !== " ") stop();
  act(event.shiftKey ? 10 : 1);
});

function showNow() {
  slider.value = view.time;
  slider.setAttribute("aria-valuetext", showTime(view.time));
  byId("clock").textContent = showTime(view.time);
  let running = 0, links = 0;
  members.names.forEach((_, member) => { running += stateAt(member, view.time) === "up"; });
  connectionsAt(view.time, () => { links += 1; });
  const count = (value, what) => html("span", {}, html("b", {}, showNumber(value)), ` ${what}`);
  const counts = [count(running, "running"), count(links, "connections")];
  if (sampleCount) counts.push(count(samples.components[sampleAt(view.time)], samples.components[sampleAt(view.time)] === 1 ? "part" : "parts"));
  const active = happeningAt(view.time).slice(0, 6).map((what) => html("li", what.is_fault ? { class: "fault" } : {}, what.text));
  byId("now").replaceChildren(html("div", { class: "counts" }, ...counts), html("ul", {}, ...active));
}
painters.push(showNow);

// Rows of the tables go to their time.
for (const row of document.querySelectorAll("tr[data-at]")) {
  row.style.cursor = "pointer";
  row.addEventListener("click", () => goTo(+row.dataset.at));
}

// `#t=12.5` opens the page at that time; otherwise in the midst of the first fault that lasts.
function begin() {
  const asked = /[#&]t=(-?[\d.]+)/.exec(location.hash);
  const lasting = faults.find((fault) => fault.until_us !== null && fault.kind === "partition") ?? faults.find((fault) => fault.until_us !== null);
  if (asked) return goTo(+asked[1] * 1e6 + record.warmup_us);
  return goTo(lasting ? lasting.from_us + (lasting.until_us - lasting.from_us) * 0.15 : END);
}

makeLegend();
makeKey();
makeTransport();
makeLanes();
specs().forEach(makeChart);
redrawers.push(colourDots);
const resized = new ResizeObserver(redraw);
for (const sized of ["charts", "swarm"]) resized.observe(byId(sized));
redraw();
begin();
// For whoever measures how soon the page is there.
requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.drawn = Math.round(performance.now()); }));
