// The clinic's tablet: after five minutes in which nobody touches it, only the thanks are shown. Nothing is kept here.
(() => {
  const IDLE = 300_000, NOTED_AGAIN_AFTER = 60_000;
  const end = () => location.replace("/tablet");
  let waiting = setTimeout(end, IDLE), noted = Date.now();
  const used = async () => {
    clearTimeout(waiting);
    waiting = setTimeout(end, IDLE);
    if (Date.now() - noted < NOTED_AGAIN_AFTER) return;
    noted = Date.now();
    const answer = await fetch("/tablet/used", { cache: "no-store" }).catch(() => null);
    if (answer && answer.status === 410) end();
  };
  for (const one of ["input", "keydown", "pointerdown", "scroll"]) addEventListener(one, used, { passive: true });
  addEventListener("pageshow", (event) => event.persisted && end());
})();
