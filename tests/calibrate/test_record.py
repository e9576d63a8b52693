# SPDX-License-Identifier: Apache-2.0
"""SPEC 6.5.4: records against the vectors of tools/calibration_vectors.py, on the desk and in the firmware's own file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from octolead import calibration
from octolead.errors import CalibrationError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "vectors" / "calibration"
sys.path.insert(0, str(ROOT / "firmware"))
META = json.loads((FOLDER / "calibration.json").read_text())
KEY = bytes.fromhex(META["device_key"])
DEVICE = META["device_id"]
NAMES = list(META["records"])


def vector(name):
    return (FOLDER / f"{name}.olc").read_bytes()


def test_the_vectors_are_what_their_script_makes():
    done = subprocess.run(
        [sys.executable, "-m", "tools.calibration_vectors", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_desk_reads_a_record_and_makes_the_same_bytes(name):
    expected = META["records"][name]
    found = calibration.parse(vector(name), device_id=DEVICE, calibration_id=META["ids"][name], key=KEY)
    assert (found.device_id, found.gain, found.operator, found.reference) == (
        DEVICE, expected["gain"], expected["operator"], expected["reference"],
    )  # fmt: skip
    unknown = expected["rate_u_ppb"] == 0xFFFFFFFF
    assert found.rate_u_ppb == (None if unknown else expected["rate_u_ppb"])
    assert found.temperature_c == (None if unknown else 23.45)
    for lead, (gain, offset, skew, gain_u, offset_u) in zip(found.leads, expected["leads"], strict=True):
        assert lead.gain_error == pytest.approx(gain / 1e9) and lead.offset_uv == pytest.approx(offset / 1e3)
        assert (lead.skew_ns, lead.gain_u, lead.offset_u_uv) == (skew, pytest.approx(gain_u / 1e6), pytest.approx(offset_u / 1e3))
    assert found.signed(KEY).record == vector(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorder_takes_it_and_knows_its_id(name):
    from recorder.calibration import Calibration, id_of

    record = vector(name)
    kept = Calibration(None, bytes.fromhex(DEVICE), KEY)
    assert (kept.id, kept.id_at(6)) == (0, 0) and "never calibrated" in kept.words
    kept.take(record)
    gain = META["records"][name]["gain"]
    assert kept.id == id_of(record) == META["ids"][name] and (kept.id_at(gain), kept.id_at(1)) == (kept.id, 0)


def test_no_byte_can_be_altered_unnoticed_and_another_key_or_recorder_is_refused():
    from recorder.calibration import Calibration
    from recorder.errors import SettingError

    record = vector("plain")
    box = Calibration(None, bytes.fromhex(DEVICE), KEY)
    for at in range(len(record)):
        altered = bytearray(record)
        altered[at] ^= 1
        with pytest.raises(CalibrationError):
            calibration.parse(bytes(altered), key=KEY)
        if at < 228 and at not in (4, 5):  # without the key another version of the format cannot be told
            with pytest.raises(CalibrationError):
                calibration.parse(bytes(altered), device_id=DEVICE, calibration_id=META["ids"]["plain"])
        with pytest.raises(SettingError):
            box.take(bytes(altered))
    assert box.record is None
    for wrong, words in ((record[:-1], "243"), (b"", " 0 bytes"), (b"x" * 244, "no calibration")):
        with pytest.raises(CalibrationError, match=words):
            calibration.parse(wrong)
    with pytest.raises(CalibrationError, match="not signed"):
        calibration.parse(record, key=bytes(32))
    with pytest.raises(CalibrationError, match=f"is of recorder {DEVICE}, this is of 00"):
        calibration.parse(record, device_id="00" * 8)
    with pytest.raises(CalibrationError, match="blocks name calibration 00000005"):
        calibration.parse(record, calibration_id=5)
    for key, device, words in ((bytes(32), DEVICE, "not signed"), (KEY, "00" * 8, "another recorder"), (None, DEVICE, "provision")):
        with pytest.raises(SettingError, match=words):
            Calibration(None, bytes.fromhex(device), key).take(record)


def test_it_is_kept_without_power_and_one_of_an_older_key_is_not_believed(tmp_path):
    from recorder.calibration import Calibration
    from recorder.kept import Kept

    device = bytes.fromhex(DEVICE)
    path = str(tmp_path / "settings" / "calibration")
    Calibration(Kept(path), device, KEY).take(vector("extreme"))
    Calibration(Kept(path), device, KEY).take(vector("plain"))
    assert Calibration(Kept(path), device, KEY).record == vector("plain")
    (tmp_path / "settings" / "calibration.1").write_bytes(b"torn")
    assert Calibration(Kept(path), device, KEY).record == vector("extreme")
    other = Calibration(Kept(path), device, bytes(32))
    assert other.record is None and "calibrate again" in other.words


def test_text_is_cut_at_a_character_and_large_uncertainties_are_not_small():
    lead = calibration.LeadCalibration(0.001, 1.0, 5.0, 100.0, 3)
    plain = calibration.parse(vector("plain"))
    made = calibration.Calibration(DEVICE, plain.made, 6, (lead,) * 8, operator="ä" * 15, reference="x" * 50).signed(KEY)
    found = calibration.parse(made.record, key=KEY)
    assert found.operator == "ä" * 10 and found.reference == "x" * 24
    assert found.leads[0].gain_u == 0.065535 and found.leads[0].offset_u_uv == 65.535
