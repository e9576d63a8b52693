# SPDX-License-Identifier: Apache-2.0
# What a custom MicroPython build freezes (docs.micropython.org, "manifest files"): the recorder and, by the build's
# option `board`, one board. The simulator is never frozen.
options.defaults(board=None)
package("recorder", base_path=".", opt=2)
if options.board:
    package("boards", files=("__init__.py", "parts", options.board), base_path=".", opt=2)
module("main.py", base_path=".", opt=2)
