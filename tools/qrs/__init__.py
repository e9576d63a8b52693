# SPDX-License-Identifier: Apache-2.0
"""What train_qrs is made of: records and what they are seen as, the detector with a hook, the network."""
