/* SPDX-License-Identifier: Apache-2.0 */
/* A small convolutional network over differences, in integers, eight leads in one vector.
 *
 * It looks at what quadratic-spline wavelets look at (Martinez et al. 2004, doi:10.1109/TBME.2003.821031: derivatives of
 * the signal smoothed at dyadic scales) but with filters learned, and has the shape of a U-Net with one descent
 * (Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28; for waves of the ECG Moskalenko et al. 2020,
 * arXiv:2001.04689). Departures: depthwise separable convolutions; leads are eight lanes that share all weights and
 * hear of each other only through the mean over the good ones; scores are of boundaries, not of samples, those of P and T
 * every 16 ms, those of QRS every 8; about 3300 weights instead of millions. A step of 16 ms costs 748 products of eight
 * leads by two channels and 118 of one weight a channel. tools/train_waves.py makes the tables and says from what.
 */
#include "wave_net.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

typedef int32_t v8i __attribute__((vector_size(32), aligned(4), may_alias));
typedef int16_t v16s __attribute__((vector_size(32), aligned(4), may_alias));

#include "wave_tables.h"

#define INLINE static inline __attribute__((always_inline))

/* Else the compiler knows weights and rows so well that it holds more of them than there are registers. */
#define STAY_IN_MEMORY(pointer) __asm__("" : "+r"(pointer) : : "memory")

const uint8_t ol_wave_pooled_lane[OL_WAVE_N_BOUNDARIES] = {0, 4, 1, 3, 7, 5, 2, 6};

/* Any processor. */
#define NAME(x) x##_any
#define TARGET
INLINE v8i madd_any(v8i acc, v8i x, int32_t w) {
    const v8i even = (x << 16) >> 16, odd = x >> 16;
    return acc + even * (int32_t)(int16_t)w + odd * (w >> 16);
}

INLINE v8i mulhrs_any(v8i x, v8i w) {
    const v8i a = (((x << 16) >> 16) * ((w << 16) >> 16) + 0x4000) >> 15, b = ((x >> 16) * (w >> 16) + 0x4000) >> 15;
    return (a & 0xffff) | (b << 16);
}

INLINE v8i choose_any(v8i mask, v8i yes, v8i no) {
    return (mask & yes) | (~mask & no);
}

INLINE v8i clamp_any(v8i x, int32_t low, int32_t high) {
    const v8i zero = {0}, bottom = zero + low, top = zero + high;
    return choose_any(x > top, top, choose_any(x < bottom, bottom, x));
}

/* Two channels into one vector, each clamped to 16 bits. */
INLINE v8i pack_any(v8i even, v8i odd) {
    return (clamp_any(even, -32768, 32767) & 0xffff) | (clamp_any(odd, -32768, 32767) << 16);
}

INLINE v8i clamp16_any(v8i x, int16_t low, int16_t high) {
    return (clamp_any((x << 16) >> 16, low, high) & 0xffff) | (clamp_any(x >> 16, low, high) << 16);
}

INLINE v8i relu_any(v8i x) {
    return clamp16_any(x, 0, 32767);
}

/* Sum over the lanes of each pair, 16 bits each. */
INLINE void lane_sums_any(const v8i *x, int32_t *sum) {
    for (int p = 0; p < 8; p++) {
        int32_t even = 0, odd = 0;
        for (int k = 0; k < 8; k++) {
            even += (int16_t)x[p][k];
            odd += x[p][k] >> 16;
        }
        sum[p] = (even & 0xffff) | (int32_t)((uint32_t)odd << 16);
    }
}

/* Scores of eight leads each, and their mean by `share`, Q14. */
INLINE void put_scores_any(const v8i *acc, int32_t shift, v8i share, int16_t *const *to, int16_t *slow, int16_t *fast) {
    int32_t mean[12];
    for (int o = 0; o < 10; o++) {
        const v8i score = clamp_any(acc[o] >> shift, -32768, 32767);
        mean[o] = 0;
        for (int k = 0; k < 8; k++) {
            to[o][k] = (int16_t)score[k];
            mean[o] += score[k] * (int16_t)share[k];
        }
        mean[o] >>= 14;
    }
    for (int o = 0; o < 8; o++) {
        slow[o / 2 + o % 2 * 4] = fast[o / 2 + o % 2 * 4] = (int16_t)mean[o];
    }
    for (int k = 0; k < 8; k++) {
        fast[8 + k] = (int16_t)mean[8 + k / 4];
    }
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
/* The empty statement keeps the sums in this order: else the compiler puts all products aside and adds them last. */
INLINE v8i madd_avx2(v8i acc, v8i x, int32_t w) {
    __m256i sum = _mm256_add_epi32((__m256i)acc, _mm256_madd_epi16((__m256i)x, _mm256_set1_epi32(w)));
    __asm__("" : "+x"(sum));
    return (v8i)(__v8si)sum;
}

INLINE v8i mulhrs_avx2(v8i x, v8i w) {
    return (v8i)(__v8si)_mm256_mulhrs_epi16((__m256i)x, (__m256i)w);
}

INLINE v8i pack_avx2(v8i even, v8i odd) {
    const __m256i order = _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15, 0, 1, 8, 9, 2, 3, 10, 11,
                                           4, 5, 12, 13, 6, 7, 14, 15);
    return (v8i)(__v8si)_mm256_shuffle_epi8(_mm256_packs_epi32((__m256i)even, (__m256i)odd), order);
}

