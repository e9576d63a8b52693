# SPDX-License-Identifier: Apache-2.0
"""Boot entry on a board: picks the release that runs, A or B, and falls back when a new one does not prove itself.

    /release/a, /release/b       a release each: compiled files and manifest.json (docs/FLASH.md)
    /release/state.json          {"run": "b", "good": "a", "tries": 2}: run and good are the same once b has confirmed itself

Every release is looked at before it runs: each file's length and SHA-256 against its manifest. One that is not whole is
not run. A release on trial has so many boots to confirm itself (boards/parts/release.py does it); then the good one runs
again. The state is written anew and renamed into place, which littlefs does wholly or not at all.

Where the button is held at power-up, or no release is whole, the board stays at MicroPython's prompt. A file board.txt,
which an installation never makes, names the board whose files were put beside it by hand or are frozen into MicroPython.
"""

import hashlib
import json
import os
import sys
from binascii import hexlify

ROOT = "/release"
FOLDERS = ("a", "b")
TRIES = 3


def read_json(path):
    """Return the object in a file, {} where there is none or it is damaged."""
    try:
        with open(path) as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_state(run, good, tries, root=ROOT):
    """Replace the state as one step."""
    path = root + "/state.json"
    with open(path + ".new", "w") as file:
        json.dump({"run": run, "good": good, "tries": tries}, file)
    os.rename(path + ".new", path)


def digest(path):
    """Return (length, SHA-256 in hexadecimal digits) of a file."""
    total = hashlib.sha256()
    n_bytes = 0
    buffer = bytearray(1024)
    view = memoryview(buffer)
    with open(path, "rb") as file:
        n = file.readinto(buffer)
        while n:
            total.update(view[:n])
            n_bytes += n
            n = file.readinto(buffer)
    return n_bytes, hexlify(total.digest()).decode()


def manifest_of(folder, root=ROOT):
    """Return the manifest of a release that is whole, {} of any other."""
    manifest = read_json("%s/%s/manifest.json" % (root, folder))
    files = manifest.get("files")
    if not isinstance(files, dict) or not files or "board" not in manifest:
        return {}
    try:
        for name, wanted in files.items():
            if digest("%s/%s/%s" % (root, folder, name)) != (wanted["bytes"], wanted["sha256"]):
                return {}
    except (OSError, KeyError, TypeError):
        return {}
    return manifest


def candidates(root=ROOT):
    """Return the folders in the order in which they are to be tried; counts down a trial."""
    state = read_json(root + "/state.json")
    run, good, tries = state.get("run"), state.get("good"), state.get("tries")
    if run not in FOLDERS or not isinstance(tries, int):
        return list(FOLDERS)
    if run != good:
        if tries <= 0:
            run = good if good in FOLDERS else run
        else:
            write_state(run, good, tries - 1, root)
    return [folder for folder in (run, good) if folder in FOLDERS] + [folder for folder in FOLDERS if folder not in (run, good)]


def choose(root=ROOT):
    """Return (folder, manifest) of the release to run, or (None, {})."""
    for folder in candidates(root):
        manifest = manifest_of(folder, root)
        if manifest:
            if read_json(root + "/state.json").get("run") != folder:
                write_state(folder, folder, 0, root)
            return folder, manifest
    return None, {}


def held(pin):
    """Is the button held? `pin` is its number, or None for a board that has none."""
    if pin is None:
        return False
    import machine

    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP).value() == 0


def run(folder, board, root=ROOT):
    """Run a release; what it ends by is shown, and the board starts anew (a trial then has one boot less)."""
    sys.path.insert(0, "%s/%s" % (root, folder) if root else folder)
    try:
        __import__("boards.%s.main" % board, None, None, ("run",)).run()
    except Exception as error:
        sys.print_exception(error)
        import machine

        machine.reset()


def board_by_hand(path="board.txt"):
    """Return the name in board.txt, None where there is none."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return None


def main():
    """Choose and run."""
    folder, manifest = choose()
    board = board_by_hand()
    if folder is None and board:
        run(".", board, "")
    elif folder is None:
        print("no release is whole: install one with `octolead flash`")
    elif held(manifest.get("service_pin")):
        print("button held: no recorder is started")
    else:
        run(folder, manifest["board"])


if __name__ == "__main__":
    main()
