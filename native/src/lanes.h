/* SPDX-License-Identifier: Apache-2.0 */
/* Eight leads in one vector of floats. State keeps them as plain arrays, so that it needs no alignment. */
#ifndef OL_LANES_H
#define OL_LANES_H

#include <stdint.h>
#include <string.h>

/* One copy for processors with eight-lane instructions and one for the others, chosen when the program is loaded. */
#ifndef OL_CLONES
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(OL_NO_CLONES)
#define OL_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define OL_CLONES
#endif
#endif
#ifndef OL_INLINE
#define OL_INLINE static inline __attribute__((always_inline))
#endif

/* Lanes are passed only between functions that are inlined, so no calling convention is involved. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef float lanes __attribute__((vector_size(32)));
typedef int32_t lane_mask __attribute__((vector_size(32)));

#define OL_LARGEST_UV 1.0e7f /* an input beyond, or no number at all, repeats the frame before */

OL_INLINE lanes load8(const float *from) {
    lanes v;
    memcpy(&v, from, sizeof v);
    return v;
}

OL_INLINE void store8(float *to, lanes v) {
    memcpy(to, &v, sizeof v);
}

OL_INLINE lanes lanes_choose(lane_mask mask, lanes yes, lanes no) {
    return (lanes)((mask & (lane_mask)yes) | (~mask & (lane_mask)no));
}

OL_INLINE lanes lanes_min(lanes a, lanes b) {
    return lanes_choose(a < b, a, b);
}

OL_INLINE lanes lanes_max(lanes a, lanes b) {
    return lanes_choose(a > b, a, b);
}

OL_INLINE lanes lanes_abs(lanes a) {
    return (lanes)((lane_mask)a & 0x7fffffff);
}

OL_INLINE lanes lanes_one_if(lane_mask mask) {
    const lanes zero = {0};
    return lanes_choose(mask, zero + 1.0f, zero);
}

OL_INLINE float lanes_sum(lanes v) {
    return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7]));
}

/* What is no number, or beyond what an electrode can give, is as `before`. */
OL_INLINE lanes lanes_sound(lanes v, lanes before) {
    return lanes_choose(lanes_abs(v) < OL_LARGEST_UV, v, before);
}

/* A frame of n_leads values; lanes beyond are zero. */
OL_INLINE lanes load_frame(const float *x, uint32_t n_leads, lanes before) {
    float frame[8] = {0};
    if (n_leads == 8) {
        memcpy(frame, x, sizeof frame);
    } else {
        for (uint32_t k = 0; k < n_leads; k++) {
            frame[k] = x[k];
        }
    }
    return lanes_sound(load8(frame), before);
}

#endif
