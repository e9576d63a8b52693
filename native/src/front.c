/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to rows of 250 Hz by a windowed sinc (Kaiser 1974), second by second. The delay is taken off: a row is made
 * when the frames it looks ahead to are there. */
#include "ol_front.h"
#include "lanes.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define HALF_PERIODS 6.0
#define KAISER_BETA 6.0

/* Modified Bessel function of order 0, by its series. */
static double bessel_i0(double x) {
    double term = 1, sum = 1;
    for (int k = 1; k < 40; k++) {
        term *= x * x / (4.0 * k * k);
        sum += term;
    }
    return sum;
}

/* The filter of one place between two frames; it cuts at the lower of the two Nyquist rates. */
static void design_phase(ol_front *f, double slow, int phase) {
    double sum = 0, tap[2 * OL_FRONT_REACH];
    for (uint32_t k = 0; k < 2 * f->reach; k++) {
        const double x = ((double)k - (double)f->reach + 1 - (double)phase / OL_FRONT_PHASES) / slow;
        const double u = x / HALF_PERIODS;
        const double window = u * u < 1 ? bessel_i0(KAISER_BETA * sqrt(1 - u * u)) / bessel_i0(KAISER_BETA) : 0;
        tap[k] = window * (fabs(x) < 1e-9 ? 1 : sin(PI * x) / (PI * x));
        sum += tap[k];
    }
    for (uint32_t k = 0; k < 2 * f->reach; k++) {
        f->filter[phase][k] = (float)(fabs(tap[k]) < 1e-12 ? 0 : tap[k] / sum);
    }
}

static void design(ol_front *f) {
    const double slow = f->frames_per_row > 1 ? f->frames_per_row : 1;
    f->reach = (uint32_t)ceil(HALF_PERIODS * slow);
    for (int phase = 0; phase <= OL_FRONT_PHASES; phase++) {
        design_phase(f, slow, phase);
    }
    if (f->frames_per_row == floor(f->frames_per_row)) {
        for (uint32_t k = 0; k < 2 * f->reach; k++) {
            if (f->filter[0][k] != 0) {
                f->tap_at[f->n_taps++] = (uint8_t)k;
            }
        }
    }
}

int ol_front_init(ol_front *f, double fs_hz, uint32_t n_leads, float rail_uv) {
    memset(f, 0, sizeof *f);
    const int status = ol_quality_init(&f->quality, fs_hz, n_leads, rail_uv);
    if (status != OL_OK) {
        return status;
    }
    f->frames_per_row = fs_hz / OL_ROW_HZ;
    f->n_leads = n_leads;
    design(f);
    return OL_OK;
}

/* Forget what no row to come is made of. */
static void drop_used(ol_front *f) {
    const int64_t needed = (int64_t)((double)f->n_rows * f->frames_per_row) - (int64_t)f->reach + 1;
    const uint32_t used = needed > f->input_first ? (uint32_t)(needed - f->input_first) : 0;
    f->n_input -= used;
    f->input_first += used;
    memmove(f->input, f->input + used, f->n_input * sizeof *f->input);
}

/* sum over k of filter[k] * input[k] */
OL_INLINE lanes convolve(const float *filter, const float (*input)[8], uint32_t n) {
    lanes sum = {0};
    for (uint32_t k = 0; k < n; k++) {
        sum += load8(input[k]) * filter[k];
    }
    return sum;
}

OL_INLINE lanes convolve_taps(const ol_front *f, const float (*input)[8]) {
    lanes even = {0}, odd = {0};
    uint32_t k = 0;
    for (; k + 1 < f->n_taps; k += 2) { /* two sums: an addition takes longer than it takes to begin one */
        even += load8(input[f->tap_at[k]]) * f->filter[0][f->tap_at[k]];
        odd += load8(input[f->tap_at[k + 1]]) * f->filter[0][f->tap_at[k + 1]];
    }
    if (k < f->n_taps) {
        even += load8(input[f->tap_at[k]]) * f->filter[0][f->tap_at[k]];
    }
    return even + odd;
}

/* All rows that lie before frame `end` of the stretch. */
OL_CLONES static int32_t make_rows(ol_front *f, int64_t end, float (*rows)[8]) {
    int32_t n = 0;
    for (; n < OL_FRONT_ROWS; n++, f->n_rows++) {
        const double at = (double)f->n_rows * f->frames_per_row;
        if (at >= (double)end) {
            break;
        }
        const int64_t frame = (int64_t)(at + 0.5 / OL_FRONT_PHASES);
        const float (*input)[8] = (const float(*)[8])f->input + (frame - (int64_t)f->reach + 1 - f->input_first);
        if (f->n_taps) {
            store8(rows[n], convolve_taps(f, input));
        } else {
            const int phase = (int)((at - (double)frame) * OL_FRONT_PHASES + 0.5);
            store8(rows[n], convolve(f->filter[phase], input, 2 * f->reach));
        }
    }
    return n;
}

static void give(ol_front *f, ol_second *out) {
    out->origin = f->origin;
    out->first_row = f->n_rows;
    out->quality = f->second;
    out->n_rows = make_rows(f, f->second_end, out->rows);
    f->has_second = 0;
    drop_used(f);
}

/* Frames to come: microvolts, or the integers of a recording and what one step of each lead is. */
typedef struct {
    const float *uv;
    const int32_t *counts;
    const float *scale_uv;
} source;

