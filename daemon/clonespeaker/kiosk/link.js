// The websocket to the daemon (status/protocol.py): connects by itself, again and again, and never gives up.

const PAUSES_MS = [250, 500, 1000, 2000, 4000, 5000];
const OPENS_MS = 8000, QUIET_MS = 15_000;  // after so much quiet it is asked whether anybody is there
const ANSWER_MS = { press: 4000, snapshot: 4000 };  // who doesn't answer is gone, though the connection may not know it yet
const GONE = { ok: false, error: { code: "gone", message: "" } };

/** One lasting connection. `on.message(object)` for each frame, `on.up()` and `on.down()` as it comes and goes. */
export function connect(url, on) {
  let socket = null, tries = 0, timer = 0, id = 0;
  const waiting = new Map();

  function open() {
    clearTimeout(timer);
    timer = setTimeout(gone, OPENS_MS);
    socket = new WebSocket(url);
    socket.onopen = () => { tries = 0; listen(); on.up(); };
    socket.onmessage = ({ data }) => {
      listen();
      const message = JSON.parse(data);
      if (message.type === "result") waiting.get(message.id)?.(message);
      on.message(message);
    };
    socket.onclose = gone;
  }

  function listen() {
    clearTimeout(timer);
    timer = setTimeout(ask, QUIET_MS);
  }

  function ask() {
    command("snapshot");
  }

  function gone() {
    clearTimeout(timer);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
    for (const answer of [...waiting.values()]) answer(GONE);
    on.down();
    timer = setTimeout(open, PAUSES_MS[Math.min(tries++, PAUSES_MS.length - 1)] * (0.6 + 0.4 * Math.random()));
  }

  /** Sends a command; resolves to its result, which may be a refusal. */
  function command(name, fields = {}) {
    if (socket?.readyState !== WebSocket.OPEN) return Promise.resolve(GONE);
    const mine = ++id, through = socket;
    return new Promise((resolve) => {
      const late = ANSWER_MS[name] && setTimeout(() => through === socket && gone(), ANSWER_MS[name]);
      waiting.set(mine, (result) => { clearTimeout(late); waiting.delete(mine); resolve(result); });
      through.send(JSON.stringify({ id: mine, command: name, ...fields }));
    });
  }

  const hurry = () => (socket === null ? open() : ask());
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  open();

  return { command };
}
