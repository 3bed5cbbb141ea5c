# noqa: INP001 - a script, run by its path
"""Writes the patient document for the Kotlin generator: no schema has fields beside those that it names.

The generator (7.26) makes one that has the child of a map, in a form that is not Kotlin (`HashMap<String, Any>()()`).
Our problems say that they may have more fields; clients ignore what they do not know.
"""

import json
import sys
from pathlib import Path

document = json.loads(Path("openapi/patient.json").read_text())
for schema in document["components"]["schemas"].values():
    if "properties" in schema and schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
Path(sys.argv[1]).write_text(json.dumps(document))
