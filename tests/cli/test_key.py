# SPDX-License-Identifier: Apache-2.0
"""--key on every command that opens a recording: refused by name without or with a wrong one, read with the right one."""

import json
from pathlib import Path

import numpy as np
import pytest

from octolead.cli import main
from octolead.keys.vault import Vault

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "seal"
KEY = bytes.fromhex(json.loads((FOLDER / "seal.json").read_text())["device_key"])
SAMPLES = np.fromfile(FOLDER / "samples.i32", "<i4").reshape(-1, 8)
SOURCE = str(FOLDER / "encrypted.bin")


def key_file(folder: Path, key: bytes) -> str:
    path = folder / f"{key[:2].hex()}.key"
    path.write_text(key.hex())
    path.chmod(0o600)
    return str(path)


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--no-color"])
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out, err


COMMANDS = (
    ("info", SOURCE),
    ("decode", SOURCE, "--out", "{}/a.npz", "--raw"),
    ("copy", SOURCE, "--out", "{}/a.olr"),
    ("plot", SOURCE, "--out", "{}/a.svg", "--seconds", "2"),
    ("analyze", SOURCE, "--out", "{}/analysis"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_needs_the_right_key(command, tmp_path, capfd) -> None:
    arguments = [part.format(tmp_path) for part in command]
    code, _, err = run(capfd, *arguments)
    assert code == 2 and "enciphered" in err and "--key FILE" in err
    code, _, err = run(capfd, *arguments, "--key", key_file(tmp_path, bytes(32)))
    assert code == 2 and "the key is not that of recorder 0c701ead00000001" in err
    code, _, err = run(capfd, *arguments, "--key", key_file(tmp_path, KEY))
    assert code == 0, err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_key_that_is_kept_here_is_found_by_the_device_id(command, tmp_path, capfd, monkeypatch) -> None:
    """The one that fits among those that the recorder had; without any, the words are as before."""
    monkeypatch.setattr("octolead.keys.vault.N", 16)
    monkeypatch.setenv("OCTOLEAD_KEYS", str(tmp_path / "keys.json"))
    monkeypatch.setenv("OCTOLEAD_PASSPHRASE", "correct horse battery")
    store = Vault(tmp_path / "keys.json", "correct horse battery")
    arguments = [part.format(tmp_path) for part in command]
    code, _, err = run(capfd, *arguments)
    assert code == 2 and "--key FILE" in err
    for key in (KEY, bytes(32)):
        store.settle("0c701ead00000001", key)
    code, _, err = run(capfd, *arguments)
    assert code == 0, err


def test_what_is_decoded_is_what_was_recorded_and_a_copy_stays_enciphered(tmp_path, capfd) -> None:
    key = key_file(tmp_path, KEY)
    assert run(capfd, "decode", SOURCE, "--out", f"{tmp_path}/a.npz", "--raw", "--key", key)[0] == 0
    np.testing.assert_array_equal(next(v for v in np.load(tmp_path / "a.npz").values() if v.shape == SAMPLES.shape), SAMPLES)
    assert run(capfd, "copy", SOURCE, "--out", f"{tmp_path}/a.olr", "--key", key)[0] == 0
    copied = (tmp_path / "a.olr").read_bytes()
    whole = (FOLDER / "encrypted.bin").read_bytes()
    assert copied and all(copied[at : at + 144] in whole for at in range(0, len(copied) - 144, 1000))


def test_verify_says_what_was_checked(tmp_path, capfd) -> None:
    code, out, _ = run(capfd, "verify", SOURCE)
    assert code == 0 and "enciphered" in out and "chained, not checked" in out
    code, out, _ = run(capfd, "verify", SOURCE, "--key", key_file(tmp_path, KEY))
    assert code == 0 and "tags: 5 right" in out
    code, out, _ = run(capfd, "verify", SOURCE, "--key", key_file(tmp_path, bytes(32)))
    assert code == 1 and "another recorder's, or a wrong key" in out
    code, out, _ = run(capfd, "verify", SOURCE, "--key", key_file(tmp_path, KEY), "--json")
    assert json.loads(out)["sessions"][0]["chain"] == {"n_right": 5, "n_wrong": 0, "n_unknown": 0}


def test_recover_needs_no_key_and_checks_the_chain_with_one(tmp_path, capfd) -> None:
    data = bytearray((FOLDER / "encrypted.bin").read_bytes())
    code, _, err = run(capfd, "recover", SOURCE, "-o", f"{tmp_path}/a.olr", "--key", key_file(tmp_path, KEY))
    assert code == 0 and "5 of 5 blocks carry the right tag" in err
    (tmp_path / "gone.bin").write_bytes(data[: 1128 + 4924] + data[1128 + 4924 + 1592 :])
    assert run(capfd, "recover", f"{tmp_path}/gone.bin", "-o", f"{tmp_path}/b.olr")[0] == 1
    code, _, err = run(capfd, "recover", f"{tmp_path}/gone.bin", "-o", f"{tmp_path}/c.olr", "--key", key_file(tmp_path, KEY))
    assert code == 1 and "block 2 is removed or lost" in err


def test_a_key_that_others_may_read_is_refused(tmp_path, capfd) -> None:
    path = Path(key_file(tmp_path, KEY))
    path.chmod(0o644)
    code, _, err = run(capfd, "info", SOURCE, "--key", str(path))
    assert code == 3 and "chmod 600" in err