INLINE v8i clamp16_avx2(v8i x, int16_t low, int16_t high) {
    const __m256i above = _mm256_max_epi16((__m256i)x, _mm256_set1_epi16(low));
    return (v8i)(__v8si)_mm256_min_epi16(above, _mm256_set1_epi16(high));
}

INLINE v8i relu_avx2(v8i x) {
    return (v8i)(__v8si)_mm256_max_epi16((__m256i)x, _mm256_setzero_si256());
}

/* Halves the lanes of two vectors and joins what is left. */
INLINE __m256i fold32_avx2(v8i a, v8i b) {
    return _mm256_add_epi16(_mm256_unpacklo_epi32((__m256i)a, (__m256i)b),
                            _mm256_unpackhi_epi32((__m256i)a, (__m256i)b));
}

INLINE __m256i fold64_avx2(__m256i a, __m256i b) {
    return _mm256_add_epi16(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}

INLINE void lane_sums_avx2(const v8i *x, int32_t *sum) {
    const __m256i low = fold64_avx2(fold32_avx2(x[0], x[1]), fold32_avx2(x[2], x[3]));
    const __m256i high = fold64_avx2(fold32_avx2(x[4], x[5]), fold32_avx2(x[6], x[7]));
    const __m256i all =
        _mm256_add_epi16(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
    _mm256_storeu_si256((__m256i *)(void *)sum, all);
}

/* Eight leads of one score in each half. */
INLINE __m256i two_scores_avx2(v8i a, v8i b, int32_t shift, int16_t *to_a, int16_t *to_b) {
    const __m256i packed = _mm256_packs_epi32((__m256i)(a >> shift), (__m256i)(b >> shift));
    const __m256i both = _mm256_permute4x64_epi64(packed, 0xd8);
    _mm_storeu_si128((__m128i *)(void *)to_a, _mm256_castsi256_si128(both));
    _mm_storeu_si128((__m128i *)(void *)to_b, _mm256_extracti128_si256(both, 1));
    return both;
}

INLINE void put_scores_avx2(const v8i *acc, int32_t shift, v8i share, int16_t *const *to, int16_t *slow, int16_t *fast) {
    const __m256i shares = _mm256_permute4x64_epi64(_mm256_packs_epi32((__m256i)share, (__m256i)share), 0xd8);
    __m256i sum[5];
    for (int o = 0; o < 10; o += 2) {
        sum[o / 2] = _mm256_madd_epi16(two_scores_avx2(acc[o], acc[o + 1], shift, to[o], to[o + 1]), shares);
    }
    const __m256i first = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]), _mm256_hadd_epi32(sum[2], sum[3]));
    const __m256i last = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[4], sum[4]), _mm256_hadd_epi32(sum[4], sum[4]));
    const __m256i mean = _mm256_permute4x64_epi64(
        _mm256_packs_epi32(_mm256_srai_epi32(first, 14), _mm256_srai_epi32(last, 14)), 0xd8);
    _mm_storeu_si128((__m128i *)(void *)slow, _mm256_castsi256_si128(mean));
    _mm256_storeu_si256((__m256i *)(void *)fast, mean);
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

void ol_wave_net_run(ol_wave_net *net, uint32_t good, ol_wave_scores *scores, uint32_t step) {
    const int32_t n_good = (int32_t)__builtin_popcount(good);
    int32_t shares[8];
    for (uint32_t k = 0; k < 8; k++) {
        shares[k] = good >> k & 1 ? (1 << 14) / n_good : 0;
    }
    FORWARD(net, shares, scores, step);
    carry(net->diff, OL_WAVE_DIFF_HISTORY, OL_WAVE_STEPS);
    carry(net->fine, OL_WAVE_SKIP * OL_WAVE_FINE / 2, OL_WAVE_STEPS * OL_WAVE_FINE / 2);
    carry(net->merged, 4 * OL_WAVE_FINE / 2, OL_WAVE_STEPS * OL_WAVE_FINE / 2);
    int32_t(*at)[8] = net->coarse;
    for (uint32_t k = 0; k < OL_WAVE_N_MID; k++) {
        const size_t history = 4 * ol_wave_mid[k].dilation, n = OL_WAVE_STEPS / 2;
        carry(at, history * OL_WAVE_COARSE / 2, n * OL_WAVE_COARSE / 2);
        at += (history + n) * OL_WAVE_COARSE / 2;
    }
}
