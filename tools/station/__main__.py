# SPDX-License-Identifier: Apache-2.0
"""Run a tray; print its summary.

Exit code: 0 every board passed, 1 a board failed or is unfinished, 2 wrong usage, 3 the station could not begin. With --faults: 0 every
fault was found and named and every sound board passed, else 1.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from getpass import getpass, getuser
from pathlib import Path

from octolead.errors import OctoleadError
from octolead.flash import build, load
from octolead.keys import KeyStore, open_store
from octolead.keys.vault import Vault
from octolead.link.transport_usb import find_boards
from octolead.simulator import find_firmware

from . import __doc__ as about
from . import show
from .bench import Bench, PortBench
from .record import Record
from .run import Station
from .simulated import Simulated
from .steps import STEPS, Desk


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.station", description=about)
    parser.add_argument(
        "--folder", type=Path, help="record (station.db), labels, summary; the same folder again goes on. With --sim: a new one"
    )
    parser.add_argument("--board", default="pico2w", choices=["pico2w", "esp32s3"])
    parser.add_argument("--release", type=Path, help="a file made by octolead flash --save; default: the firmware of this checkout")
    parser.add_argument("--keys", help="where keys are kept, as for octolead provision")
    parser.add_argument("--operator", default=getuser())
    parser.add_argument("--workers", type=int, default=8, help="boards side by side")
    parser.add_argument("--again", type=int, default=0, metavar="N", help="try boards that failed N times more, when all others are done")
    parser.add_argument("--sim", type=int, metavar="N", help="a tray of N virtual boards")
    parser.add_argument("--faults", type=int, metavar="SEED", help="with --sim: give two boards in five a fault")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code."""
    options = options_of(arguments)
    if not options.sim and not options.folder:
        print("station: --folder FOLDER, where the record is kept (or --sim N)", file=sys.stderr)
        return 2
    try:
        with ExitStack() as stack:
            folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="octolead-station-")))
            return run(options, folder)
    except OctoleadError as error:
        print(f"station: {error}", file=sys.stderr)
        return 3


def run(options: argparse.Namespace, folder: Path) -> int:
    """Take the tray through all steps and tell what was found."""
    folder.mkdir(parents=True, exist_ok=True)
    release = load(options.release) if options.release else build(find_firmware(), "virtual" if options.sim else options.board)
    desk = Desk(release, store_of(options, folder), folder, options.operator)
    record = Record(folder / "station.db")
    try:
        simulated = Simulated(options.sim, options.faults, folder, desk, record) if options.sim else None
        benches: list[Bench] = list(simulated.benches) if simulated else plugged_in()
        table = show.LiveTable(list(STEPS), {bench.serial: bench.place for bench in benches})
        Station(desk, record, STEPS, table.told).run(benches, options.workers, options.again)
        table.close()
        rows, names = [record.row(bench.serial) for bench in benches], list(STEPS)
        (folder / "summary.json").write_text(show.as_json(rows, names) + "\n", encoding="utf-8")
        (folder / "summary.html").write_text(show.as_html(rows, names), encoding="utf-8")
        print(show.as_json(rows, names) if options.json else show.as_text(rows, names))
        if simulated and options.faults is not None:
            return simulated.judge(rows, sys.stderr)
        return int(any(row.state(names) != "passed" for row in rows))
    finally:
        record.close()


def store_of(options: argparse.Namespace, folder: Path) -> KeyStore:
    """Where keys go; those of virtual boards, which open nothing, into the folder."""
    if options.sim and not options.keys:
        return Vault(folder / "keys.json", "of virtual boards only")
    return open_store(options.keys, lambda words, is_new: getpass(f"{'New p' if is_new else 'P'}{words[1:]}: "))


def plugged_in() -> list[Bench]:
    """All boards on USB, by their serial numbers; two of one number stand apart, and the second will be found out."""
    found: dict[str, Bench] = {}
    for port, serial in find_boards():
        while serial in found:
            serial += "+"
        found[serial] = PortBench(serial, port)
    if not found:
        raise OctoleadError("no board is found on USB: plug the tray in (--sim N: virtual boards)")
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main())
