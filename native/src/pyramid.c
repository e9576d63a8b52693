/* SPDX-License-Identifier: Apache-2.0 */
#include "lanes.h"
#include "ol_error.h"
#include "ol_pyramid.h"
#include <math.h>

#define STORED 8
#define MOST_INTEGER 32000 /* leaves room for rounding outwards */
#define NOTHING_LOW 32767
#define NOTHING_HIGH (-32768)

static void begin(ol_pyramid *p) {
    p->n_in = 0;
    p->flags = 0;
    for (int k = 0; k < 16; k++) {
        p->low[k] = INFINITY;
        p->high[k] = -INFINITY;
    }
}

int ol_pyramid_init(ol_pyramid *p, uint32_t n_leads, int32_t lead_i, int32_t lead_ii, uint32_t width) {
    const int32_t n = (int32_t)n_leads;
    if (n_leads < 1 || n_leads > STORED || width < 1 || lead_i < -1 || lead_i >= n || lead_ii < -1 || lead_ii >= n) {
        return OL_E_ARGUMENT;
    }
    p->n_leads = n_leads;
    p->width = width;
    p->lead_i = lead_ii < 0 ? -1 : lead_i;
    p->lead_ii = lead_i < 0 ? -1 : lead_ii;
    begin(p);
    return OL_OK;
}

/* Lowest and highest of the stored leads, and of the derived ones: III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2,
 * aVF = II - I / 2. */
typedef struct {
    lanes low[2], high[2], of_i, of_ii, nothing;
} extremes;

OL_INLINE void widen(extremes *e, int which, lanes v) {
    const lane_mask there = lanes_abs(v) < OL_LARGEST_UV;
    e->low[which] = lanes_choose(there & (v < e->low[which]), v, e->low[which]);
    e->high[which] = lanes_choose(there & (v > e->high[which]), v, e->high[which]);
}

OL_INLINE void see(extremes *e, const ol_pyramid *p, lanes v) {
    widen(e, 0, v);
    if (p->lead_i >= 0) {
        widen(e, 1, e->of_i * v[p->lead_i] + e->of_ii * v[p->lead_ii]);
    }
}

static const float weights_i[8] = {-1.0f, -0.5f, 1.0f, -0.5f}, weights_ii[8] = {1.0f, -0.5f, -0.5f, 1.0f};

OL_INLINE extremes load_extremes(const ol_pyramid *p) {
    const extremes e = {.low = {load8(p->low), load8(p->low + 8)},
                        .high = {load8(p->high), load8(p->high + 8)},
                        .of_i = load8(weights_i),
                        .of_ii = load8(weights_ii),
                        .nothing = (lanes){0} + NAN};
    return e;
}

OL_INLINE void store_extremes(ol_pyramid *p, const extremes *e) {
    for (int which = 0; which < 2; which++) {
        store8(p->low + 8 * which, e->low[which]);
        store8(p->high + 8 * which, e->high[which]);
    }
}

OL_CLONES static void see_microvolts(ol_pyramid *p, const float *x, size_t n) {
    extremes e = load_extremes(p);
    const uint32_t n_leads = p->n_leads;
    for (size_t i = 0; i < n; i++, x += n_leads) {
        float frame[8];
        store8(frame, e.nothing);
        memcpy(frame, x, n_leads * sizeof *x);
        see(&e, p, load8(frame));
    }
    store_extremes(p, &e);
}

OL_CLONES static void see_counts(ol_pyramid *p, const int32_t *x, const float *scale_uv, size_t n) {
    extremes e = load_extremes(p);
    const uint32_t n_leads = p->n_leads;
    float padded[8] = {0};
    memcpy(padded, scale_uv, n_leads * sizeof *scale_uv);
    const lanes scale = load8(padded);
    lanes others = {0};
    for (uint32_t k = n_leads; k < 8; k++) {
        others[k] = NAN;
    }
    for (size_t i = 0; i < n; i++, x += n_leads) {
        lane_mask frame = {0};
        memcpy(&frame, x, n_leads * sizeof *x);
        see(&e, p, __builtin_convertvector(frame, lanes) * scale + others);
    }
    store_extremes(p, &e);
}

static void give(ol_pyramid *p, ol_pyramid_out *out) {
    ol_pyramid_bucket *bucket = &out->buckets[out->n++];
    memcpy(bucket->low, p->low, sizeof bucket->low);
    memcpy(bucket->high, p->high, sizeof bucket->high);
    bucket->flags = p->flags;
    begin(p);
}

