/* A few small islands. Every page works without them. No inline script, no eval, no outside call. */
"use strict";
// 1 Chart: hover, touch and arrow keys say the day's values; without it each day has a native tooltip and the table.
const readable = (root) => {
  for (const figure of root.querySelectorAll("figure[data-chart]")) {
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
    for (const kind of ["pointermove", "pointerdown"]) {
      chart.addEventListener(kind, (event) => {
        // A finger is held by the day where it came down: let go, so that it reads the days it moves over.
        if (event.target.hasPointerCapture(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
        const k = hits.indexOf(event.target);
        if (k >= 0) show(k);
      });
    }
  }
};
readable(document);
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
// 3 Keys in a list, only while focus is inside it and while they are on (WCAG 2.1.4): j / k move, e does the row's first step, s snoozes.
for (const list of document.querySelectorAll("[data-keys]")) {
  list.addEventListener("keydown", (event) => {
    const here = event.target.closest(".row");
    if (!here || event.ctrlKey || event.metaKey || event.altKey || /input|select|textarea/i.test(event.target.tagName)) return;
    const all = [...list.querySelectorAll(".row > .who")], at = all.indexOf(here.querySelector(".who"));
    if (event.key === "j") all[Math.min(at + 1, all.length - 1)]?.focus();
    else if (event.key === "k") all[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "e") here.querySelector("[data-key=e]")?.click();
    else if (event.key === "s" && here.dataset.snooze) location.assign(here.dataset.snooze);
  });
}
// 4 Print: without scripts the browser's own menu does it.
for (const button of document.querySelectorAll("[data-print]")) { button.hidden = false; button.addEventListener("click", () => print()); }
// 5 Undo is offered for 20 s, and for 20 more while the pointer or the focus is on it; the record keeps "entered in error" for ever.
const undoable = (root) => {
  for (const form of root.querySelectorAll("form[data-undo]")) {
    const wait = () => setTimeout(() => (form.closest(".notice").matches(":hover, :focus-within") ? wait() : form.classList.add("over")), 20000);
    wait();
  }
};
undoable(document);
// 6 Two minutes before an idle session ends: say so, and offer to stay. Without it, signing in again goes on with the form.
const ending = document.getElementById("ending");
if (ending) {
  let waiting = 0;
  const begin = () => { clearTimeout(waiting); ending.hidden = true; waiting = setTimeout(() => { ending.hidden = false; }, (Number(ending.dataset.idle) - 120) * 1000); };
  ending.querySelector("button").addEventListener("click", async () => { const reply = await fetch("/care/account"); if (reply.ok && !reply.redirected) begin(); });
  begin();
}
// 7 Today: a step is sent, and its row, the counts and the notice with Undo take the answer's place for the old ones; no row moves.
// What came meanwhile follows below the rows of its lane. Steps go one after the other: the next one knows the version that the last one left.
const lanes = document.querySelector("[data-lanes]");
const parsed = async (reply) => (reply.ok ? new DOMParser().parseFromString(await reply.text(), "text/html") : null);
const versions = new Map();
let turn = Promise.resolve(), waiting = 0, leaving = "";
const step = async ({ form, button, path, id, fields }) => {
  // The step before this one was the row's last.
  if (form.dataset.undo === undefined && document.getElementById(id)?.classList.contains("gone")) return;
  fields.set("version", Math.max(fields.get("version"), versions.get(id) ?? 0));
  const reply = await fetch(path, { method: "POST", body: fields }).catch(() => null), answer = reply && (await parsed(reply).catch(() => null));
  const now = answer?.querySelector("[data-lanes]"), row = document.getElementById(id);
  // Signed out, or nobody answers: the browser sends the form itself, and its page says so.
  if (!now) {
    const pressed = button.isConnected ? button : document.querySelector(`[formaction="${path}"]`);
    if (!pressed) return location.reload();
    Object.assign(pressed, { disabled: false, value: fields.get("version") });
    delete form.dataset.inPlace;
    return form.requestSubmit(pressed);
  }
  const left = new URL(reply.url).searchParams.get("version");
  if (left) versions.set(id, Number(left));
  const after = now.querySelector(`[id="${id}"]`), said = now.querySelector(".notice[role]"), made = [...now.querySelectorAll(".lane")], old = [...lanes.querySelectorAll(".lane")];
  // More wait there than are shown, maybe this one too: the page says how it stands.
  if (row && !after && (now.querySelector("[rel=next]") || made[old.indexOf(row.closest(".lane"))]?.querySelector("header a"))) { leaving = reply.url; return; }
  const focused = document.activeElement, elsewhere = focused !== document.body && !row?.contains(focused) && !focused.closest(".notice");
  if (row && after) {
    for (const name of ["aria-current", "data-draft"]) if (row.hasAttribute(name)) after.setAttribute(name, row.getAttribute(name));
    row.replaceWith(after);
  }
  // Nothing waits there any more: it keeps its place until the page is opened again.
  else if (row) {
    row.classList.add("gone");
    for (const one of row.querySelectorAll("button")) { one.disabled = true; one.removeAttribute("data-key"); }
  }
  for (const part of [".filters", ".lane > header"]) {
    const old = lanes.querySelectorAll(part), made = now.querySelectorAll(part);
    if (old.length === made.length) old.forEach((one, k) => one.replaceWith(made[k]));
  }
  made.forEach((lane, k) => {
    const came = [...lane.querySelectorAll(".row")].filter((one) => !document.getElementById(one.id)), list = old[k]?.querySelector(".rows");
    if (list) list.append(...came);
    else if (came.length) old[k]?.querySelector(".empty").replaceWith(lane.querySelector(".rows"));
  });
  lanes.querySelector(".notice[role]")?.remove();
  if (said) { said.classList.add("toast"); lanes.append(said); undoable(said.parentElement); }
  const shown = document.getElementById(id), next = shown?.querySelector(".acts :is(a, button:enabled)");
  // Beside the open pane, and in a row that is done, there is no next step to see. Who has gone on to another row stays there.
  if (!elsewhere) (next?.checkVisibility({ checkVisibilityCSS: true }) ? next : (shown?.querySelector(".who") ?? lanes)).focus({ preventScroll: true });
  if (shown && id === opened) {
    // Under the hands of who is writing only what a form is based on changes.
    if (!typed().length || !pane.contains(document.activeElement)) look(shown);
    else for (const one of pane.querySelectorAll(`form[action*="${id.slice(4)}"] [name=version]`)) one.value = versions.get(id) ?? one.value;
  }
};
document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  // Of a later page of a lane the answer, its first page, says nothing.
  if (!lanes || form.dataset.inPlace === undefined || !button || new URL(location).searchParams.has("after")) return;
  event.preventDefault();
  const path = button.getAttribute("formaction") ?? form.getAttribute("action");
  const pressed = { form, button, path, id: `row-${path.split("/").at(-2)}`, fields: new URLSearchParams(new FormData(form, button)) };
  button.disabled = true;
  waiting += 1;
  turn = turn.finally(() => step(pressed)).finally(() => { waiting -= 1; if (leaving && !waiting) location.assign(leaving); });
});
// 8 A patient's page: a step is sent, and the page as it is then takes this one's place, where one has scrolled to; the notice leads on.
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (lanes || form.dataset.here === undefined || !button) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, button));
  button.disabled = true;
  const reply = await fetch(button.getAttribute("formaction") ?? form.getAttribute("action"), { method: "POST", body: fields }).catch(() => null);
  const main = document.getElementById("main"), now = reply && (await parsed(reply).catch(() => null))?.getElementById("main");
  if (now && new URL(reply.url).pathname === location.pathname) {
    main.replaceChildren(...now.childNodes);
    readable(main);
    undoable(main);
    const said = main.querySelector(".notice[role]");
    said?.classList.add("toast");
    return (said?.querySelector("a") ?? main).focus({ preventScroll: true });
  }
  // It leads elsewhere, or nobody answers: the browser goes there, or sends the form itself.
  if (reply?.redirected) return location.assign(reply.url);
  button.disabled = false;
  delete form.dataset.here;
  form.requestSubmit(button);
});
// 9 Today on a desk: a row opens beside the list, and the address says which; Escape closes it. Narrower, or without scripts, it is a page.
// What was typed for a row and not sent is kept while others are open; leaving the page with it, the browser asks.
const pane = document.getElementById("pane"), wide = matchMedia("(min-width: 70rem)");
const address = (id) => {
  const at = new URL(location);
  for (const gone of ["open", "done", "row", "version"]) at.searchParams.delete(gone);
  if (id) at.searchParams.set("open", id);
  history.replaceState(null, "", at);
};
const drafts = new Map();
let opened = "", wanted = null, sent = null;
const ticked = (one) => one.type === "radio" || one.type === "checkbox";
const offered = (list) => [...list.options].find((one) => one.defaultSelected) ?? list.options[0];
const changed = (one) => (ticked(one) ? one.checked !== one.defaultChecked : one.value !== (one.options ? offered(one)?.value : one.defaultValue));
const typed = () => [...pane.querySelectorAll("form :is(textarea, input, select)")].filter((one) => one.form !== sent && changed(one));
const keep = () => {
  const written = typed().map((one) => [one.form.getAttribute("action"), one.name, one.value, one.checked]);
  if (!opened) return;
  if (written.length) drafts.set(opened, written);
  else drafts.delete(opened);
  document.getElementById(opened)?.toggleAttribute("data-draft", written.length > 0);
};
const restore = () => {
  for (const [action, name, value, checked] of drafts.get(opened) ?? []) {
    for (const one of pane.querySelectorAll(`form[action="${action}"] [name="${name}"]`)) {
      if (!ticked(one)) one.value = value;
      else if (one.value === value) one.checked = checked;
      for (let at = one.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    }
  }
};
const marked = () => lanes.querySelector(".row[aria-current]");
const look = async (row) => {
  wanted = row;
  const who = row?.querySelector(".who"), page = who && (await fetch(who.href).then(parsed).catch(() => null)), parts = page ? [".sticky .say", `[data-item="${row.id}"]`, ".side > *", ".mainly > :first-child"].flatMap((one) => [...page.querySelectorAll(one)]) : [];
  // Another row was opened, or the pane closed, while this one was on its way.
  if (wanted !== row) return;
  if (who && !page?.querySelector(".mainly figure")) return location.assign(who.href);
  if (!who) return;
  keep();
  marked()?.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  Object.assign(pane.querySelector("h2 a"), { href: who.href, textContent: page.querySelector("h1").textContent });
  pane.querySelector("div").replaceChildren(...parts);
  pane.hidden = false;
  pane.parentElement.classList.add("open");
  readable(pane);
  opened = row.id;
  restore();
  address(row.id.slice(4));
};
const shut = () => {
  keep();
  wanted = null;
  opened = "";
  const who = marked()?.querySelector(".who");
  marked()?.removeAttribute("aria-current");
  pane.hidden = true;
  pane.querySelector("div").replaceChildren();
  pane.parentElement.classList.remove("open");
  address("");
  who?.focus();
};
if (pane) {
  lanes.addEventListener("click", async (event) => {
    const who = event.target.closest(".row > .who");
    if (!who || !wide.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    await look(who.closest(".row"));
    pane.querySelector("h2 a").focus();
  });
  pane.querySelector("header button").addEventListener("click", shut);
  pane.addEventListener("submit", (event) => { sent = event.target; });
  pane.addEventListener("input", () => { sent = null; });
  addEventListener("beforeunload", (event) => { keep(); if (drafts.size) event.preventDefault(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !pane.hidden && !typed().length) shut(); });
  const asked = new URL(location).searchParams.get("open");
  if (asked && wide.matches) look(document.getElementById(`row-${asked}`));
}
