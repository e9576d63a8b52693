# SPDX-License-Identifier: Apache-2.0
"""Where keys are kept on the desk (docs/SECURITY.md 10): a keyring, an enciphered file, and which of them."""

import json
import os
import re
import threading

import keyring
import pytest
from click.testing import CliRunner
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from octolead.cli.app import cli
from octolead.errors import KeyRefusedError, KeyStoreError
from octolead.keys import Entry, find_store, open_store, place
from octolead.keys.vault import Vault
from octolead.link import crypto
from octolead.link.client import Client
from octolead.provision import Label

A, B, C = (bytes([n]) * 32 for n in (0xA5, 0xB6, 0xC7))
ID = "0123456789abcdef"
PASSPHRASE = "correct horse battery"


SYSTEMS = keyring.get_keyring()  # before the class below, which keyring would take for one of its backends


class Wallet(KeyringBackend):
    """A keyring in memory, of the priority that real ones have."""

    priority = 5

    def __init__(self):
        self.kept = {}
        self.is_locked = False

    def get_password(self, service, username):
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


@pytest.fixture(autouse=True)
def desk(monkeypatch, tmp_path):
    """No keyring, no variables, a home of its own."""
    for name in (place.VARIABLE, place.PASSPHRASE, place.PASSPHRASE_FD, "OCTOLEAD_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("octolead.keys.vault.N", 16)  # scrypt's cost is not what is tested
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    keyring.set_keyring(keyring.backends.fail.Keyring())
    yield
    keyring.set_keyring(SYSTEMS)


def vault(path, passphrase=PASSPHRASE):
    return Vault(path, passphrase)


def never(words, is_new):
    raise AssertionError("asked for a passphrase")


@pytest.fixture(params=["file", "keyring"])
def store(request, tmp_path):
    if request.param == "file":
        return vault(tmp_path / "keys.json")
    keyring.set_keyring(Wallet())
    return open_store(None, never)


def test_a_key_that_was_sent_counts_when_the_recorder_confirmed_it_and_older_ones_stay(store):
    with pytest.raises(KeyStoreError, match="keys add") as error:
        store.candidates(bytes.fromhex(ID))
    assert error.value.kind == "unknown"
    store.begin(ID, A)
    assert store.candidates(bytes.fromhex(ID)) == [A]
    store.settle(ID, A)
    store.begin(ID, B)
    assert store.entry(ID) == Entry(A, B)  # a cut here leaves the recorder with either
    store.begin(ID, C)
    assert store.candidates(bytes.fromhex(ID)) == [A, C, B]
    store.settle(ID, C)
    assert store.entry(ID) == Entry(C, None, (A, B))
    store.forget(ID)
    store.forget(ID)
    assert store.entry(ID) == Entry()


def test_the_file_shows_neither_keys_nor_ids_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "new" / "keys.json"
    kept = vault(path)
    kept.settle(ID, A)
    data = path.read_bytes()
    assert A not in data and A.hex().encode() not in data and ID.encode() not in data
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert vault(path).entry(ID) == Entry(A) and vault(path).ids() == [ID]


@pytest.mark.parametrize("name", ["n", "r", "p", "salt", "nonce", "sealed", "version", "format"])
def test_whatever_is_altered_in_the_file_is_seen(tmp_path, name):
    path = tmp_path / "keys.json"
    vault(path).settle(ID, A)
    found = json.loads(path.read_text())
    found[name] = found[name] * 2 if isinstance(found[name], int) else ("1" if found[name][0] == "0" else "0") + found[name][1:]
    path.write_text(json.dumps(found))
    with pytest.raises(KeyStoreError) as error:
        vault(path)
    assert error.value.kind in ("passphrase", "damaged") and str(path) in str(error.value)


HUGE = b'{"format": "octolead keys", "version": 1, "n": 4611686018427387904, "r": 8, "p": 1, "salt": "00"}'


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", HUGE])
def test_no_file_of_keys_and_one_that_would_take_all_memory(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(KeyStoreError, match=r"keys\.json") as error:
        vault(path)
    assert error.value.kind == "damaged"


def test_a_wrong_passphrase_and_one_that_is_too_short(tmp_path):
    path = tmp_path / "keys.json"
    with pytest.raises(KeyStoreError, match="8 letters at the least, this one has 5"):
        vault(path, "short")
    assert not path.exists()
    vault(path)
    with pytest.raises(KeyStoreError, match="passphrase is wrong"):
        vault(path, PASSPHRASE + "!")


def test_changes_from_several_sides_are_all_kept(tmp_path):
    path = tmp_path / "keys.json"
    stores = [vault(path), *(vault(path) for _ in range(3))]

    def work(n):
        for k in range(8):
            stores[n].settle(f"{n}{k}" * 8, A)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vault(path).ids()) == 32


def test_a_keyring_that_is_locked_says_what_to_do():
    wallet = Wallet()
    wallet.is_locked = True
    keyring.set_keyring(wallet)
    with pytest.raises(KeyStoreError, match="unlock it"):
        open_store("keyring", never).entry(ID)


def test_which_place_is_taken(tmp_path, monkeypatch):
    assert find_store(None, never) is None  # nothing was ever kept: nobody is asked
    with pytest.raises(KeyStoreError, match="no keyring"):
        open_store("keyring", never)
    asked = []
    made = open_store(None, lambda words, is_new: asked.append(is_new) or PASSPHRASE)
    assert made.where == str(tmp_path / "home" / "octolead" / "keys.json") and asked == [True]
    found = find_store(None, lambda words, is_new: asked.append(is_new) or PASSPHRASE)
    assert found.where == made.where and asked == [True, False]
    monkeypatch.setenv(place.VARIABLE, str(tmp_path / "other.json"))
    monkeypatch.setenv(place.PASSPHRASE, PASSPHRASE)
    assert open_store(None, never).where == str(tmp_path / "other.json")
    keyring.set_keyring(Wallet())
    monkeypatch.delenv(place.VARIABLE)
    assert find_store(None, never).where == "the keyring"


def test_a_passphrase_comes_from_a_file_descriptor(tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode() + b"\n")
    os.close(writing)
    monkeypatch.setenv(place.PASSPHRASE_FD, str(reading))
    open_store(str(tmp_path / "a.json"), never).settle(ID, A)
    assert open_store(str(tmp_path / "a.json"), never).entry(ID) == Entry(A)  # the second time it was read before
    os.close(reading)
    monkeypatch.setenv(place.PASSPHRASE_FD, "four")
    with pytest.raises(KeyStoreError, match="FD=four"):
        open_store(str(tmp_path / "a.json"), never)


def test_keys_do_not_stand_in_the_text_of_objects():
    said = repr([Entry(A, B, (C,)), Label(ID, A), crypto.session_keys(A, b"")[0]])
    assert "Entry()" in said and not re.search(f"{A.hex()}|{B.hex()}|{C.hex()}", said) and repr(A) not in said


def test_of_several_keys_the_one_that_the_recorder_shows_is_taken():
    client = Client(lambda device_id: [A, B] if device_id.hex() == ID else [], 244)
    nonce, device_id = bytes(16), bytes.fromhex(ID)

    def challenge(device_id):
        context = b"\1" + client._nonce + nonce + device_id
        return bytes([2, 0, 1]) + nonce + device_id + crypto.recorder_proof(B, context)

    with pytest.raises(KeyRefusedError):
        Client(lambda _: [A, C], 244).receive(challenge(device_id))
    with pytest.raises(KeyRefusedError, match="ff" * 8):
        client.receive(challenge(b"\xff" * 8))
    client._challenge = b""
    client.receive(challenge(device_id))
    context = b"\1" + client._nonce + nonce + device_id
    assert client.outgoing[-1] == b"\3" + crypto.host_proof(B, context)


def test_the_command_keeps_a_label_and_never_shows_it(tmp_path, monkeypatch):
    monkeypatch.setenv(place.PASSPHRASE, PASSPHRASE)
    where = ["--keys", str(tmp_path / "keys.json")]

    def call(*arguments, code=0, **more):
        result = CliRunner().invoke(cli, ["keys", *arguments], **more)
        assert result.exit_code == code, (result.output, result.exception)
        assert Label(ID, A).text().split(":")[3] not in result.output and A.hex() not in result.output
        return result.output

    assert "no key yet" in call("list", *where)
    assert not (tmp_path / "keys.json").exists(), "to look makes no file, and asks for no passphrase"
    assert ID in call("add", *where, input=Label(ID, A).text().lower() + "\r\n")
    assert json.loads(call("list", "--json", *where))["device_ids"] == [ID]
    call("remove", ID, *where, code=1, input="n\n")
    assert "forgotten" in call("remove", ID, "--yes", *where)
    result = CliRunner().invoke(cli, ["keys", "remove", ID, *where])
    assert isinstance(result.exception, KeyStoreError)
    result = CliRunner().invoke(cli, ["keys", "add", *where], input=Label(ID, A).text()[:-1] + "\n")
    assert "scan it again" in str(result.exception)
