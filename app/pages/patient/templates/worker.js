"use strict";
// Keeps the look of the pages and an empty form, so that one can answer without a connection. Never an answer,
// and never a page that was made for someone.
const NAME = "afterglow-{{ version }}";
const FILES = {{ files | safe }};
const LANGUAGES = {{ languages | safe }};
const FORM = "/p/offline/";
const PATIENCE = 8000;

self.addEventListener("install", (event) => {
  const wanted = [...FILES, ...LANGUAGES.map((language) => FORM + language)];
  event.waitUntil(caches.open(NAME).then((all) => all.addAll(wanted)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("afterglow-") && name !== NAME && name !== "afterglow-language";
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

const emptyForm = async () => {
  const said = await caches.match("/p/language");
  const language = said ? await said.text() : "";
  return caches.match(FORM + (LANGUAGES.includes(language) ? language : LANGUAGES[0]));
};

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (FILES.includes(url.pathname)) {
    event.respondWith(caches.match(url.pathname).then((kept) => kept || fetch(event.request)));
  } else if (event.request.mode === "navigate" && url.pathname.startsWith("/p/")) {
    const late = new Promise((_, fail) => { setTimeout(fail, PATIENCE); });
    event.respondWith(Promise.race([fetch(event.request), late]).catch(emptyForm));
  }
});
