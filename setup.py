# SPDX-License-Identifier: Apache-2.0
"""Only what pyproject.toml cannot say: that the extension is built by cffi."""

from setuptools import setup

setup(cffi_modules=["native/ffi/build_ffi.py:ffibuilder"])
