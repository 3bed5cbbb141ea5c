// The clinic's tablet: after five minutes in which nobody touches it, only the thanks are shown. Nothing is kept here.
(() => {
  const IDLE = 300_000, NOTED_AGAIN_AFTER = 60_000;
  const end = () => location.replace("/tablet");
  let waiting = setTimeout(end, IDLE), noted = Date.now(), soon = 0;
  // What is not noted at once is noted later: the service's five minutes never end before those of the last touch.
  const used = () => {
    clearTimeout(waiting);
    waiting = setTimeout(end, IDLE);
    soon = soon || setTimeout(note, Math.max(0, noted + NOTED_AGAIN_AFTER - Date.now()));
  };
  const note = async () => {
    soon = 0;
    noted = Date.now();
    const answer = await fetch("/tablet/used", { cache: "no-store" }).catch(() => null);
    if (answer && answer.status === 410) end();
  };
  for (const one of ["input", "keydown", "pointerdown", "scroll"]) addEventListener(one, used, { passive: true });
  addEventListener("pageshow", (event) => event.persisted && end());
})();
