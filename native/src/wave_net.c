/* SPDX-License-Identifier: Apache-2.0 */
/* A small convolutional network over 250 Hz differences, in integers, eight leads in one vector.
 *
 * It looks at what quadratic-spline wavelets look at (Martinez et al. 2004, doi:10.1109/TBME.2003.821031: derivatives of
 * the signal smoothed at dyadic scales) but with filters learned, and has the shape of a U-Net with one descent
 * (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28; for waves of the ECG Moskalenko et al. 2020,
 * arXiv:2001.04689). Departures: depthwise separable convolutions; leads are eight lanes that share all weights and
 * hear of each other only through the mean over the good ones; scores are of boundaries, not of samples; about 7000
 * weights instead of millions. tools/train_waves.py makes the tables and says from what.
 */
#include "wave_net.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

typedef int32_t v8i __attribute__((vector_size(32), aligned(4), may_alias));
typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));

#include "wave_tables.h"

#define INLINE static inline __attribute__((always_inline))

/* Any processor. */
#define NAME(x) x##_any
#define TARGET
INLINE v8i madd_any(v8i acc, v8i x, int32_t w) {
    const v8i even = (x << 16) >> 16, odd = x >> 16;
    return acc + even * (int32_t)(int16_t)w + odd * (w >> 16);
}

INLINE v8i mulhrs_any(v8i x, int32_t w) {
    const v8i even = (x << 16) >> 16, odd = x >> 16;
    const v8i a = (even * (int32_t)(int16_t)w + 0x4000) >> 15, b = (odd * (w >> 16) + 0x4000) >> 15;
    return (a & 0xffff) | (b << 16);
}

INLINE v8i add16_any(v8i x, v8i y) {
    return ((x + y) & 0xffff) | (((x >> 16) + (y >> 16)) << 16);
}
#include "wave_net_kernel.h"
#undef NAME
#undef TARGET

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#undef INLINE
#define INLINE __attribute__((target("avx2"), always_inline)) static inline
#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2")))
INLINE v8i madd_avx2(v8i acc, v8i x, int32_t w) {
    return acc + (v8i)(__v8si)_mm256_madd_epi16((__m256i)x, _mm256_set1_epi32(w));
}

INLINE v8i mulhrs_avx2(v8i x, int32_t w) {
    return (v8i)(__v8si)_mm256_mulhrs_epi16((__m256i)x, _mm256_set1_epi32(w));
}

INLINE v8i add16_avx2(v8i x, v8i y) {
    return (v8i)(__v8si)_mm256_add_epi16((__m256i)x, (__m256i)y);
}
#include "wave_net_kernel.h"
#define FORWARD (__builtin_cpu_supports("avx2") ? forward_avx2 : forward_any)
#else
#define FORWARD forward_any
#endif

void ol_wave_net_init(ol_wave_net *net) {
    memset(net, 0, sizeof *net);
}

/* Keeps the last `history` rows of a buffer that holds n more. */
static void carry(int32_t (*buffer)[8], size_t history, size_t n) {
    memmove(buffer, buffer + n, history * sizeof *buffer);
}

void ol_wave_net_run(ol_wave_net *net, uint32_t good, float *scores) {
    int32_t lanes[8], n_good = 0;
    for (uint32_t k = 0; k < 8; k++) {
        lanes[k] = good >> k & 1 ? -1 : 0;
        n_good += (int32_t)(good >> k & 1);
    }
    FORWARD(net, lanes, n_good ? (1 << 14) / n_good : 0, scores);
    carry(net->diff, OL_WAVE_DIFF_HISTORY, OL_WAVE_BLOCK / 2);
    carry(net->patch, 4 * OL_WAVE_B / 2, OL_WAVE_STEPS * OL_WAVE_B / 2);
    carry(net->fine, OL_WAVE_SKIP * OL_WAVE_B / 2, OL_WAVE_STEPS * OL_WAVE_B / 2);
    carry(net->merged, 4 * OL_WAVE_B / 2, OL_WAVE_STEPS * OL_WAVE_B / 2);
    int32_t(*at)[8] = net->coarse;
    for (uint32_t k = 0; k < OL_WAVE_N_MID; k++) {
        const size_t history = 4 * ol_wave_mid[k].dilation, n = OL_WAVE_STEPS / 2;
        carry(at, history * OL_WAVE_C / 2, n * OL_WAVE_C / 2);
        at += (history + n) * OL_WAVE_C / 2;
    }
}
