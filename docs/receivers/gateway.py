"""A gateway for Afterglow's text messages and app pushes, to read and to copy: Python's standard library only.

    AFTERGLOW_GATEWAY_SECRET=whsec_... python gateway.py --port 8090

It stands beside ``receiver.py``, which checks the signature and takes each id once. What is left to do is
``send_on``: hand the message to whoever sends text messages, or to Firebase or Apple for an app's push.
"""

import argparse
import json
import os

from receiver import make_server


def send_on(call: dict) -> None:
    """Hand a message over. Raise if it could not be done: Afterglow then calls again with the same id."""
    if call["kind"] == "sms":
        # Your provider of text messages; the link goes at the end.
        handed_over = {"number": call["to"], "text": f"{call['text']} {call['link']}"}
    else:
        # Firebase or Apple; the app opens the link when the notification is touched.
        handed_over = {"token": call["to"], "notification": call["text"], "data": {"link": call["link"]}}
    print(json.dumps(handed_over), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints what a gateway would hand over, as JSON.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args()
    secret = os.environ["AFTERGLOW_GATEWAY_SECRET"]
    server = make_server([secret], send_on, host=options.host, port=options.port)
    print(f"listening on http://{options.host}:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
