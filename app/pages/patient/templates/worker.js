"use strict";
// Keeps the look of the pages and empty forms, so that one can answer without a connection. Never an answer,
// and never a page that was made for someone.
const NAME = "afterglow-{{ version }}";
const FILES = {{ files | safe }};
const LANGUAGES = {{ languages | safe }};
const QUESTIONNAIRES = {{ questionnaires | safe }};
const FORM = "/p/offline/";
const PATIENCE = 8000;

self.addEventListener("install", (event) => {
  const wanted = [...FILES, ...LANGUAGES.map((language) => FORM + language)];
  event.waitUntil(caches.open(NAME).then((all) => all.addAll(wanted)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("afterglow-") && name !== NAME && name !== "afterglow-language";
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()).then(keepQuestionnaires));
});

// From a page that was on its way while this became active: the claim above did not reach it.
self.addEventListener("message", (event) => event.waitUntil(self.clients.claim()));

const inOwnLanguage = async () => {
  const said = await caches.match("/p/language");
  const language = said ? await said.text() : "";
  return FORM + (LANGUAGES.includes(language) ? language : LANGUAGES[0]);
};

// In the person's own language alone, one after the other: many phones may share a clinic's address.
const keepQuestionnaires = async () => {
  const start = await inOwnLanguage();
  const all = await caches.open(NAME);
  try {
    for (const key of QUESTIONNAIRES) if (!(await all.match(start + key))) await all.add(start + key);
  } catch {
    // Without a connection: with the next page.
  }
};

const emptyForm = async (path) => {
  const start = await inOwnLanguage();
  const key = QUESTIONNAIRES.find((one) => path === "/p/questionnaires" + one) || "";
  return (await caches.match(start + key)) || caches.match(start);
};

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (FILES.includes(url.pathname)) {
    event.respondWith(caches.match(url.pathname).then((kept) => kept || fetch(event.request)));
  } else if (event.request.mode === "navigate" && url.pathname.startsWith("/p/")) {
    const late = new Promise((_, fail) => { setTimeout(fail, PATIENCE); });
    const page = Promise.race([fetch(event.request), late]).catch(() => emptyForm(url.pathname));
    event.respondWith(page);
    event.waitUntil(page.then(keepQuestionnaires));
  }
});

self.addEventListener("push", (event) => {
  const { title, body, tag, link } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body, tag, data: link }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const link = new URL(event.notification.data, location.origin);
  if (link.origin === location.origin) event.waitUntil(self.clients.openWindow(link.href));
});
