/* A few small islands. Every page works without them. No inline script, no eval, no outside call. */
"use strict";
// 1 Chart: hover, touch and arrow keys say the day's values; without it each day has a native tooltip and the table.
for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const hits = [...figure.querySelectorAll(".hit")];
  if (!hits.length) continue;
  const words = hits.map((hit) => { const title = hit.querySelector("title"); const said = title.textContent; title.remove(); return said; });
  const out = figure.querySelector(".readout");
  const scrub = Object.assign(document.createElement("input"), { type: "range", className: "scrub", min: 0, max: hits.length - 1, value: hits.length - 1 });
  scrub.setAttribute("aria-label", out.dataset.label);
  let on = null;
  const show = (k) => { on?.classList.remove("on"); on = hits[k]; on.classList.add("on"); out.textContent = words[k]; scrub.value = k; scrub.setAttribute("aria-valuetext", words[k]); };
  const chart = figure.querySelector(".chart");
  chart.after(scrub);
  scrub.addEventListener("input", () => show(Number(scrub.value)));
  for (const kind of ["pointermove", "pointerdown"]) chart.addEventListener(kind, (event) => { const k = hits.indexOf(event.target); if (k >= 0) show(k); });
}
// 2 Search as you type: fills the list of suggestions; Enter submits the same form to the list, as without scripts.
const find = document.querySelector("form[data-find]");
if (find) {
  const input = find.querySelector("input"), hits = document.getElementById("hits");
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const part = input.value.trim();
      if (!part) return hits.replaceChildren();
      const answer = await fetch(`${find.dataset.find}?q=${encodeURIComponent(part)}`, { headers: { accept: "application/json" } });
      if (answer.ok && input.value.trim() === part) hits.replaceChildren(...(await answer.json()).map((number) => new Option(number, number)));
    }, 150);
  });
}
// 3 Keys in a list, only while focus is inside it (WCAG 2.1.4): j / k move, e does the row's first step.
for (const list of document.querySelectorAll(".rows")) {
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /input|select|textarea/i.test(event.target.tagName)) return;
    const all = [...document.querySelectorAll(".row > .who")], here = event.target.closest(".row"), at = all.indexOf(here?.querySelector(".who"));
    if (event.key === "j") all[Math.min(at + 1, all.length - 1)]?.focus();
    else if (event.key === "k") all[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "e") here?.querySelector("[data-key=e]")?.click();
  });
}
// 4 Print: without scripts the browser's own menu does it.
for (const button of document.querySelectorAll("[data-print]")) { button.hidden = false; button.addEventListener("click", () => print()); }
// 5 Undo is offered for 20 s, and for 20 more while the pointer or the focus is on it; the record keeps "entered in error" for ever.
for (const form of document.querySelectorAll("form[data-undo]")) {
  const wait = () => setTimeout(() => (form.closest(".notice").matches(":hover, :focus-within") ? wait() : form.classList.add("over")), 20000);
  wait();
}
// 6 Two minutes before an idle session ends: say so, and offer to stay. Without it, signing in again goes on with the form.
const ending = document.getElementById("ending");
if (ending) {
  let waiting = 0;
  const begin = () => { clearTimeout(waiting); ending.hidden = true; waiting = setTimeout(() => { ending.hidden = false; }, (Number(ending.dataset.idle) - 120) * 1000); };
  ending.querySelector("button").addEventListener("click", async () => { const reply = await fetch("/care/account"); if (reply.ok && !reply.redirected) begin(); });
  begin();
}
