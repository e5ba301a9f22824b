"""supervisord as the first process of a container, ending with a code that says whether the studio was told to end.

Usage: python -m appliance.box.pid_one DATA RUNTIME. supervisord by itself ends with 0 whatever happened, so Docker would
take a studio that gave up for one that was stopped.
"""

import sys
from pathlib import Path

from appliance.box.announce import explain
from appliance.box.attentive import supervise
from appliance.box.folder import drop_runtime
from appliance.box.layout import Layout


def main() -> int:
    """Run supervisord in this very process, and return the container's exit code when it ends."""
    layout = Layout(*map(Path, sys.argv[1:3]))
    supervise(["--configuration", str(layout.supervisor_config)])
    code = explain(layout)
    drop_runtime(layout.runtime)
    return code


if __name__ == "__main__":
    sys.exit(main())
