// The kiosk page: what the daemon tells becomes one circle and a stage; touches become commands.

import { watch } from "./button.js";
import { faceOf } from "./face.js";
import { connect } from "./link.js";
import { makeStage } from "./stage.js";

const AWAY_AFTER_MS = 1500;  // a restart is quick: nothing is said before
const LEAVES_AFTER_MS = 90_000;  // of quiet: the circle comes back; more where there is much to read
const READ_MS = 60;  // a character
const NOTICE_MS = 5000;
const SILENCE_DB = -55, LOUD_DB = -12;

const byId = (id) => document.getElementById(id);
const page = document.body, root = document.documentElement;
const query = new URLSearchParams(location.search);
const token = query.get("token")?.replaceAll(" ", "+");  // as access.py has it

const model = {  // what is known of the daemon
  state: "starting", muted: false, muteSwitch: false, volume: 0, faults: [], name: "", notice: "", away: false, up: false,
  shutOut: false,
};
const shown = {};  // the texts on the page, by their elements' ids
let told = null;  // by /kiosk.json
let debug = null, face = "", leaving = 0, awaying = 0, stressing = 0;
let wasUp = false, isNew = false;  // whether it ever was connected; whether the connection has told nothing yet
let renewing = false;
let isDown = false, wasDown = false;  // the circle, now; and when the connection went away

function address(path, fields = {}) {
  const url = new URL(path, location.href);
  for (const [name, value] of Object.entries({ ...(token && { token }), ...fields })) url.searchParams.set(name, value);
  return url.href;
}

const stage = makeStage(byId("stage"), {
  pictureOf: (turn, again) => address("picture", { turn, ...(again && { again }) }),
  onChange: () => move(() => { page.dataset.stage = stage.isEmpty ? "off" : "on"; }),
});

// The settings

async function learn() {
  const answer = await fetch(address("kiosk.json"), { cache: "no-store" });
  if (!answer.ok) throw new Error(`kiosk.json: ${answer.status}`);
  const before = told;
  told = await answer.json();
  if (before && before.build !== told.build) return location.reload();  // the daemon is another version now
  root.lang = told.language;
  root.style.setProperty("--text", told.text_percent / 100);
  dress();
  stage.setWords(told.words.page);
  const words = told.words.page;
  for (const [id, label] of Object.entries({
    stage: words.conversation, controls: words.controls, quieter: words.quieter, louder: words.louder,
    volume: words.volume, renew: words.new_conversation,
  })) byId(id).setAttribute("aria-label", label);
  page.dataset.watching = String(!told.control);
  byId("controls").hidden = !(told.controls && told.control);
  draw();
  page.hidden = false;
}

/** Why it can't connect: a browser doesn't tell of a websocket whether nobody answered or the token is no longer good. */
async function askWhy() {
  const answer = await fetch(address("kiosk.json"), { cache: "no-store" }).catch(() => null);
  model.shutOut = [401, 403].includes(answer?.status);
  draw();
}

const learnSoon = () => learn().catch(() => setTimeout(learnSoon, 2000));
const prefers = (what) => matchMedia(`(prefers-${what})`);
function dress() {
  const auto = prefers("contrast: more").matches ? "contrast" : prefers("color-scheme: dark").matches ? "dark" : "light";
  root.dataset.theme = told.theme === "auto" ? auto : told.theme;
}
for (const what of ["contrast: more", "color-scheme: dark"]) prefers(what).addEventListener("change", () => told && dress());

// What is seen

function draw() {
  if (!told) return;
  const now = faceOf(model, told);
  page.dataset.state = model.away ? "away" : model.state;
  page.dataset.face = now.kind;
  page.style.setProperty("--cue", now.colour);
  write("name", told.title || model.name);
  byId("name").hidden = !shown.name;
  write("headline", now.headline);
  write("hint", model.notice || now.hint);
  write("volume", String(model.volume));
  document.title = shown.name || "clonespeaker";
  byId("icon").setAttribute("href", `#i-${now.icon}`);
  byId("mute-icon").setAttribute("href", `#i-${model.muted ? "silent" : "microphone"}`);
  byId("mute").dataset.on = String(model.muted);
  byId("mute").setAttribute("aria-label", model.muted ? told.words.page.unmute : told.words.page.mute);
  byId("mute").disabled = !model.up || model.muteSwitch;
  for (const [id, off] of Object.entries({ quieter: model.volume <= 0, louder: model.volume >= 100, renew: renewing }))
    byId(id).disabled = !model.up || off;
  byId("button").setAttribute("aria-label", `${now.headline}. ${now.hint}`.trim());
  byId("button").setAttribute("aria-disabled", String(!told.control));
  if (model.state !== "listening" && model.state !== "speaking") root.style.setProperty("--level", 0);
  if (face !== `${now.kind} ${now.headline}`) {
    face = `${now.kind} ${now.headline}`;
    write(now.isFault ? "say-fault" : "say-state", now.isFault ? `${now.headline} ${now.hint}` : now.headline);
    if (!now.isFault) write("say-fault", "");
  }
}

function write(id, text) {
  if (shown[id] !== text) byId(id).textContent = shown[id] = text;
}

/** What the hint says stands out for a while: somebody did something else. */
function stress() {
  page.dataset.stress = "true";
  clearTimeout(stressing);
  stressing = setTimeout(calm, NOTICE_MS);
}

function calm() {
  page.dataset.stress = "false";
}

