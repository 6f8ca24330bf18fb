// The stage: what was said, the picture and the sources. All of it is text; none of it can be markup.

import { qr } from "./qr.js";

const LENGTHS = [[90, "short"], [260, "middling"]];  // characters, up to which an answer is set larger
const PER_S = 15;  // characters that a voice says
const MOST_SOURCES = 12;
const QUIET_MS = 6000;  // after a hand has moved the text, it is left alone so long
const PICTURE_TRIES = 3, PICTURE_PAUSE_MS = 500;
const SVG = "http://www.w3.org/2000/svg";

/** A stage in `root`. `pictureOf(turn, again)` is where its picture can be had; `onChange` when it fills or is cleared. */
export function makeStage(root, { pictureOf, onChange }) {
  let words = null, turn = null, text = "", spokenSince = 0, movedAt = -Infinity, timer = 0;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const parts = {};

  for (const by of ["pointerdown", "wheel", "keydown"]) root.addEventListener(by, () => { movedAt = performance.now(); });

  function begin(number) {
    if (number === turn) return;
    clear();
    turn = number;
  }

  function clear() {
    root.replaceChildren();
    for (const name of Object.keys(parts)) delete parts[name];
    [turn, text] = [null, ""];
    root.hidden = true;
    onChange();
  }

  function put(name, node) {
    const order = ["user", "clone", "picture", "sources"];
    parts[name]?.remove();
    parts[name] = node;
    const next = order.slice(order.indexOf(name) + 1).find((each) => parts[each]?.isConnected);
    root.insertBefore(node, next ? parts[next] : null);
    if (root.hidden) {
      root.hidden = false;
      onChange();
    }
  }

  function follow() {
    // The end of what is being written; or, where all of it came at once, about where the voice is.
    if (performance.now() - movedAt < QUIET_MS || !parts.clone) return;
    const room = root.scrollHeight - root.clientHeight;
    if (room <= 0) return;
    const { offsetTop, offsetHeight } = parts.clone;
    let part = 1;
    if (spokenSince) part = Math.min(1, ((performance.now() - spokenSince) / 1000) * PER_S / Math.max(1, text.length));
    else if (!parts.clone.dataset.streamed) return;
    const at = offsetTop + offsetHeight * part - root.clientHeight * (part < 1 ? 0.55 : 0.85);
    root.scrollTo({ top: Math.max(0, at), behavior: still.matches ? "instant" : "smooth" });
  }

  return {
    get isEmpty() { return root.hidden; },
    get turn() { return turn; },
    get length() { return text.length; },
    setWords(given) { words = given; },
    clear,

    caption({ turn: number, who, text: said, final }) {
      begin(number);
      if (!said) return;
      if (who === "user") return put("user", make("p", "user", said));
      text = said;
      const kind = LENGTHS.find(([most]) => said.length <= most)?.[1] ?? "";
      if (!parts.clone) put("clone", make("p", "", ""));
      if (!final) parts.clone.dataset.streamed = "true";
      parts.clone.className = `clone ${kind}`;
      parts.clone.textContent = said;
      follow();
    },

    picture({ turn: number }) {
      begin(number);
      const image = make("img", "picture");
      image.alt = words.picture;
      image.onload = () => { if (turn === number) put("picture", image); };
      let tries = 0;
      image.onerror = () => {  // one that can't be had is left out; one that is slow to come may be there the next time
        if (turn === number && tries++ < PICTURE_TRIES) setTimeout(() => { image.src = pictureOf(number, tries); }, PICTURE_PAUSE_MS);
      };
      image.src = pictureOf(number);
    },

    citations({ turn: number, citations }) {
      begin(number);
      const shown = citations.filter((each) => each.title || each.text || each.url).slice(0, MOST_SOURCES);
      if (shown.length === 0) return;
      const list = make("ol");
      list.append(...shown.map(card));
      const box = make("section", "sources");
      box.append(make("h2", "", words.sources));
      if (list.querySelector(".qr")) box.append(make("p", "scan", words.scan));
      box.append(list);
      put("sources", box);
    },

    /** The voice is heard from now on: the text goes along with it. */
    speak() {
      spokenSince = performance.now();
      clearInterval(timer);
      timer = setInterval(follow, 500);
    },

    /** It is heard no more. */
    pause() {
      clearInterval(timer);
      spokenSince = 0;
    },

    /** The turn is over: what is left, the sources, comes into sight. */
    rest() {
      if (performance.now() - movedAt >= QUIET_MS && !root.hidden && parts.sources)
        parts.sources.scrollIntoView({ block: "nearest", behavior: still.matches ? "instant" : "smooth" });
    },
  };
}

function card({ title, text, url }) {
  const item = make("li"), about = make("div"), host = hostOf(url);
  about.append(make("h3", "", title || text || host));
  if (title && text) about.append(make("p", "text", text));
  if (host && (title || text)) about.append(make("p", "host", host));
  item.append(about);
  const modules = host && qr(url);
  if (modules) item.append(drawn(modules, `QR: ${host}`));
  return item;
}

function hostOf(url) {
  try {
    const parsed = new URL(url);
    return /^https?:$/.test(parsed.protocol) ? parsed.host.replace(/^www\./, "") : "";
  } catch {
    return "";
  }
}

function drawn(modules, label) {
  const size = modules.length + 8;  // four modules of quiet all around
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  const attributes = { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  svg.classList.add("qr");
  const squares = modules.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  path.setAttribute("d", squares.join(""));
  svg.append(path);
  return svg;
}

function make(tag, className = "", text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) {
    node.textContent = text;
    node.dir = "auto";
  }
  return node;
}
