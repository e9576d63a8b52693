# SPDX-License-Identifier: Apache-2.0
"""Device keys on the desk: in the system's keyring, or in an enciphered file (docs/SECURITY.md 10).

Nothing here writes a key, or what it was made of, into a message, a log or the text of an object.
"""

from .entry import Entry
from .place import find_store, open_store
from .store import KeyStore

__all__ = ["Entry", "KeyStore", "find_store", "open_store"]
