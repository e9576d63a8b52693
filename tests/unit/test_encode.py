# SPDX-License-Identifier: Apache-2.0
"""Other makers' records: exact, or refused by name."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import octolead
from octolead.encode import encode, storable_step
from octolead.importers import load, requantise, resample
from octolead.leads import RECORDER_LEADS
from octolead.reader import MISSING_RAW
from tests.unit import making

TWELVE = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")


def dicom():
    pydicom_data = pytest.importorskip("pydicom.data")
    return pydicom_data.get_testdata_file("waveform_ecg.dcm", download=False)


def there_and_back(signal, path, **options):
    encode(signal, path, **options)
    return octolead.open(path)


def test_the_dicom_record_keeps_its_own_integers_and_step(tmp_path):
    import pydicom
    from pydicom.waveforms import multiplex_array

    signal = load(dicom())
    assert signal.rate_hz == 1000
    with there_and_back(signal, tmp_path / "a.olr") as recording:
        assert recording.stored_leads == RECORDER_LEADS
        assert recording.step_nv == 1250
        assert recording.is_imported
        wanted = multiplex_array(pydicom.dcmread(dicom()), 0, as_raw=True)[:, [0, 1, 6, 7, 8, 9, 10, 11]]
        np.testing.assert_array_equal(recording.signal_raw(0, recording.n_frames), wanted)
        assert recording.check().worst < octolead.Severity.ERROR


def test_a_wfdb_record_agrees_with_wfdb_in_physical_units(tmp_path):
    wfdb = pytest.importorskip("wfdb")
    record = str(making.data_folder("mitdb") / "101")
    physical = wfdb.rdrecord(record).p_signal
    with there_and_back(load(record), tmp_path / "a.olr") as recording:
        assert recording.fs_hz == 360
        assert recording.stored_leads == ("MLII", "V1")
        np.testing.assert_allclose(recording.signal_uv(0, recording.n_frames), physical * 1000, atol=1e-3)


@pytest.mark.parametrize("record", ["ptbdb/s0010_re", "cinc2011/1002603", "cinc2021/E07500", "cudb/cu01", "cpsc2021/data_101_6"])
def test_real_records_come_back_as_their_own_integers(tmp_path, record):
    folder, name = record.split("/")
    signal = load(making.data_folder(folder) / name)
    with there_and_back(signal, tmp_path / "a.olr") as recording:
        np.testing.assert_array_equal(recording.signal_raw(0, recording.n_frames), signal.raw)


@pytest.mark.parametrize(
    ("unit", "gain", "step_nv"),
    [
        ("mV", "200", Fraction(5000)),
        ("uV", "0.2", Fraction(5000)),
        ("V", "200000", Fraction(5000)),
        ("nV", "0.5", Fraction(2)),
        ("mV", "0", Fraction(5000)),
        ("mV", "3", Fraction(10**6, 3)),
        ("mV", "1000.5", Fraction(10**7, 10005)),
    ],
)
def test_units_and_gains_are_kept_exactly(tmp_path, unit, gain, step_nv):
    raw = making.some_frames(50, 1)
    record = making.write_wfdb(tmp_path, "u", raw, [f"{gain}(3)/{unit} 16 0 0 0 0 II"])
    signal = load(record)
    assert signal.step_nv == (step_nv,)
    with there_and_back(signal, tmp_path / "a.olr") as recording:
        assert recording.lead_scale("II") == (3, step_nv)
        np.testing.assert_allclose(recording.signal_uv(0, 50)[:, 0], (raw[:, 0] - 3) * float(step_nv) / 1000, rtol=1e-6)


def test_a_gain_of_many_digits_is_kept_to_1e_18_and_its_text_as_a_note(tmp_path):
    record = making.write_wfdb(tmp_path, "g", making.some_frames(50, 1), ["30061.276794035417(-161790)/mV 16 0 0 0 0 I"])
    exact = Fraction(10**6) / Fraction("30061.276794035417")
    near, is_exact = storable_step(exact)
    assert not is_exact
    assert abs(near / exact - 1) < Fraction(1, 10**17)
    with there_and_back(load(record), tmp_path / "a.olr") as recording:
        assert recording.notes["gain.0"] == "30061.276794035417(-161790)/mV"
        assert recording.lead_scale("I")[0] == -161790


def test_other_units_are_refused_by_name(tmp_path):
    record = making.write_wfdb(tmp_path, "p", making.some_frames(50, 1), ["100/mmHg 16 0 0 0 0 ABP"])
    with pytest.raises(octolead.ImportRefused, match="ABP is in 'mmHg'"):
        load(record)


def test_signals_that_are_not_volt_are_left_out_beside_an_ecg_and_named(tmp_path):
    record = making.write_wfdb(tmp_path, "p", making.some_frames(50, 2), ["100/mmHg 16 0 0 0 0 ABP", "200/mV 16 0 0 0 0 V5"])
    signal = load(record)
    assert signal.names == ("V5",)
    assert "ABP (mmHg)" in signal.messages[0]


def test_twelve_leads_give_the_recorders_eight_whatever_their_case(tmp_path):
    raw = making.some_frames(50, 12)
    signal = load(making.write_wfdb(tmp_path, "t", raw, [f"200 16 0 0 0 0 {n}" for n in TWELVE]))
    np.testing.assert_array_equal(signal.raw, raw[:, [0, 1, 6, 7, 8, 9, 10, 11]])
    assert "iii, avr, avl, avf" in signal.messages[0]


def test_wanted_leads_in_their_order_and_unknown_names_as_numbered_channels(tmp_path):
    raw = making.some_frames(50, 3)
    record = making.write_wfdb(tmp_path, "t", raw, [f"200 16 0 0 0 0 {n}" for n in ("MLII", "V5", "strange")])
    np.testing.assert_array_equal(load(record, ["V5", "mlii"]).raw, raw[:, [1, 0]])
    with there_and_back(load(record), tmp_path / "a.olr") as recording:
        assert recording.stored_leads == ("MLII", "V5", "ECG3")
        assert recording.notes["lead.2"] == "strange"
    with pytest.raises(octolead.ImportRefused, match="no lead 'V9'"):
        load(record, ["V9"])


def test_frames_without_a_value_become_gaps_also_at_both_ends(tmp_path):
    raw = making.some_frames(900, 2)
    raw[:5] = raw[300:420] = raw[890:] = -32768
    with there_and_back(
        load(making.write_wfdb(tmp_path, "n", raw, ["200 16 0 0 0 0 I", "200 16 0 0 0 0 II"])), tmp_path / "a.olr"
    ) as recording:
        assert [(g.start_frame, g.stop_frame) for g in recording.gaps] == [(0, 5), (300, 420), (890, 900)]
        assert recording.n_frames == 900
        got = recording.signal_raw(0, 900)
        missing = raw[:, 0] == -32768
        assert (got[missing] == MISSING_RAW).all()
        np.testing.assert_array_equal(got[~missing], raw[~missing])
        assert np.isnan(recording.signal_uv(299, 302)[1:]).all()


def test_a_value_missing_in_one_lead_only_is_refused_by_name_unless_the_frames_may_go(tmp_path):
    raw = making.some_frames(100, 2)
    raw[40:50, 1] = -32768
    signal = load(making.write_wfdb(tmp_path, "n", raw, ["200 16 0 0 0 0 I", "200 16 0 0 0 0 II"]))
    with pytest.raises(octolead.ImportRefused, match=r"10 frames, the first at 40, have no value in II"):
        encode(signal, tmp_path / "a.olr")
    assert not (tmp_path / "a.olr").exists()
    with there_and_back(signal, tmp_path / "a.olr", partial_gaps=True) as recording:
        assert [(g.start_frame, g.stop_frame) for g in recording.gaps] == [(40, 50)]


def test_a_saturated_converter_is_told_by_span(tmp_path):
    raw = np.clip(making.some_frames(20000, 1, seed=3) * 4, -2048, 2047)
    raw[100:130] = 2047
    with there_and_back(
        load(making.write_wfdb(tmp_path, "s", raw, ["200 12 0 0 0 0 V1"])), tmp_path / "a.olr", slot_bytes=4096
    ) as recording:
        got = np.zeros(20000, bool)
        for span in recording.saturation:
            got[span.start_frame : span.stop_frame] = True
        np.testing.assert_array_equal(got, (raw[:, 0] >= 2047) | (raw[:, 0] <= -2048))
        np.testing.assert_array_equal(recording.signal_raw(0, 20000), raw)


def test_a_converter_that_flips_in_and_out_of_its_limit_still_fits_its_blocks(tmp_path):
    raw = np.where(np.arange(5000)[:, None] % 2, 2047, 0)
    with there_and_back(
        load(making.write_wfdb(tmp_path, "s", raw, ["200 12 0 0 0 0 V1"])), tmp_path / "a.olr", slot_bytes=4096
    ) as recording:
        np.testing.assert_array_equal(recording.signal_raw(0, 5000), raw)
        assert len(recording.saturation) == 2500


def test_rates_are_exact_or_refused_by_name(tmp_path):
    raw = making.some_frames(50, 1)
    assert load(making.write_wfdb(tmp_path, "a", raw, ["200 16 0 0 0 0 I"], "128.125 50")).rate_hz == Fraction("128.125")
    odd = load(making.write_wfdb(tmp_path, "b", raw, ["200 16 0 0 0 0 I"], "99.99999 50"))
    with pytest.raises(octolead.ImportRefused, match="whole number of mHz"):
        encode(odd, tmp_path / "b.olr")


def test_several_samples_a_frame_are_kept_when_all_agree_and_refused_when_not(tmp_path):
    pytest.importorskip("wfdb")
    raw = making.some_frames(50, 1)
    (tmp_path / "x.hea").write_text("x 1 250 25\nx.dat 16x2 200 16 0 0 0 0 I\n")
    raw.astype("<i2").tofile(tmp_path / "x.dat")
    signal = load(tmp_path / "x")
    assert signal.rate_hz == 500
    np.testing.assert_array_equal(signal.raw, raw)
    (tmp_path / "y.hea").write_text("y 2 250 10\ny.dat 16x2 200 16 0 0 0 0 I\ny.dat 16 200 16 0 0 0 0 II\n")
    raw[:30].astype("<i2").tofile(tmp_path / "y.dat")
    with pytest.raises(octolead.ImportRefused, match="several rates: I 2 a frame, II 1 a frame"):
        load(tmp_path / "y")


def test_records_of_several_segments_are_refused_by_name(tmp_path):
    (tmp_path / "m.hea").write_text("m/2 1 250 200\nm_1 100\nm_2 100\n")
    with pytest.raises(octolead.ImportRefused, match="2 segments"):
        load(tmp_path / "m")


def test_a_step_rounds_to_the_nearest_in_integers(tmp_path):
    raw = making.some_frames(500, 1)
    signal = requantise(load(making.write_wfdb(tmp_path, "q", raw, ["400(7) 16 0 0 0 0 I"])), Fraction(5000))
    assert signal.step_nv == (Fraction(5000),)
    np.testing.assert_array_equal(signal.raw[:, 0], [(2 * 2500 * (int(v) - 7) + 5000) // 10000 for v in raw[:, 0]])


def test_a_rate_resamples_between_gaps(tmp_path):
    t = np.arange(1000) / 1000
    raw = np.rint(1000 * np.sin(2 * np.pi * 5 * t)).astype(int)[:, None]
    raw[400:500] = -32768
    signal = resample(load(making.write_wfdb(tmp_path, "r", raw, ["200 16 0 0 0 0 I"], "1000 1000")), Fraction(500))
    assert signal.raw.shape == (500, 1)
    np.testing.assert_array_equal(np.flatnonzero(signal.missing()[:, 0]), np.arange(200, 250))
    inner = np.r_[10:190, 260:490]
    np.testing.assert_allclose(signal.raw[inner, 0], 1000 * np.sin(2 * np.pi * 5 * inner / 500), atol=15)


def test_an_interrupted_encode_leaves_the_old_file(tmp_path):
    signal = load(making.write_wfdb(tmp_path, "q", making.some_frames(5000, 1), ["200 16 0 0 0 0 I"]))
    out = tmp_path / "a.olr"
    out.write_bytes(b"old")

    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(signal, out, progress=interrupt)
    assert out.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.olr", "q.dat", "q.hea"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("e", "", "not a WFDB header"),
        ("f", "hello world\n", "not a WFDB header"),
        ("g", "g 2 500 10\ng.dat 16 200\n", "2 signals announced, 1"),
        ("h", "h 1 500 10\nh.dat sixteen 200\n", "line 2"),
        ("i", "i 1 500 10\ni.dat 16 200 16 0 0 0 0 I\n", "cannot be read"),
    ],
)
def test_a_broken_header_names_what_is_wrong(tmp_path, name, text, words):
    (tmp_path / f"{name}.hea").write_text(text)
    with pytest.raises(octolead.SourceError, match=words):
        load(tmp_path / name)
