// ?view=debug: the last turns as a waterfall around the release, and the totals. For technicians, in English.

const SVG = "http://www.w3.org/2000/svg";
const BARS = [  // from, to, where drawn, colour's name in --…; what it is
  ["first_frame", "released", 0, "#1fbf6b", "recording"],
  ["connected", "body_sent", 1, "#7a8290", "sending"],
  ["body_sent", "first_event", 0, "#f2a81d", "the clone thinks"],
  ["first_event", "first_sound", 1, "#c05fe0", "first sound"],
  ["first_sound", "drained", 0, "#3d7dff", "playing"],
];
const WIDTH = 1000, LEFT = 150, ROW = 34, TOP = 22;
const BEFORE_MS = 600, LEAST_AFTER_MS = 1500;

/** Draws in the page's place from now on; `ask` has the daemon send a snapshot, which alone has the totals. */
export function makeDebug(page, ask) {
  const root = document.createElement("main");
  root.id = "debug";
  root.tabIndex = 0;
  page.querySelector("main").hidden = true;
  page.querySelector("main").after(root);
  ask();

  return {
    take(message) {
      if (message.event === "turn") ask();
      if (message.type !== "snapshot") return;
      root.replaceChildren(
        heading("The last turns, in ms from the release"), legend(), waterfall([...message.turns].reverse()),
        heading("Since the start"), list(message.totals),
      );
    },
  };
}

function waterfall(turns) {
  const after = Math.max(LEAST_AFTER_MS, ...turns.map((turn) => (turn.first_sound ?? turn.first_event ?? 0) + 400));
  const x = (ms) => LEFT + ((Math.min(after, Math.max(-BEFORE_MS, ms)) + BEFORE_MS) / (after + BEFORE_MS)) * (WIDTH - LEFT);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${TOP + ROW * Math.max(1, turns.length)}`, role: "img" });
  const step = [100, 200, 500, 1000, 2000, 5000, 10000].find((each) => (after + BEFORE_MS) / each < 12) ?? 20000;
  for (let ms = Math.ceil(-BEFORE_MS / step) * step; ms <= after; ms += step) {
    svg.append(node("line", { x1: x(ms), x2: x(ms), y1: 14, y2: "100%", "stroke-width": ms === 0 ? 2 : 0.7 }));
    svg.append(node("text", { x: x(ms) + 2, y: 10, class: "faint" }, String(ms)));
  }
  turns.forEach((turn, row) => {
    const y = TOP + row * ROW;
    svg.append(node("text", { x: 0, y: y + 12 }, `${turn.turn} ${turn.outcome}${turn.fault ? ` (${turn.fault})` : ""}`));
    svg.append(node("text", { x: 0, y: y + 25, class: "faint" }, remarks(turn)));
    for (const [from, to, lane, fill, what] of BARS) {
      if (turn[from] == null || turn[to] == null || turn[to] < turn[from]) continue;
      const width = Math.max(2, x(turn[to]) - x(turn[from]));
      const bar = node("rect", { x: x(turn[from]), y: y + lane * 13 + 2, width, height: 11, rx: 2, fill });
      bar.append(node("title", {}, `${what}: ${turn[from]} to ${turn[to]} ms`));
      svg.append(bar);
    }
    if (turn.first_sound == null) return;
    const heard = `heard after ${Math.round(turn.first_sound)} ms`;
    svg.append(node("text", { x: x(turn.first_sound) + 4, y: y + 25, class: "faint" }, heard));
  });
  const sounds = turns.map((turn) => turn.first_sound).filter((ms) => ms != null);
  svg.setAttribute("aria-label", `${turns.length} turns; first sound after ${sounds.map(Math.round).join(", ")} ms`);
  return svg;
}

function remarks(turn) {
  const counts = ["retries", "underruns", "overflows"].map((name) => turn[name] && `${turn[name]} ${name}`);
  const length = `${(turn.utterance_ms / 1000).toFixed(1)} s`;
  return [turn.upload ?? "text", length, turn.http_status, ...counts].filter(Boolean).join(" · ");
}

function legend() {
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} 18`, "aria-hidden": "true" });
  BARS.forEach(([, , , fill, what], i) => {
    svg.append(node("rect", { x: LEFT + i * 160, y: 3, width: 11, height: 11, rx: 2, fill }));
    svg.append(node("text", { x: LEFT + i * 160 + 16, y: 13 }, what));
  });
  return svg;
}

function list(totals) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(totals)) {
    const row = document.createElement("div"), term = document.createElement("dt"), figure = document.createElement("dd");
    term.textContent = name;
    figure.textContent = typeof value === "object" ? JSON.stringify(value) : String(value);
    row.append(term, figure);
    list.append(row);
  }
  return list;
}

function heading(text) {
  const node = document.createElement("h2");
  node.textContent = text;
  return node;
}

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
