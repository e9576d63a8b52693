# SPDX-License-Identifier: Apache-2.0
"""The compiled core: the only place where it may be missing."""

try:
    from .._native import ffi, lib
except ModuleNotFoundError as error:
    raise ImportError("octolead's compiled core is missing: run `pip install -e .` in the checkout (it needs a C compiler)") from error

__all__ = ["ffi", "lib"]
