/* SPDX-License-Identifier: Apache-2.0 */
/* adaptive_hot.h for processors with AVX2. */
#include "adaptive_hot.h"

#ifdef OL_ADAPTIVE_AVX2
#pragma GCC target("avx2,bmi,bmi2")
/* Else residuals that are computed alike are gathered into vectors one by one. */
#pragma GCC optimize("no-tree-slp-vectorize")
#define HOT(name) name##_avx2
#include "adaptive_decode_kernel.h"
#include "adaptive_encode_kernel.h"
#endif
