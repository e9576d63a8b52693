# SPDX-License-Identifier: Apache-2.0
"""What AF detection from the reference's beats reaches. These floors may only rise.

Commands:

    octolead score DATA/ltafdb --records 03,08,102,113,117,120,24,35,38,58
    octolead score DATA/mitdb DATA/cpsc2021 --detector reference --what rhythm

The shipped coefficients have seen these records; `python -m tools.train_af DATA --dry` prints what they reach on halves they have not.
"""

from __future__ import annotations

import pytest

from octolead.score.run import Options, gross_af, score

LTAFDB_SE, LTAFDB_SP = 98.5, 99.7
MITDB_SE, MITDB_PPV = 99.9, 79.7
CPSC_SE, CPSC_SP = 99.6, 94.4
LTAFDB = ("03", "08", "102", "113", "117", "120", "24", "35", "38", "58")


def reached(folder, records=()):
    if not folder.is_dir():
        pytest.skip(f"no real records: {folder} is absent")
    pytest.importorskip("wfdb")
    result = score([str(folder)], Options(detector="reference", what=("rhythm",), records=records))[0]
    assert not result.problems
    return gross_af(result.records).as_dict()


def test_ltafdb_ten_paroxysmal_records(data_dir):
    found = reached(data_dir / "ltafdb", LTAFDB)
    assert found["se_percent"] >= LTAFDB_SE
    assert found["sp_percent"] >= LTAFDB_SP


def test_mitdb_few_false_alarms_by_ectopy(data_dir):
    found = reached(data_dir / "mitdb")
    assert found["se_percent"] >= MITDB_SE
    assert found["ppv_percent"] >= MITDB_PPV


def test_cpsc2021(data_dir):
    found = reached(data_dir / "cpsc2021")
    assert found["se_percent"] >= CPSC_SE
    assert found["sp_percent"] >= CPSC_SP
