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
  const forms = LANGUAGES.flatMap((language) => ["", ...QUESTIONNAIRES].map((key) => FORM + language + key));
  const wanted = [...FILES, ...forms];
  event.waitUntil(caches.open(NAME).then((all) => all.addAll(wanted)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("afterglow-") && name !== NAME && name !== "afterglow-language";
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

const emptyForm = async (path) => {
  const said = await caches.match("/p/language");
  const language = said ? await said.text() : "";
  const start = FORM + (LANGUAGES.includes(language) ? language : LANGUAGES[0]);
  const key = QUESTIONNAIRES.find((one) => path === "/p/questionnaires" + one) || "";
  return caches.match(start + key);
};

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (FILES.includes(url.pathname)) {
    event.respondWith(caches.match(url.pathname).then((kept) => kept || fetch(event.request)));
  } else if (event.request.mode === "navigate" && url.pathname.startsWith("/p/")) {
    const late = new Promise((_, fail) => { setTimeout(fail, PATIENCE); });
    event.respondWith(Promise.race([fetch(event.request), late]).catch(() => emptyForm(url.pathname)));
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
