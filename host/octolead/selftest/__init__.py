# SPDX-License-Identifier: Apache-2.0
"""The self-test of a recorder on the desk: what the box tells of itself, what its recordings show, what hands on the bench make it show.

async with await connect_usb(port, key) as recorder:
    trial = await self_test(recorder, hands=PromptHands(ask))
print(as_text(trial))
"""

from .hands import Declined, FileHands, Hands, NoHands, PromptHands
from .run import STEPS, self_test

__all__ = ["STEPS", "Declined", "FileHands", "Hands", "NoHands", "PromptHands", "self_test"]
