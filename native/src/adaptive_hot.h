/* SPDX-License-Identifier: Apache-2.0 */
/* What of codec 1 takes the time. adaptive_any.c and adaptive_avx2.c compile it, each as a whole for its kind of processor:
 * what a compiler makes of lanes in a copy that it was only told to clone took 1.28 times as long to decode. */
#ifndef OL_ADAPTIVE_HOT_H
#define OL_ADAPTIVE_HOT_H

#include "ol_adaptive.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(OL_NO_CLONES)
#define OL_ADAPTIVE_AVX2
#endif

/* Reads the two coder states' words. */
typedef struct ol_chunk_reader {
    uint32_t state[2];
    const uint8_t *at, *end;
    int truncated; /* words were missing; zeros were read for them */
} ol_chunk_reader;

/* Decodes n interleaved frames of one chunk. */
typedef void ol_chunk_decode(const ol_adaptive_tables *tables, ol_chunk_reader *d, ol_predictor *p, ol_context *c,
                             uint32_t n, int32_t *out);
/* Takes frames until the next one might not fit; returns how many. */
typedef size_t ol_take_frames(ol_adaptive_encoder *enc, const int32_t *frames, size_t n_frames);
/* Codes the open chunk. */
typedef void ol_chunk_encode(ol_adaptive_encoder *enc);

ol_chunk_decode ol_chunk_decode_any, ol_chunk_decode_avx2;
ol_take_frames ol_take_frames_any, ol_take_frames_avx2;
ol_chunk_encode ol_chunk_encode_any, ol_chunk_encode_avx2;

/* The one for this processor. */
#ifdef OL_ADAPTIVE_AVX2
static inline int ol_adaptive_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}
#define OL_HOT(name) (ol_adaptive_has_avx2() ? name##_avx2 : name##_any)
#else
#define OL_HOT(name) name##_any
#endif

#endif
