/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 1 (docs/SPEC.md, 4.2): what encoder and decoder share. The predictor gives each residual, the context its code.
 *
 * Eight leads are eight lanes of one vector; leads that are not there are lanes of zeros. All of it is modulo 2^32. */
#ifndef OL_ADAPTIVE_MODEL_H
#define OL_ADAPTIVE_MODEL_H

#include "ol_adaptive.h"

#include <string.h>

#include "adaptive_tables.h"

#define OL_INLINE static inline __attribute__((always_inline))

/* Else the compiler keeps weights from their use to their change, more of them than there are registers, and puts them
 * aside in between. */
#define STAY_IN_MEMORY(pointer) __asm__("" : "+r"(pointer) : : "memory")

/* Lanes are passed only between functions that are inlined, so no calling convention is involved. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum {
    CLIP = 1023, /* differences and residuals that enter a history */
    WEIGHT_Q = 20,
    TABLE_Q = 12,        /* warm weights are stored with fewer bits */
    LEVEL_CLIP = 131071, /* |e| that enters a running mean */
    LIMIT_SHIFT = 6,     /* and no more than 16 m */
    SYM_ESCAPE = 2 * OL_SYM_HALF + 1,
    STATE_MIN = 1 << 15, /* both coder states stay in [2^15, 2^31) */
    CHUNK_HEAD = 10,     /* bytes: frames in the chunk, two coder states */
};

OL_INLINE ol_lanes splat(uint32_t a) {
    return (ol_lanes){a, a, a, a, a, a, a, a};
}

/* Where mask is all ones a, where it is zero b. */
OL_INLINE ol_slanes select_lanes(ol_slanes mask, ol_slanes a, ol_slanes b) {
    return (mask & a) | (~mask & b);
}

OL_INLINE ol_slanes clip(ol_slanes a, int32_t limit) {
    const ol_slanes high = (ol_slanes)splat((uint32_t)limit), low = -high;
    a = select_lanes(a > high, high, a);
    return select_lanes(a < low, low, a);
}

#ifdef __clang__
#define OL_SHUFFLE(a, ...) __builtin_shufflevector(a, a, __VA_ARGS__)
#else
#define OL_SHUFFLE(a, ...) __builtin_shuffle(a, (ol_lanes){__VA_ARGS__})
#endif

/* Sum of the eight lanes, modulo 2^32, in every lane: what follows stays in vectors. */
OL_INLINE ol_lanes sum(ol_lanes a) {
    a += OL_SHUFFLE(a, 4, 5, 6, 7, 0, 1, 2, 3);
    a += OL_SHUFFLE(a, 2, 3, 0, 1, 6, 7, 4, 5);
    return a + OL_SHUFFLE(a, 1, 0, 3, 2, 5, 4, 7, 6);
}

/* The predictor. */

static inline uint32_t rate_class(uint32_t rate_mhz) {
    return rate_mhz < 350000 ? 0 : rate_mhz < 700000 ? 1 : 2;
}

static inline uint32_t warm(int16_t w) {
    return (uint32_t)(int32_t)w << (WEIGHT_Q - TABLE_Q);
}

static inline void warm_lead(ol_predictor *p, uint32_t k, const uint8_t *ids, const ol_warm *set) {
    const uint32_t row = ids && ids[k] < OL_MAX_LEADS ? ids[k] : OL_MAX_LEADS;
    for (uint32_t i = 0; i < OL_D_TAPS; i++) {
        p->w_d[i][k] = warm(set->d[row][i]);
    }
    for (uint32_t i = 0; i < OL_E_TAPS; i++) {
        p->w_e[i][k] = warm(set->e[row][i]);
    }
    p->w_cd[k][k] = warm(set->cd[row][row]);
    p->w_ce[k][k] = warm(set->ce[row][row]);
    if (row == OL_MAX_LEADS) {
        return;
    }
    for (uint32_t j = 0; j < p->n_leads; j++) {
        if (j == k || ids[j] >= OL_MAX_LEADS) {
            continue;
        }
        p->w_cd[j][k] = warm(set->cd[ids[j]][row]);
        p->w_ce[j][k] = warm(set->ce[ids[j]][row]);
        if (j < k) {
            p->w_in[j][k] = warm(set->in[ids[j]][row]);
        }
    }
}

static inline void predictor_init(ol_predictor *p, uint32_t n_leads, const uint8_t *ids, uint32_t rate_mhz,
                                  const uint32_t *first) {
    memset(p, 0, sizeof *p);
    p->n_leads = n_leads;
    p->at = OL_D_TAPS + 1;
    for (uint32_t k = 0; k < n_leads; k++) {
        p->last[k] = first[k];
        warm_lead(p, k, ids, &ol_warm_sets[rate_class(rate_mhz)]);
    }
}

/* Lane j in every lane. */
OL_INLINE ol_lanes spread(const ol_lanes *a, int j) {
#ifdef __AVX2__
    typedef uint32_t word __attribute__((may_alias));
    const word *at = (const word *)a;
    __asm__("" : "+r"(at)); /* from memory, in one instruction: the vector itself would have to be turned */
    return splat(at[j]);
#else
    return splat((*a)[j]);
#endif
}

