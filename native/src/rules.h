/* SPDX-License-Identifier: Apache-2.0 */
/* What this version knows, for reading and for writing. */
#ifndef OL_RULES_H
#define OL_RULES_H

#include "ol_constants.h"

#define OL_KNOWN_FLAGS (OL_FLAG_CHECKPOINT | OL_FLAG_ENCRYPTED | OL_FLAG_CHAINED | OL_FLAG_LAST)
#define OL_LAST_CODEC OL_CODEC_ADAPTIVE

#endif
