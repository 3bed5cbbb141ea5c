"""As much of curl as the pages use, for machines without it: the tests need nothing but Python, git and make."""

import argparse
import sys
import urllib.error
import urllib.request


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-S", action="store_true")
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-X")
    parser.add_argument("-d")
    parser.add_argument("-w", default="")
    parser.add_argument("url")
    arguments = parser.parse_args()
    method = arguments.X or ("POST" if arguments.d is not None else "GET")
    headers = dict(header.split(": ", 1) for header in arguments.H)
    data = arguments.d.encode() if arguments.d is not None else (b"" if method == "POST" else None)
    request = urllib.request.Request(arguments.url, data=data, headers=headers, method=method)  # noqa: S310 - from our pages
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            sys.stdout.write(answer.read().decode() + arguments.w.replace("\\n", "\n"))
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"curl: (22) The requested URL returned error: {error.code}\n")
        return 22
    return 0


sys.exit(main())
