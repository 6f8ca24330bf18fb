// The circle as the device's button: it goes down and comes up by touch, mouse or key, and never stays down by mistake.

const KEYS = new Set([" ", "Enter"]);

/** Calls `on.down()` and `on.up()` in turn, at once; `on.click()` where assistive technology presses, which can't hold. */
export function watch(button, on) {
  let held = null;  // what holds it: a pointer's id, or a key

  function down(by) {
    if (held !== null) return;
    held = by;
    on.down();
  }

  function up(by) {
    if (held === null || (by !== undefined && by !== held)) return;
    held = null;
    on.up();
  }

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    button.focus({ preventScroll: true, focusVisible: false });
    try { button.setPointerCapture(event.pointerId); } catch { /* gone again already */ }
    down(event.pointerId);
  });
  for (const over of ["pointerup", "pointercancel", "lostpointercapture"])
    button.addEventListener(over, (event) => up(event.pointerId));

  const ours = (target) => target === button || target === document.body;
  addEventListener("keydown", (event) => {
    if (!KEYS.has(event.key) || !ours(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (!event.repeat) down(event.key);
  });
  addEventListener("keyup", (event) => {
    if (!KEYS.has(event.key)) return;
    if (ours(event.target)) event.preventDefault();
    up(event.key);
  });
  button.addEventListener("click", (event) => {
    if (event.detail === 0) on.click();  // neither a pointer's nor, as those are prevented, a key's
  });

  addEventListener("blur", () => up());
  addEventListener("pagehide", () => up());
  document.addEventListener("visibilitychange", () => { if (document.hidden) up(); });
  addEventListener("contextmenu", (event) => event.preventDefault());
}