/** "I can't": the circle says it without a word. */
function shake() {
  stress();
  write("say-fault", shown.hint);
  if (prefers("reduced-motion: reduce").matches) return;
  const way = [0, -4, 4, -3, 3, 0].map((percent) => ({ transform: `translateX(${percent}%)` }));
  byId("button").animate(way, { duration: 400, composite: "add" });
}

/** Lets the circle glide to where `change` puts it. */
function move(change) {
  const circle = byId("circle"), from = circle.getBoundingClientRect();
  change();
  const to = circle.getBoundingClientRect();
  if (page.hidden || prefers("reduced-motion: reduce").matches || from.width === 0 || from.top === to.top) return;
  const scale = from.width / to.width;
  const x = from.left + from.width / 2 - to.left - to.width / 2, y = from.top + from.height / 2 - to.top - to.height / 2;
  const way = [{ transform: `translate(${x}px, ${y}px) scale(${scale})` }, { transform: "none" }];
  circle.animate(way, { duration: 420, easing: "cubic-bezier(.3, .8, .2, 1)" });
}

function enter(state) {
  if (state === model.state) return;
  model.state = state;
  clearTimeout(leaving);
  if (state !== "idle") calm();
  if (state === "speaking") stage.speak();
  else stage.pause();
  if (state === "idle" && !stage.isEmpty) {
    stage.rest();
    leaving = setTimeout(stage.clear, LEAVES_AFTER_MS + READ_MS * stage.length);
  }
}

// What the daemon tells

const EVENTS = {
  state: ({ state }) => enter(state),
  turn: ({ outcome }) => { if (outcome === "tapped" && told.mode === "hold") stress(); },
  caption: (event) => {
    stage.caption(event);
    if (event.final) write("say-caption", event.text);
  },
  picture: (event) => stage.picture(event),
  citations: (event) => stage.citations(event),
  level: ({ dbfs }) => {
    const level = (dbfs - SILENCE_DB) / (LOUD_DB - SILENCE_DB);
    root.style.setProperty("--level", Math.max(0, Math.min(1, level)).toFixed(2));
  },
  fault: ({ fault, active }) => { model.faults = model.faults.filter((name) => name !== fault).concat(active ? [fault] : []); },
  clone: ({ name, slug }) => { model.name = name || slug || ""; },
  settings: (changed) => {
    if ("volume" in changed) model.volume = changed.volume;
    if ("muted" in changed) model.muted = changed.muted;
    if ("mute_switch" in changed) model.muteSwitch = changed.mute_switch === true;
    if ("conversation" in changed && model.state === "idle") stage.clear();
    if (changed.reread) learnSoon();
  },
};

function take(message) {
  if (message.type === "snapshot") {
    Object.assign(model, {
      muted: message.muted, muteSwitch: message.mute_switch === true, volume: message.volume, faults: message.faults,
      name: message.clone.name || message.clone.slug || "",
    });
    // What another run of the daemon had told is over.
    if (isNew && ![message.turn, ...message.turns.map((each) => each.turn)].includes(stage.turn)) stage.clear();
    isNew = false;
    enter(message.state);
    if (wasDown && !isDown && message.state === "listening") link.command("release");  // let go while nobody could be told
    wasDown = false;
  } else if (message.type === "event") {
    if (message.event === "level") return EVENTS.level(message);
    EVENTS[message.event]?.(message);
  }
  debug?.take(message);
  draw();
}

while (!told) await learn().catch(() => new Promise((resolve) => setTimeout(resolve, 1000)));

const link = connect(address("./").replace(/^http/, "ws"), {
  message: take,
  up() {
    clearTimeout(awaying);
    if (wasUp) learnSoon();
    model.up = wasUp = isNew = true;
    model.away = false;
  },
  down() {
    if (!model.up) return model.away && askWhy();
    model.up = model.shutOut = false;
    wasDown = isDown;
    awaying = setTimeout(() => { model.away = true; model.faults = []; stage.clear(); draw(); }, AWAY_AFTER_MS);
    draw();
  },
});

if (query.get("view") === "debug") {
  const { makeDebug } = await import("./debug.js");
  debug = makeDebug(page, () => link.command("snapshot"));
}

// What is touched

watch(byId("button"), {
  down() {
    if (!told?.control) return;
    isDown = true;
    page.dataset.held = "true";
    if (page.dataset.face === "muted") shake();
    link.command("press");
  },
  up() {
    if (!isDown) return;
    isDown = false;
    page.dataset.held = "false";
    if (told.mode === "hold") link.command("release");
  },
  click() {
    if (page.dataset.face === "muted") shake();
    if (told?.control) link.command(model.state === "listening" && told.mode === "hold" ? "release" : "press");
  },
});

byId("quieter").addEventListener("click", () => link.command("volume", { step: -1 }));
byId("louder").addEventListener("click", () => link.command("volume", { step: 1 }));
byId("mute").addEventListener("click", () => link.command(model.muted ? "unmute" : "mute"));
byId("renew").addEventListener("click", async () => {
  link.command("cancel");
  renewing = true;
  draw();
  const result = await link.command("new_conversation");
  renewing = false;
  if (result.ok) {
    stage.clear();
    return draw();
  }
  model.notice = (told.words.faults[result.error.code] ?? told.words.faults["server-error"]).what;
  draw();
  setTimeout(() => { model.notice = ""; draw(); }, NOTICE_MS);
});