OL_INLINE lanes given_frame(const source *from, size_t at, uint32_t n_leads, lanes scale) {
    if (from->uv) {
        float frame[8] = {0};
        memcpy(frame, from->uv + at * n_leads, n_leads * sizeof *frame);
        return load8(frame);
    }
    lane_mask frame = {0};
    memcpy(&frame, from->counts + at * n_leads, n_leads * sizeof(int32_t));
    return __builtin_convertvector(frame, lanes) * scale;
}

OL_INLINE lanes scale_of(const source *from, uint32_t n_leads) {
    float scale[8] = {0};
    if (!from->uv) {
        memcpy(scale, from->scale_uv, n_leads * sizeof *scale);
    }
    return load8(scale);
}

/* Copies frames in, each value that is none replaced by the one before. Lanes of `bad` become 1 where one was. */
OL_INLINE void copy_frames(ol_front *f, source from, size_t first, size_t n, uint32_t n_leads, float *bad_lanes) {
    const lanes scale = scale_of(&from, n_leads);
    lanes last = load8(f->last);
    lane_mask bad = {0};
    for (size_t i = 0; i < n; i++) {
        const lanes given = given_frame(&from, first + i, n_leads, scale);
        last = lanes_sound(given, last);
        bad |= last != given;
        store8(f->input[f->n_input + i], last);
    }
    store8(f->last, last);
    store8(bad_lanes, lanes_one_if(bad));
}

/* Eight leads, known to be eight, are one vector. Returns the leads that had a value that is none. */
OL_CLONES static uint8_t copy_in(ol_front *f, const source *from, size_t first, size_t n) {
    const source counts = {NULL, from->counts, from->scale_uv}, uv = {from->uv, NULL, NULL};
    float bad[8];
    uint8_t leads = 0;
    if (f->n_leads == 8 && from->uv) {
        copy_frames(f, uv, first, n, 8, bad);
    } else if (f->n_leads == 8) {
        copy_frames(f, counts, first, n, 8, bad);
    } else {
        copy_frames(f, *from, first, n, f->n_leads, bad);
    }
    for (uint32_t k = 0; k < f->n_leads; k++) {
        leads |= (uint8_t)(bad[k] > 0 ? 1u << k : 0);
    }
    return leads;
}

/* Before the first frame stands the first frame. */
static void begin_stretch(ol_front *f, const source *from, size_t first) {
    memset(f->last, 0, sizeof f->last);
    f->n_input = 0;
    copy_in(f, from, first, 1);
    f->input_first = 1 - (int64_t)f->reach;
    for (; f->n_input + 1 < f->reach; f->n_input++) {
        memcpy(f->input[f->n_input], f->last, sizeof f->last);
    }
}

static int64_t frames_needed(const ol_front *f) {
    return f->second_end + (int64_t)f->reach + 1;
}

/* Frames that may be taken before a second is complete, or given. */
static size_t until_next(const ol_front *f, size_t n) {
    const int64_t to_end = f->quality.per_second - f->quality.n;
    const int64_t to_give = f->has_second ? frames_needed(f) - f->n_frames : to_end;
    const int64_t most = to_give < to_end ? to_give : to_end;
    return (int64_t)n < most ? n : (size_t)most;
}

static void take(ol_front *f, const source *from, const uint8_t *lead_off, size_t first, size_t n) {
    if (!f->n_frames) {
        begin_stretch(f, from, first);
    }
    f->quality.off |= copy_in(f, from, first, n);
    const float (*sound)[8] = (const float(*)[8])f->input + f->n_input;
    if (ol_quality_push(&f->quality, sound, lead_off ? lead_off + first : NULL, n, &f->second)) {
        f->has_second = 1;
        f->second_end = f->n_frames + (int64_t)n;
    }
    f->n_input += (uint32_t)n;
    f->n_frames += (int64_t)n;
}

static size_t push(ol_front *f, const source *from, const uint8_t *lead_off, size_t n, ol_second *second, int *is_full) {
    size_t taken = 0;
    *is_full = 0;
    while (taken < n && !*is_full) {
        const size_t some = until_next(f, n - taken);
        take(f, from, lead_off, taken, some);
        taken += some;
        if (f->has_second && f->n_frames >= frames_needed(f)) {
            give(f, second);
            *is_full = 1;
        }
    }
    return taken;
}

size_t ol_front_push(ol_front *f, const float *frames_uv, const uint8_t *lead_off, size_t n, ol_second *second,
                     int *is_full) {
    const source from = {frames_uv, NULL, NULL};
    return push(f, &from, lead_off, n, second, is_full);
}

size_t ol_front_push_counts(ol_front *f, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off, size_t n,
                            ol_second *second, int *is_full) {
    const source from = {NULL, counts, scale_uv};
    return push(f, &from, lead_off, n, second, is_full);
}

/* After the last frame stands the last frame. */
static void pad(ol_front *f) {
    for (uint32_t k = 0; k <= f->reach; k++) {
        memcpy(f->input[f->n_input++], f->last, sizeof f->last);
    }
    f->is_padded = 1;
}

int ol_front_end(ol_front *f, ol_second *second) {
    if (f->n_frames && !f->is_padded) {
        pad(f);
    }
    if (!f->has_second && f->n_frames && ol_quality_end(&f->quality, &f->second)) {
        f->has_second = 1;
        f->second_end = f->n_frames;
    }
    if (f->has_second) {
        give(f, second);
        return 1;
    }
    return 0;
}

void ol_front_skip(ol_front *f, int64_t n_missing) {
    ol_quality_skip(&f->quality, n_missing);
    f->origin += f->n_frames + n_missing;
    f->n_frames = f->n_rows = 0;
    f->is_padded = 0;
}