/* Each lead's own past: sum of weight x input. */
OL_INLINE ol_lanes predict_own(const ol_predictor *p) {
    const ol_lanes *d = &p->d[p->at - 1], *e = &p->e[p->at - 1];
    ol_lanes acc = splat(0), acc2 = splat(0);
#pragma GCC unroll 8
    for (int i = 0; i < OL_D_TAPS; i++) {
        acc += p->w_d[i] * d[-1 - i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < OL_E_TAPS; i++) {
        acc2 += p->w_e[i] * e[-1 - i];
    }
    return acc + acc2;
}

/* sum over the leads j < n of w[j] x newest[j]. */
OL_INLINE ol_lanes predict_cross(const ol_lanes *w, const ol_lanes *newest, const int n) {
    ol_lanes acc = splat(0), acc2 = splat(0);
#pragma GCC unroll 8
    for (int j = 0; j < n; j += 2) {
        acc += w[j] * spread(newest, j);
        if (j + 1 < n) {
            acc2 += w[j + 1] * spread(newest, j + 1);
        }
    }
    return acc + acc2;
}

/* acc[k] = sum of weight x input over every tap that knows only the past. */
OL_INLINE ol_lanes predict_past(const ol_predictor *p) {
    const ol_lanes acc = predict_own(p) + predict_cross(p->w_cd, &p->d[p->at - 1], OL_MAX_LEADS);
    return acc + predict_cross(p->w_ce, &p->e[p->at - 1], OL_MAX_LEADS);
}

/* The bit length of each lane less one, which must lie in 1 .. 2^30. Exact: what rounding could carry is cleared first.
 */
OL_INLINE ol_slanes log2_floor(ol_lanes a) {
    a &= ~(a >> 4);
    typedef float floats __attribute__((vector_size(32)));
    const floats f = __builtin_convertvector((ol_slanes)a, floats);
    return (((ol_slanes)f) >> 23) - 127;
}

/* g = (f * mu + 2^(b-1)) >> b */
OL_INLINE ol_lanes step(ol_slanes f, int32_t mu, ol_slanes b) {
    return (ol_lanes)((f * mu + ((ol_slanes)splat(1) << (b - 1))) >> b);
}

/* What one frame changes in the weights: their inputs, and a gain for each kind. */
typedef struct {
    ol_lanes own, cross, in;
} ol_gains;

/* The gains, from the error and the powers, which go on by the frame's residuals. */
OL_INLINE ol_gains gains(ol_predictor *p, ol_lanes res, ol_slanes fine) {
    const ol_lanes square = res * res, energy = sum(square);
    const ol_slanes own = log2_floor(p->p_d + p->p_e / 16 + square + 4);
    const ol_slanes shared = log2_floor(sum(p->p_d) / 16 + p->p_e / 32 + energy + 4);
    p->p_e += energy - p->p_e / 32;
    return (ol_gains){step(fine, ol_mu_own, own), step(fine, ol_mu_cross, shared), step(fine, ol_mu_in, shared)};
}

OL_INLINE void adapt_own(ol_predictor *p, ol_lanes g) {
    const ol_lanes *d = &p->d[p->at - 1], *e = &p->e[p->at - 1];
#pragma GCC unroll 8
    for (int i = 0; i < OL_D_TAPS; i++) {
        p->w_d[i] += g * d[-1 - i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < OL_E_TAPS; i++) {
        p->w_e[i] += g * e[-1 - i];
    }
}

/* w[j] += g x newest[j], lead by lead. */
OL_INLINE void adapt_cross(ol_lanes *w, const ol_lanes *newest, ol_lanes g) {
#pragma GCC unroll 8
    for (int j = 0; j < OL_MAX_LEADS; j++) {
        w[j] += g * spread(newest, j);
    }
}

OL_INLINE void adapt_in(ol_predictor *p, const ol_lanes *res, ol_lanes g) {
    static const ol_lanes below[OL_MAX_LEADS] = {
#define M(a) ((a) ? ~0u : 0u)
#define ROW(j) {0, M(j < 1), M(j < 2), M(j < 3), M(j < 4), M(j < 5), M(j < 6), M(j < 7)}
        ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7)};
#pragma GCC unroll 8
    for (int j = 0; j < OL_MAX_LEADS - 1; j++) {
        p->w_in[j] += (g & below[j]) * spread(res, j);
    }
}

/* Moves the histories on. */
OL_INLINE void remember(ol_predictor *p, ol_lanes delta, ol_lanes res) {
    const ol_lanes oldest = p->d[p->at - OL_D_TAPS - 1];
    p->p_d += delta * delta - oldest * oldest;
    p->d[p->at] = delta;
    p->e[p->at] = res;
    if (++p->at == OL_HIST + OL_D_TAPS + 1) {
        memcpy(p->d, p->d + OL_HIST, sizeof *p->d * (OL_D_TAPS + 1));
        memcpy(p->e, p->e + OL_HIST, sizeof *p->e * (OL_D_TAPS + 1));
        p->at = OL_D_TAPS + 1;
    }
}

/* Adapts the weights to the frame just coded and moves the histories on. */
OL_INLINE void adapt(ol_predictor *p, ol_lanes delta, ol_lanes res, ol_slanes fine) {
    const ol_gains g = gains(p, res, fine);
    adapt_own(p, g.own);
    adapt_cross(p->w_cd, &p->d[p->at - 1], g.cross);
    adapt_cross(p->w_ce, &p->e[p->at - 1], g.cross);
    adapt_in(p, &res, g.in);
    remember(p, delta, res);
}

/* What is left of d - acc after rounding acc to pred, plus the residual: six fraction bits. */
OL_INLINE ol_slanes fine_error(ol_lanes acc, ol_lanes pred, ol_lanes res) {
    return (ol_slanes)(res << 6) + ((ol_slanes)((pred << WEIGHT_Q) - acc) >> (WEIGHT_Q - 6));
}

OL_INLINE ol_lanes round_prediction(ol_lanes acc) {
    return (ol_lanes)((ol_slanes)(acc + (1u << (WEIGHT_Q - 1))) >> WEIGHT_Q);
}

/* From the residuals of a frame to its samples. */
OL_INLINE ol_lanes reconstruct(ol_predictor *p, ol_lanes e) {
    const ol_lanes res = (ol_lanes)clip((ol_slanes)e, CLIP);
    const ol_lanes acc = predict_past(p) + predict_cross(p->w_in, &res, OL_MAX_LEADS - 1);
    const ol_lanes pred = round_prediction(acc), d = pred + e;
    p->last += d;
    adapt(p, (ol_lanes)clip((ol_slanes)d, CLIP), res, fine_error(acc, pred, res));
    return p->last;
}

/* From the samples of a frame to its residuals: as reconstruct, but lead after lead, for a lead's residual helps the
 * next. */
OL_INLINE ol_lanes predict_and_adapt(ol_predictor *p, ol_lanes frame) {
    const ol_lanes d = frame - p->last;
    ol_lanes acc = predict_past(p);
    for (int k = 0; k < OL_MAX_LEADS - 1; k++) {
        const ol_lanes res = (ol_lanes)clip((ol_slanes)(d - round_prediction(acc)), CLIP);
        acc += p->w_in[k] * splat(res[k]);
    }
    const ol_lanes pred = round_prediction(acc), e = d - pred;
    const ol_lanes res = (ol_lanes)clip((ol_slanes)e, CLIP);
    p->last = frame;
    adapt(p, (ol_lanes)clip((ol_slanes)d, CLIP), res, fine_error(acc, pred, res));
    return e;
}

/* The context. */

static inline void context_init(ol_context *c, uint32_t n_leads) {
    c->slow = c->fast = splat(OL_CONTEXT_START);
    c->all = splat(OL_CONTEXT_START);
    c->all_gain = 256 / n_leads;
}

/* m mixes the running means and never falls to nothing. */
OL_INLINE ol_lanes context_mix(const ol_context *c) {
    return ((c->slow + 4 * c->fast + 3 * c->all) >> 3) + 64;
}

/* level = quarter octaves of m above 64. */
OL_INLINE ol_slanes context_levels(const ol_context *c) {
    ol_lanes m = context_mix(c);
    m &= ~(m >> 4);
    typedef float floats __attribute__((vector_size(32)));
    const floats f = __builtin_convertvector((ol_slanes)m, floats);
    return (((ol_slanes)f) >> 21) - 4 * (127 + 6);
}

OL_INLINE ol_slanes lower_of(ol_slanes a, ol_slanes b) {
    return select_lanes(a < b, a, b);
}

/* A spike counts no more than 16 times what was expected, or its echo would make the next second dear. */
OL_INLINE void context_update(ol_context *c, ol_lanes e) {
    const ol_lanes sign = (ol_lanes)((ol_slanes)e >> 31), absolute = (e ^ sign) - sign,
                   magnitude = absolute - (absolute >> 31);
    const ol_slanes limit = lower_of((ol_slanes)((context_mix(c) >> LIMIT_SHIFT) + 4), (ol_slanes)splat(LEVEL_CLIP));
    const ol_lanes a = (ol_lanes)lower_of((ol_slanes)magnitude, limit);
    c->slow += (a << 6) - (c->slow >> 4);
    c->fast += (a << 8) - (c->fast >> 2);
    c->all += sum(a) * c->all_gain - (c->all >> 2);
}

OL_INLINE uint32_t level_table(uint32_t level) {
    return level < OL_N_TABLES ? level : OL_N_TABLES - 4 + (level & 3);
}
OL_INLINE uint32_t level_raw_bits(uint32_t level) {
    return level < OL_N_TABLES ? 0 : level / 4 - (OL_N_TABLES / 4 - 1);
}

#endif
