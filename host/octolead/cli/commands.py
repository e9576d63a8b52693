# SPDX-License-Identifier: Apache-2.0
"""All commands, in the order of the help page."""

from .cmd_analyze import analyze
from .cmd_calibrate import calibrate
from .cmd_convert import copy, decode, encode
from .cmd_demo import demo
from .cmd_flash import flash
from .cmd_info import info, verify
from .cmd_keys import keys
from .cmd_link import mark, set_time, start, status, stop, sync
from .cmd_live import live
from .cmd_plot import plot
from .cmd_provision import provision
from .cmd_recover import recover
from .cmd_report import report
from .cmd_scan import scan
from .cmd_score import score
from .cmd_selftest import selftest
from .cmd_service import erase, settings
from .cmd_validate import validate
from .cmd_view import view

ALL = (
    demo,
    info,
    verify,
    decode,
    plot,
    view,
    copy,
    recover,
    encode,
    analyze,
    report,
    score,
    scan,
    status,
    start,
    stop,
    mark,
    set_time,
    sync,
    live,
    settings,
    selftest,
    calibrate,
    validate,
    erase,
    flash,
    provision,
    keys,
)
