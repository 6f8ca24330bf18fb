// What the circle shows and says: one face for all that is going on, chosen as cues.py chooses. A hint is a fault that
// nobody need hurry about: it breathes.

const A_TURN = new Set(["listening", "thinking", "speaking"]);
const ICONS = { listening: "microphone", thinking: "dots", speaking: "voice", fault: "fault", muted: "silent", away: "dots" };

/** `{kind, colour, headline, hint, icon, isFault}` of a model (main.js) and what `/kiosk.json` told. */
export function faceOf(model, told) {
  const { words, cues } = told;
  const wrong = model.muted ? [...model.faults, "muted"] : model.faults;
  const fault = Object.keys(cues.faults).find((name) => wrong.includes(name)) ?? wrong[0];
  if (model.away && model.shutOut)
    return { ...face("away", "", words.page.shut_out, words.page.open_anew), icon: "fault", isFault: true };
  if (model.away) return face("away", "", words.states.starting, words.page.reconnecting);
  if (A_TURN.has(model.state)) {
    const troubled = model.state === "thinking" && cues.faults[fault]?.pattern === "blink";  // what breathes can wait
    const what = troubled && words.faults[fault]?.what;
    return face(model.state, cues.states[model.state].colour, words.states[model.state], what || hintOf(model, told));
  }
  if (fault === "muted") {
    const why = model.muteSwitch ? words.page.mute_switch : words.faults.muted.what;
    return face("muted", cues.faults.muted.colour, words.states.muted, `${why}\n${words.faults.muted.remedy}`);
  }
  if (fault) {
    const { what, remedy } = words.faults[fault] ?? { what: words.faults["server-error"].what, remedy: "" };
    const { colour, pattern } = cues.faults[fault] ?? cues.faults.muted;
    return pattern === "breathe" ? face("hint", colour, what, remedy) : { ...face("fault", colour, what, remedy), isFault: true };
  }
  const state = cues.states[model.state] ? model.state : "starting";
  const now = face(state, cues.states[state].colour, words.states[state], hintOf(model, told));
  return told.control || state !== "idle" ? now : { ...now, icon: "voice" };
}

function hintOf(model, { words, mode, control }) {
  const tap = mode === "tap";
  if (model.state === "starting") return "";
  if (!control) return words.page.watching;
  if (model.state === "idle") return tap ? words.page.tap_to_talk : words.page.hold_to_talk;
  if (model.state === "listening") return tap ? words.page.tap_when_done : words.page.let_go;
  return words.page.touch_to_stop;
}

function face(kind, colour, headline, hint) {
  return { kind, colour, headline, hint, icon: ICONS[kind] ?? "microphone", isFault: false };
}
