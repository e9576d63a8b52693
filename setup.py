# SPDX-License-Identifier: Apache-2.0
"""Only what pyproject.toml cannot say: cffi builds the extension, and it works with every CPython from 3.11 on."""

from setuptools import setup

setup(
    cffi_modules=["native/ffi/build_ffi.py:ffibuilder"],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
