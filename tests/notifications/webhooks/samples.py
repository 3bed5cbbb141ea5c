"""The sample receivers that we hand out, run as the programs that they are."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, Final

from tests.support.node import NODE
from tests.support.processes import wait_until

_SAMPLES: Final = Path(__file__).parents[3] / "docs" / "receivers"
# -S and -I: neither installed packages nor our own tree can be imported.
_PYTHON: Final = [sys.executable, "-I", "-S"]
PROGRAMS: Final = {
    "python": [*_PYTHON, str(_SAMPLES / "receiver.py"), "--port", "0"],
    "node": [str(NODE), str(_SAMPLES / "receiver.mjs"), "--port", "0"],
}
# The same servers, whose work fails the first time.
FAILING_ONCE: Final = {
    "python": [
        *_PYTHON,
        "-c",
        f"""
import sys; sys.path.insert(0, {str(_SAMPLES)!r})
import json, os, receiver
seen = []
def take(message):
    seen.append(message)
    if len(seen) == 1: raise OSError
    print(json.dumps(message), flush=True)
server = receiver.make_server([os.environ["AFTERGLOW_WEBHOOK_SECRET"]], take)
print(f"listening on http://127.0.0.1:{{server.server_address[1]}}", flush=True)
server.serve_forever()
""",
    ],
    "node": [
        str(NODE),
        "--input-type=module",
        "-e",
        f"""
import {{ makeServer }} from {str(_SAMPLES / "receiver.mjs")!r};
let seen = 0;
const server = makeServer([process.env.AFTERGLOW_WEBHOOK_SECRET], async (message) => {{
  await new Promise((later) => setTimeout(later, 50));
  if (++seen === 1) throw new Error();
  console.log(JSON.stringify(message));
}});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${{server.address().port}}`));
""",
    ],
}
# Reads the names of recorded messages, and says of each whether the sample verifies it.
JUDGES: Final = {
    "python": [
        *_PYTHON,
        "-c",
        f"""
import sys; sys.path.insert(0, {str(_SAMPLES)!r})
import json, receiver
verified = {{}}
for name in sys.argv[1:]:
    one = json.load(open(name, encoding="utf-8"))
    keys = [receiver.key_of(secret) for secret in one["secrets"]]
    try:
        verified[name] = receiver.verify(one["body"].encode(), one["headers"], keys, one["now"])
    except receiver.NotOurs:
        verified[name] = None
print(json.dumps(verified))
""",
    ],
    "node": [
        str(NODE),
        "--input-type=module",
        "-e",
        f"""
import {{ readFileSync }} from "node:fs";
import {{ NotOurs, keyOf, verify }} from {str(_SAMPLES / "receiver.mjs")!r};
const verified = {{}};
for (const name of process.argv.slice(1)) {{
  const one = JSON.parse(readFileSync(name, "utf8"));
  try {{
    verified[name] = verify(Buffer.from(one.body), one.headers, one.secrets.map(keyOf), one.now);
  }} catch (error) {{
    if (!(error instanceof NotOurs)) throw error;
    verified[name] = null;
  }}
}}
console.log(JSON.stringify(verified));
""",
    ],
}


@dataclass
class Sample:
    """A running sample and what it took."""

    port: int
    taken: list[dict[str, Any]] = field(default_factory=list)

    def read(self, out: IO[str]) -> None:
        """Take down what the program prints, until it ends."""
        for line in out:
            self.taken.append(json.loads(line))

    def post(self, headers: dict[str, str], body: bytes) -> int:
        """Send as anybody could; gives the status."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def has_taken(self, count: int) -> bool:
        """Whether so many, and after a moment no more, were taken."""
        wait_until(lambda: len(self.taken) >= count, 5, pause=0.02)
        return len(self.taken) == count


@contextmanager
def running_sample(command: Sequence[str], *secrets: str) -> Iterator[Sample]:
    """Run a sample on a free port until the end of the block."""
    environment = {"AFTERGLOW_WEBHOOK_SECRET": " ".join(secrets)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as program:
        out = program.stdout
        assert out is not None
        try:
            sample = Sample(int(out.readline().rsplit(":", 1)[1]))
            reading = threading.Thread(target=sample.read, args=(out,))
            reading.start()
            yield sample
        finally:
            program.terminate()
            program.wait(10)
            reading.join(10)


def judged(language: str, vectors: Sequence[Path]) -> dict[str, str | None]:
    """Have a sample judge recorded messages: the id of each that it verifies, None for the others."""
    done = subprocess.run(
        [*JUDGES[language], *map(str, vectors)], capture_output=True, text=True, check=False, env={}
    )
    assert done.returncode == 0, done.stderr
    return {Path(name).stem: verified for name, verified in json.loads(done.stdout).items()}
