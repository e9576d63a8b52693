/* SPDX-License-Identifier: Apache-2.0 */
/* From scores to the place of a boundary.
 *
 * Within the window where a boundary may be, 2^score / (1 + sum of 2^score) is the probability of each place, and what is
 * missing to 1 that there is no such boundary: the network was trained under just this reading. A boundary is put where
 * most of the probability lies within a tolerance, and there at its centre of mass, which is what the scores by tolerance
 * (CSE Working Party 1985, doi:10.1093/oxfordjournals.eurheartj.a061773) ask for.
 */
#include "wave_window.h"

#include "lanes.h"
#include "wave_decode.h"
#include "wave_net.h"

#include <math.h>

typedef int16_t short_lanes __attribute__((vector_size(16)));

/* Half of the tolerance, in rows. */
static const int32_t half_width[OL_WAVE_N_BOUNDARIES] = {2, 1, 2, 2, 3, 3, 2, 3};
/* Which of the tracks of its rate is a boundary's. */
static const uint8_t track_of[OL_WAVE_N_BOUNDARIES] = {0, 1, 2, 0, 1, 3, 4, 5};

static int is_fast(enum wave_boundary which) {
    return which == QRS_ON || which == QRS_OFF;
}

/* 2^score: the bits of a float are almost its logarithm (Schraudolph 1999, doi:10.1162/089976699300016467). Between whole
 * powers it is a chord, up to 6 % above; what is made of it are ratios, and places to a fraction of a row. */
OL_INLINE lanes power_of_two(const int16_t *score) {
    short_lanes s;
    memcpy(&s, score, sizeof s);
    return (lanes)((__builtin_convertvector(s, lane_mask) << (23 - OL_WAVE_SCORE_BITS)) + (127 << 23));
}

/* The rows of a window that are kept; returns how many. */
static int32_t clip_rows(const ol_waves *w, int per_step, double from_ms, double to_ms, int64_t *first) {
    const double row_ms = STEP_MS / per_step;
    const int64_t delay = OL_WAVE_DELAY * per_step, made = w->n_blocks * OL_WAVE_STEPS * per_step;
    const int64_t oldest = made - OL_WAVE_SCORE_STEPS * per_step > delay ? made - OL_WAVE_SCORE_STEPS * per_step : delay;
    const int64_t end = w->n_rows * per_step / OL_WAVE_STEP_ROWS + delay; /* after the stretch there is nothing */
    int64_t last = (int64_t)floor(to_ms / row_ms - 0.5) + delay;
    *first = (int64_t)ceil(from_ms / row_ms - 0.5) + delay;
    *first = *first < oldest ? oldest : *first;
    last = last >= made ? made - 1 : last;
    last = last >= end ? end - 1 : last;
    last = last > *first + WAVE_MAX_ROWS - 1 ? *first + WAVE_MAX_ROWS - 1 : last;
    return last - *first < 2 ? 0 : (int32_t)(last - *first + 1);
}

OL_CLONES static void accumulate(const int16_t (*track)[8], size_t n_track, size_t at, wave_window *v) {
    lanes sum = {0}, moment = {0};
    store8(v->sum[0], sum);
    store8(v->moment[0], moment);
    for (int32_t t = 0; t < v->n; t++) {
        const lanes mass = power_of_two(track[at]);
        at = at + 1 == n_track ? 0 : at + 1;
        sum += mass;
        moment += mass * (float)t;
        store8(v->sum[t + 1], sum);
        store8(v->moment[t + 1], moment);
    }
}

void wave_open(const ol_waves *w, enum wave_boundary which, int is_pooled, double at_ms, double from_ms, double to_ms,
               wave_window *v) {
    const int per_step = is_fast(which) ? 2 : 1;
    const size_t n_track = OL_WAVE_SCORE_STEPS * (size_t)per_step;
    const uint32_t track = is_pooled ? (is_fast(which) ? 2 : 6) : track_of[which];
    int64_t first;
    v->n = clip_rows(w, per_step, at_ms + from_ms, at_ms + to_ms, &first);
    v->row_ms = (float)(STEP_MS / per_step);
    v->origin_ms = (float)(((double)(first - OL_WAVE_DELAY * per_step) + 0.5) * STEP_MS / per_step - at_ms);
    const int16_t(*scores)[8] = (const int16_t(*)[8])(is_fast(which) ? w->scores.fast[track] : w->scores.slow[track]);
    accumulate(scores, n_track, (size_t)first % n_track, v);
}

/* The rows around which most of the probability lies, and their centre of mass. */
OL_CLONES static void seek(const wave_window *v, int32_t half, wave_lanes *found) {
    lanes top = {0}, centre = {0};
    for (int32_t t = 0; t < v->n; t++) {
        const int32_t low = t > half ? t - half : 0, high = t + half + 1 < v->n ? t + half + 1 : v->n;
        const lanes mass = load8(v->sum[high]) - load8(v->sum[low]);
        const lanes moment = load8(v->moment[high]) - load8(v->moment[low]);
        const lane_mask better = mass > top;
        top = lanes_choose(better, mass, top);
        centre = lanes_choose(better, moment, centre);
    }
    const lanes all = load8(v->sum[v->n]);
    store8(found->ms, centre / top * v->row_ms + v->origin_ms);
    store8(found->likely, all / (all + 1.0f));
}

void wave_seek(const wave_window *v, enum wave_boundary which, wave_lanes *found) {
    if (v->n) {
        seek(v, half_width[which], found);
    } else {
        memset(found, 0, sizeof *found);
    }
}
