# SPDX-License-Identifier: Apache-2.0
"""Run the simulator: `micropython -X heapsize=2m firmware/boards/sim/main.py CONFIG.json`.

Prints JSON lines: progress, error, done. Exit code: 0 done, 1 error, 3 simulated power cut, 4 reset by the watchdog.
"""

import json
import sys

FIRMWARE = "/".join(__file__.split("/")[:-3]) or ("../.." if "/" not in __file__ else ".")
sys.path.insert(0, FIRMWARE)

from recorder.errors import RecorderError, SdError

from boards.sim.board import Simulator
from boards.sim.virtual_card import PowerCut
from boards.sim.virtual_clock import WatchdogReset


def report(line):
    """Print one line of JSON."""
    print(json.dumps(line))


def main(path):
    """Run one configuration; return the exit code."""
    simulator = None
    try:
        with open(path) as file:
            config = json.load(file)
        simulator = Simulator(config, report)
        simulator.build()
        if simulator.config["link_port"]:
            simulator.serve()
        else:
            simulator.run()
        return 0
    except PowerCut as cut:
        report({"event": "power_cut", "message": str(cut), "status": simulator.status()})
        return 3
    except WatchdogReset as reset:
        report({"event": "watchdog_reset", "message": str(reset), "status": simulator.status()})
        return 4
    except (RecorderError, SdError) as error:
        report({"event": "error", "kind": error.kind, "message": error.message})
        return 1
    except (OSError, ValueError) as error:
        report({"event": "error", "kind": "os" if isinstance(error, OSError) else "config", "message": repr(error)})
        return 1
    finally:
        if simulator:
            simulator.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(1)
    sys.exit(main(sys.argv[1]))