/* A bucket that is being filled needs a place to go: how many frames may be taken now. */
static size_t room_for(const ol_pyramid *p, uint64_t n, const ol_pyramid_out *out) {
    const uint32_t left = p->width - p->n_in;
    return out->n >= out->room ? 0 : n < left ? (size_t)n : left;
}

static void took(ol_pyramid *p, const uint8_t *off, size_t n, ol_pyramid_out *out) {
    for (size_t i = 0; off && i < n; i++) {
        p->flags |= off[i];
    }
    p->n_in += (uint32_t)n;
    if (p->n_in == p->width) {
        give(p, out);
    }
}

size_t ol_pyramid_push(ol_pyramid *p, const float *frames_uv, const uint8_t *off, size_t n, ol_pyramid_out *out) {
    size_t done = 0;
    for (size_t some; (some = room_for(p, n - done, out)) > 0; done += some) {
        see_microvolts(p, frames_uv + done * p->n_leads, some);
        took(p, off ? off + done : NULL, some, out);
    }
    return done;
}

size_t ol_pyramid_push_counts(ol_pyramid *p, const int32_t *counts, const float *scale_uv, const uint8_t *off, size_t n,
                              ol_pyramid_out *out) {
    size_t done = 0;
    for (size_t some; (some = room_for(p, n - done, out)) > 0; done += some) {
        see_counts(p, counts + done * p->n_leads, scale_uv, some);
        took(p, off ? off + done : NULL, some, out);
    }
    return done;
}

uint64_t ol_pyramid_gap(ol_pyramid *p, uint64_t n_missing, ol_pyramid_out *out) {
    uint64_t done = 0;
    for (size_t some; (some = room_for(p, n_missing - done, out)) > 0; done += some) {
        p->flags |= OL_PYRAMID_PARTLY;
        took(p, NULL, some, out);
    }
    return done;
}

int ol_pyramid_end(ol_pyramid *p, ol_pyramid_out *out) {
    if (p->n_in == 0) {
        return OL_OK;
    }
    if (out->n >= out->room) {
        return OL_E_ROOM;
    }
    give(p, out);
    return OL_OK;
}

static void join(ol_pyramid_bucket *to, const ol_pyramid_bucket *from) {
    for (int k = 0; k < OL_PYRAMID_TRACES; k++) {
        to->low[k] = from->low[k] < to->low[k] ? from->low[k] : to->low[k];
        to->high[k] = from->high[k] > to->high[k] ? from->high[k] : to->high[k];
    }
    to->flags |= from->flags;
}

size_t ol_pyramid_fold(const ol_pyramid_bucket *in, size_t n, ol_pyramid_bucket *out) {
    for (size_t i = 0; i < n; i++) {
        ol_pyramid_bucket *to = &out[i / OL_PYRAMID_FOLD];
        if (i % OL_PYRAMID_FOLD == 0) {
            *to = in[i];
        } else {
            join(to, &in[i]);
        }
    }
    return (n + OL_PYRAMID_FOLD - 1) / OL_PYRAMID_FOLD;
}

void ol_pyramid_pack(const ol_pyramid_bucket *in, size_t n, uint32_t trace, float least_step_uv, float *zero_uv,
                     float *step_uv, int16_t *pairs) {
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = in[i].low[trace] < low ? in[i].low[trace] : low;
        high = in[i].high[trace] > high ? in[i].high[trace] : high;
    }
    const int nothing = low > high;
    const float needed = nothing ? 0 : (high - low) / (2 * MOST_INTEGER);
    *step_uv = needed > least_step_uv ? needed : least_step_uv;
    *zero_uv = nothing ? 0 : *step_uv * rintf((low + high) / 2 / *step_uv);
    for (size_t i = 0; i < n; i++, pairs += 2) {
        const double below = ((double)in[i].low[trace] - *zero_uv) / *step_uv;
        const double above = ((double)in[i].high[trace] - *zero_uv) / *step_uv;
        const int there = in[i].low[trace] <= in[i].high[trace];
        pairs[0] = (int16_t)(there ? floor(below + 0.02) : NOTHING_LOW); /* 0.02: a whole number stays one, 300 mV off zero, too */
        pairs[1] = (int16_t)(there ? ceil(above - 0.02) : NOTHING_HIGH);
    }
}

void ol_pyramid_unpack(const int16_t *pairs, size_t n, uint32_t trace, float zero_uv, float step_uv, ol_pyramid_bucket *out) {
    for (size_t i = 0; i < n; i++, pairs += 2) {
        const int there = pairs[0] <= pairs[1];
        out[i].low[trace] = there ? zero_uv + step_uv * pairs[0] : INFINITY;
        out[i].high[trace] = there ? zero_uv + step_uv * pairs[1] : -INFINITY;
    }
}
