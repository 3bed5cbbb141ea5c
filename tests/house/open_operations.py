"""The operations that ask nobody who they are, each with its reason. A new one needs a line here."""

from typing import Final

OPEN: Final = {
    "POST /v1/enrolments": "the one-time code in the body is what lets the device in",
    "POST /v1/tokens/refresh": "the refresh token in the body is what is asked for",
    "GET /v1/crisis-help": "nobody in danger is asked who they are; the answer holds nobody's data",
    "POST /v1/unsubscribe/{token}": "the signed token came with a mail; mail programs call it by themselves",
    "GET /v1/push-key": "a public key, the same for everybody: browsers ask for it before they subscribe",
    "POST /v1/staff-sessions": "address, password and code in the body are what lets a member in",
    "GET /v1/openapi.json": "the description of this very interface; it is committed and public",
    "GET /p/": "sends a browser on, to the form or to signing in",
    "GET /p/enrol": "the page where the code goes",
    "POST /p/enrol": "the one-time code in the form is what lets the browser in",
    "GET /p/link/{token}": "looking at a sign-in link shows a button and spends nothing",
    "POST /p/link/{token}": "the link itself is what lets the browser in",
    "POST /p/check-in": "asks inside: whoever is not signed in gets the own answers back, to sign in with",
    "POST /p/questionnaires/{key}": "asks inside, as for a check-in: others get the own answers back",
    "GET /p/help": "nobody in danger is asked who they are",
    "GET /p/static/{name}": "stylesheet, script, icons",
    "GET /p/offline/{language}": "the empty form that a phone keeps; it is nobody's",
    "GET /p/worker.js": "the program that shows the empty form without a connection",
    "GET /p/manifest.webmanifest": "name and icons for a phone's home screen",
    "GET /p/state": "tells a browser its own form token, and a mark of who is signed in",
    "GET /p/{path:path}": "there is no such page",
    "POST /p/{path:path}": "there is no such page",
    "GET /care/static/{name}": "stylesheet of the care team's pages",
    "GET /care/{path:path}": "there is no such page",
    "POST /care/{path:path}": "there is no such page",
    "GET /health/live": "asked by machines that hold no key; says one word",
    "GET /health/ready": "asked by machines that hold no key; says one word",
}
