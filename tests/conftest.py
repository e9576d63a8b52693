# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where real data lies, and skips that fail in CI."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "bench: needs a recorder on the bench; may be skipped everywhere")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skip into a failure where OCTOLEAD_NO_SKIP is set: there, nothing may be missing."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("OCTOLEAD_NO_SKIP") and not item.get_closest_marker("bench"):
        if hasattr(report, "wasxfail"):
            return
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing may be skipped: {report.longrepr}"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real records (OCTOLEAD_DATA, or shared/data beside the checkout)."""
    folder = Path(os.environ.get("OCTOLEAD_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real records: {folder} is absent (set OCTOLEAD_DATA)")
    return folder
