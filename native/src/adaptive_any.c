/* SPDX-License-Identifier: Apache-2.0 */
/* adaptive_hot.h for any processor. */
#define HOT(name) name##_any
#include "adaptive_decode_kernel.h"
#include "adaptive_encode_kernel.h"
