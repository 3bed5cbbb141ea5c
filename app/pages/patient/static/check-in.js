"use strict";
// Everything works without this. With it, a form is never lost for want of a connection: it is kept on this
// phone first, sent then, and the page says which of the two is true.
(() => {
  const form = document.querySelector("form[data-id]");
  const box = document.getElementById("queue");
  const language = document.documentElement.lang;
  const SCORES = ["mood", "energy", "sleep_quality"];
  const TICKS = ["asks_about_booster", "self_harm_thoughts"];
  const isCheckIn = form && form.dataset.id === "check_in_id";
  // Taken before the form goes: it is shown when the form is gone, too.
  const notReachedHelp = document.getElementById("not-reached")?.content;

  // What is kept: forms by their id, with the path that they go to, and which person is signed in here.
  const open = () => new Promise((done, fail) => {
    const asked = indexedDB.open("afterglow", 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("waiting", { keyPath: "check_in_id" });
      asked.result.createObjectStore("self");
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  const kept = async (name, mode, ask) => {
    const base = await open();
    return new Promise((done, fail) => {
      const turn = base.transaction(name, mode);
      const asked = ask(turn.objectStore(name));
      turn.oncomplete = () => { base.close(); done(asked.result); };
      turn.onerror = turn.onabort = () => { base.close(); fail(turn.error); };
    });
  };
  const keep = (entry) => kept("waiting", "readwrite", (all) => all.put(entry));
  const drop = (entry) => kept("waiting", "readwrite", (all) => all.delete(entry.check_in_id));
  const waiting = () => kept("waiting", "readonly", (all) => all.getAll());
  const whoWasHere = async () => document.body.dataset.who || (await kept("self", "readonly", (self) => self.get("who"))) || "";

  // The bar that says what is kept and what became of it.
  const count = (number) => (number === 1 ? box.dataset.one : box.dataset.many.replace("{number}", number));
  const say = (name, entries, removable) => {
    const line = document.createElement("p");
    line.textContent = box.dataset[name].replace("{count}", count(entries.length));
    box.firstElementChild.replaceChildren(line);
    if (removable) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = box.dataset.remove;
      button.onclick = async () => {
        if (!confirm(box.dataset.sure)) return;
        await Promise.all(entries.map(drop));
        box.hidden = true;
      };
      box.firstElementChild.append(button);
    }
    box.hidden = false;
  };

  const post = async (entry, token) => {
    const { who, refused, path, urgent, check_in_id, ...fields } = entry;
    // Of a check-in, the key is a field of its form too.
    if (!path) fields.check_in_id = check_in_id;
    if (token) fields.form_token = token;
    const reply = await fetch(path || "/p/check-in", {
      method: "POST", body: new URLSearchParams(fields), signal: AbortSignal.timeout(20000),
    });
    // What does not carry this is not from us: a hotel's sign-in page, a proxy's excuse.
    const outcome = reply.headers.get("afterglow-outcome");
    if (!outcome) throw new Error("not from us");
    return { outcome, page: await reply.text() };
  };
  const show = (page) => { document.open(); document.write(page); document.close(); };

  const isStillOpen = (entry) => form && form.isConnected && form.elements[form.dataset.id].value === entry.check_in_id;
  const helpIn = (page) => [...new DOMParser().parseFromString(page, "text/html")
    .querySelectorAll("main > .crisis.first, main > .crisis.first + .notice-line")];
  let helpShown = [];
  const showHelp = (help) => {
    for (const one of helpShown) one.remove();
    helpShown = help;
    document.getElementById("main").prepend(...help);
  };

  // Sends what was kept while there was no connection.
  const send = async () => {
    const entries = (await waiting()).filter((entry) => !entry.refused);
    const refused = (await waiting()).filter((entry) => entry.refused);
    if (refused.length) say("refused", refused, true);
    if (!entries.length) return;
    let state;
    try {
      state = await (await fetch("/p/state", { cache: "no-store", signal: AbortSignal.timeout(20000) })).json();
    } catch {
      return say("kept", entries);
    }
    if (!state.who) return say("signIn", entries, true);
    const own = entries.filter((entry) => entry.who === state.who);
    if (!own.length) return say("other", entries, true);
    say("sending", own);
    for (const entry of own) {
      let reply;
      try {
        reply = await post(entry, state.form_token);
      } catch {
        return say("kept", await waiting());
      }
      if (reply.outcome === "kept") await drop(entry);
      else if (reply.outcome === "again") await keep({ ...entry, refused: true });
      else return say(reply.outcome === "sign-in" ? "signIn" : "kept", await waiting(), reply.outcome === "sign-in");
      if (entry.urgent && isStillOpen(entry)) {
        // Its answers are on this page, with more since: only what the clinic's side says of help is new.
        await drop(entry);
        box.hidden = true;
        return showHelp(helpIn(reply.page));
      }
      if (entry.urgent) return show(reply.page);
    }
    const left = await waiting();
    return left.length ? say("refused", left, true) : say("sent", own);
  };
  const sendOnce = () => (navigator.locks
    ? navigator.locks.request("afterglow-queue", { ifAvailable: true }, (mine) => mine && send())
    : send()).catch(() => {});

  const write = (how) => new Intl.DateTimeFormat(language, how);
  const openHere = () => {
    const now = new Date();
    const milliseconds = now.getTime().toString(16).padStart(12, "0");
    const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const variant = "89ab"[parseInt(random[4], 16) & 3];
    form.elements[form.dataset.id].value =
      `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7${random.slice(1, 4)}-${variant}${random.slice(5, 8)}-${random.slice(8)}`;
    form.elements.opened_at.value = now.toISOString();
    form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (isCheckIn) sayDay(now);
  };
  const sayDay = (now) => {
    const late = now.getHours() < 4;
    const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() - (late ? 1 : 0));
    const before = new Date(day.getFullYear(), day.getMonth(), day.getDate() - 1);
    const words = form.dataset;
    form.querySelector("[data-day]").textContent = (late ? words.justLived : words.forDay)
      .replace("{day}", write({ weekday: "long", day: "numeric", month: "long" }).format(day));
    form.querySelector("[data-night]").textContent = words.night
      .replace("{before}", write({ weekday: "long" }).format(before))
      .replace("{day}", write({ weekday: "long" }).format(day));
  };

  const markMissing = (fieldset, sentence) => {
    fieldset.classList.add("has-mistake");
    const line = fieldset.querySelector(".mistake") || fieldset.insertBefore(document.createElement("p"), fieldset.children[1]);
    line.className = "mistake";
    line.setAttribute("role", "alert");
    line.textContent = sentence;
  };

  // Not sent: help first where it is needed; a questionnaire with answers missing stays, to be completed.
  const notReached = (entry) => {
    const main = document.getElementById("main");
    const asked = isCheckIn ? [] : [...form.querySelectorAll("fieldset")];
    for (const one of asked) one.classList.remove("has-mistake");
    for (const line of form.querySelectorAll("fieldset > .mistake")) line.remove();
    const open = asked.filter((one) => !one.querySelector(":checked"));
    for (const one of open) markMissing(one, form.dataset.missing);
    for (const button of form.querySelectorAll("button")) button.disabled = false;
    if (!open.length) main.replaceChildren();
    showHelp(entry.urgent ? [...document.importNode(notReachedHelp, true).children] : []);
    say("kept", [entry]);
    if (open.length && !entry.urgent) return open[0].querySelector("input").focus();
    if (!open.length) main.append(box);
    main.focus();
    scrollTo(0, 0);
  };

  const submit = async (entry) => {
    entry.who = await whoWasHere();
    if (!isCheckIn) Object.assign(entry, { check_in_id: entry[form.dataset.id], path: form.getAttribute("action") });
    const worrying = form.dataset.worrying;
    entry.urgent = Boolean(entry.self_harm_thoughts || (worrying && Number(entry[worrying]) > 0));
    await keep(entry);
    let reply;
    try {
      reply = await post(entry);
    } catch {
      // For later: the moment that is meant, or the page would have to be asked for which day it was.
      await keep({ ...entry, answered_at: entry.answered_at || entry.opened_at });
      return notReached(entry);
    }
    if (reply.outcome === "kept" || reply.outcome === "again") await drop(entry);
    return show(reply.page);
  };

  if (form && form.hasAttribute("data-shell")) openHere();
  if (form && "indexedDB" in window) {
    let touched = false;
    form.addEventListener("input", () => { touched = true; });
    form.addEventListener("submit", (event) => {
      const fields = Object.fromEntries(new FormData(form, event.submitter));
      event.preventDefault();
      if (isCheckIn && ![...SCORES, ...TICKS].some((name) => fields[name])) {
        const first = form.querySelector("fieldset");
        markMissing(first, form.dataset.nothing);
        first.querySelector("input").focus();
        return;
      }
      for (const button of form.querySelectorAll("button")) button.disabled = true;
      // Where nothing can be kept, the browser sends the form itself.
      submit(fields).catch(() => form.submit());
    });
    // A page that was left open says yesterday's day: nothing was answered on it, so it is opened again.
    document.addEventListener("visibilitychange", () => {
      const old = Date.now() - Date.parse(form.elements.opened_at.value) > 2 * 3600 * 1000;
      if (document.visibilityState === "visible" && old && !touched) location.reload();
    });
  }

  // Help for the person's own place, also on the form for times without a connection, which is nobody's.
  const ownHelp = async () => {
    const fallback = notReachedHelp;
    if (!fallback) return;
    const places = [...document.querySelectorAll("[data-help]"), ...fallback.querySelectorAll("[data-help]")];
    if (document.body.dataset.who) {
      const help = Object.fromEntries(places.map((one) => [one.dataset.help, one.outerHTML]));
      await kept("self", "readwrite", (self) => self.put(help, "crisis-help"));
    } else if (form.hasAttribute("data-shell")) {
      const help = await kept("self", "readonly", (self) => self.get("crisis-help"));
      for (const one of help ? places : []) one.replaceWith(document.createRange().createContextualFragment(help[one.dataset.help]));
    }
  };

  // The code of a QR picture: also when the page was open already and only the fragment is new.
  const fillCode = () => {
    const code = document.getElementById("code");
    if (!code || location.hash.length < 2) return;
    try {
      code.value = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    history.replaceState(null, "", location.pathname);
    code.form.querySelector("button").focus();
  };
  fillCode();
  addEventListener("hashchange", fillCode);
  // Notifications: the browser is asked when they are chosen, and says where it gets them.
  const push = document.getElementById("push");
  if (push && !push.checked && !("serviceWorker" in navigator && "PushManager" in window)) {
    push.disabled = true;
    push.nextElementSibling.textContent = push.dataset.refused;
  } else if (push) {
    push.form.addEventListener("submit", async (event) => {
      if (!push.checked) return;
      event.preventDefault();
      try {
        if (await Notification.requestPermission() !== "granted") throw new Error("not allowed");
        const worker = await navigator.serviceWorker.ready;
        const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: push.dataset.key });
        const { endpoint, keys } = made.toJSON();
        for (const [name, value] of Object.entries({ push_endpoint: endpoint, push_p256dh: keys.p256dh, push_auth: keys.auth })) {
          const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
          push.form.append(field);
        }
      } catch {
        // Another phone of the patient's gets them already: that stays as it is.
        if (push.defaultChecked) return push.form.submit();
        const line = document.getElementById("push-mistake");
        line.textContent = push.dataset.refused;
        line.hidden = false;
        push.checked = false;
        return;
      }
      push.form.submit();
    });
  }
  const zone = document.querySelector("[data-zone]");
  if (zone) zone.textContent = zone.dataset.zone.replace("{zone}", Intl.DateTimeFormat().resolvedOptions().timeZone);

  if ("indexedDB" in window) {
    if (document.body.dataset.who) kept("self", "readwrite", (self) => self.put(document.body.dataset.who, "who")).catch(() => {});
    ownHelp().catch(() => {});
    addEventListener("online", sendOnce);
    sendOnce();
  }
  if ("serviceWorker" in navigator) {
    navigator.serviceWorker.register("/p/worker.js").catch(() => {});
    // A page that was on its way while the worker became active would have none until it is opened again.
    navigator.serviceWorker.ready.then(({ active }) => navigator.serviceWorker.controller || active.postMessage("claim")).catch(() => {});
    caches.open("afterglow-language").then((all) => all.put("/p/language", new Response(language))).catch(() => {});
  }
})();
