# SPDX-License-Identifier: Apache-2.0
"""The viewer: a local server and what runs in the browser. Only this room knows Starlette and uvicorn."""
