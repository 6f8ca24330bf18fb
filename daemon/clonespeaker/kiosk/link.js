// The websocket to the daemon (status/protocol.py): connects by itself, again and again, and never gives up.

const PAUSES_MS = [250, 500, 1000, 2000, 4000, 5000];
const ANSWER_MS = { press: 4000 };  // who doesn't answer is gone, though the connection may not know it yet

/** One lasting connection. `on.message(object)` for each frame, `on.up()` and `on.down()` as it comes and goes. */
export function connect(url, on) {
  let socket = null, tries = 0, timer = 0, id = 0;
  const waiting = new Map();

  function open() {
    clearTimeout(timer);
    socket = new WebSocket(url);
    socket.onopen = () => { tries = 0; on.up(); };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "result") waiting.get(message.id)?.(message);
      on.message(message);
    };
    socket.onclose = () => {
      for (const answer of [...waiting.values()]) answer({ ok: false, error: { code: "gone", message: "" } });
      socket = null;
      on.down();
      timer = setTimeout(open, PAUSES_MS[Math.min(tries++, PAUSES_MS.length - 1)] * (0.8 + 0.4 * Math.random()));
    };
  }

  function hurry() {
    if (socket === null) open();
  }

  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  open();

  return {
    /** Sends a command; resolves to its result, which may be a refusal. */
    command(command, fields = {}) {
      if (socket?.readyState !== WebSocket.OPEN) return Promise.resolve({ ok: false, error: { code: "gone", message: "" } });
      const mine = ++id, through = socket;
      return new Promise((resolve) => {
        const late = ANSWER_MS[command] && setTimeout(() => through.close(), ANSWER_MS[command]);
        waiting.set(mine, (result) => { clearTimeout(late); waiting.delete(mine); resolve(result); });
        through.send(JSON.stringify({ id: mine, command, ...fields }));
      });
    },
  };
}
