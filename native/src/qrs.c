/* SPDX-License-Identifier: Apache-2.0 */
/* The detector's outside: frames in, gaps, and what is decided out. */
#include "lanes.h"
#include "ol_error.h"
#include "qrs_parts.h"
#include <math.h>

#define LEAST_RATE_HZ 150.0
#define BRIDGE_S 0.04    /* a shorter gap is filled with the frame before it */
#define FREE_TO_GO_ON 64 /* places a queue must have before more is taken in */
#define ASYSTOLE_S 3.0

static const double wander_hz = 1.0;

/* Begin at frame q->frame as if nothing had been before; rhythm and backgrounds are kept. */
static void restart(ol_qrs *q) {
    q->origin = q->frame - (int64_t)(OL_QRS_HALF * q->step);
    q->started = 0;
    q->n_sum = q->n_block = 0;
    memset(q->sum, 0, sizeof q->sum);
    q->n_env = q->n_slots = q->n_verdicts = 0;
    q->n_found = q->n_known = q->n_decided = q->peak_at = 0;
    q->last_beat = NO_BEAT;
    q->vf_from = -1;
    q->quiet_from = q->frame;
}

int ol_qrs_init(ol_qrs *q, double fs_hz, uint32_t n_leads, float rail_uv) {
    memset(q, 0, sizeof *q);
    const int error = ol_quality_init(&q->quality, fs_hz, n_leads, rail_uv);
    if (error) {
        return error;
    }
    q->fs_hz = fs_hz;
    q->n_leads = n_leads;
    q->step = fs_hz >= 2 * LEAST_RATE_HZ ? (uint32_t)(fs_hz / LEAST_RATE_HZ) : 1;
    q->rate_hz = fs_hz / q->step;
    q->slot_frames = (int64_t)lround(q->rate_hz);
    q->unusable_from = -1;
    for (uint32_t k = 0; k < n_leads; k++) {
        q->seconds_score[k] = 1;
    }
    qrs_design(q);
    restart(q);
    return OL_OK;
}

size_t ol_qrs_size(void) {
    return sizeof(ol_qrs);
}

static void put_span(ol_qrs *q, int64_t first_frame, int64_t end_frame, int kind) {
    if (end_frame > first_frame && q->n_spans < OL_QRS_QUEUE) {
        q->spans[q->n_spans++] = (ol_span){first_frame, end_frame, kind, 0};
    }
}

/* A stretch of fibrillation, or that cannot be used, is no pause. */
void qrs_emit_span(ol_qrs *q, int64_t first_frame, int64_t end_frame, int kind) {
    const int64_t start = first_frame_of(q);
    first_frame = first_frame > start ? first_frame : start;
    end_frame = end_frame < q->frame ? end_frame : q->frame;
    const int apart = first_frame > q->masked_end || q->masked_end <= q->quiet_from;
    q->masked_from = apart || first_frame < q->masked_from ? first_frame : q->masked_from;
    q->masked_end = apart || end_frame > q->masked_end ? end_frame : q->masked_end;
    put_span(q, first_frame, end_frame, kind);
}

static void note_quiet(ol_qrs *q, int64_t from, int64_t until) {
    if ((double)(until - from) > ASYSTOLE_S * q->fs_hz) {
        put_span(q, from, until, OL_SPAN_ASYSTOLE);
    }
}

/* No beat from quiet_from until the one that is now known, or the end. */
static void note_pause(ol_qrs *q, int64_t until) {
    if (q->masked_end > q->quiet_from && q->masked_from < until) {
        note_quiet(q, q->quiet_from, q->masked_from);
        note_quiet(q, q->masked_end, until);
    } else {
        note_quiet(q, q->quiet_from, until);
    }
    q->quiet_from = until;
}

static void note_pauses(ol_qrs *q, uint32_t first_beat) {
    for (uint32_t i = first_beat; i < q->n_beats; i++) {
        note_pause(q, q->beats[i].frame);
    }
}

static void decide(ol_qrs *q, int is_last) {
    const uint32_t beats = q->n_beats;
    qrs_find_candidates(q);
    qrs_judge_rhythm(q, is_last);
    qrs_weigh_candidates(q, is_last);
    qrs_decide(q, is_last);
    note_pauses(q, beats);
}

/* wave[n] = a (wave[n-1] + x[n] - x[n-1]): the lead that counts most, freed of its baseline. */
static void note_wave(ol_qrs *q) {
    const float a = (float)(1 / (1 + 6.283185307179586 * wander_hz / q->rate_hz));
    uint32_t lead = 0;
    for (uint32_t k = 1; k < q->n_leads; k++) {
        lead = q->weights[k] > q->weights[lead] ? k : lead;
    }
    for (uint32_t i = 0; i < OL_QRS_BLOCK; i++) {
        const int64_t n = q->n_env + i;
        const float step = q->x[OL_QRS_HALF + i][lead] - q->x[OL_QRS_HALF + i - 1][lead];
        const float before = n ? q->wave[(n - 1) & RING_MASK] : 0;
        q->wave[n & RING_MASK] = a * (before + step);
    }
}

static void push_block(ol_qrs *q, int is_padding) {
    note_wave(q);
    qrs_filter_block(q);
    q->n_block = 0;
    if (!is_padding) {
        decide(q, 0);
    }
}

/* Adds a frame to the sum that becomes a detection frame: x[m] = mean of `step` frames. */
OL_INLINE int add_frame(ol_qrs *q, lanes v) {
    lanes sum = load8(q->sum) + v;
    const int complete = ++q->n_sum == q->step;
    if (complete) {
        store8(q->x[2 * OL_QRS_HALF + q->n_block++], sum * (1.0f / (float)q->step));
        sum = sum - sum;
        q->n_sum = 0;
    }
    store8(q->sum, sum);
    return complete && q->n_block == OL_QRS_BLOCK;
}

OL_INLINE void begin_with(ol_qrs *q, lanes v) {
    for (uint32_t i = 0; i < 2 * OL_QRS_HALF; i++) {
        store8(q->x[i], v);
    }
    q->started = 1;
}

/* Takes frames up to the end of a block. Returns how many; sets `*full` at the end of one. */
OL_CLONES static size_t fill_block(ol_qrs *q, const float *x, size_t n, int *full) {
    lanes last = load8(q->last);
    size_t i = 0;
    *full = 0;
    for (; i < n && !*full; i++, x += q->n_leads) {
        last = load_frame(x, q->n_leads, last);
        if (!q->started) {
            begin_with(q, last);
        }
        *full = add_frame(q, last);
    }
    store8(q->last, last);
    return i;
}

static void use_second(ol_qrs *q, const ol_quality_second *second) {
    float best = 0;
    for (uint32_t k = 0; k < q->n_leads; k++) {
        q->seconds_score[k] = second->score[k];
        best = larger(best, second->score[k]);
    }
    if (best <= 0 && q->unusable_from < 0) {
        q->unusable_from = second->first_frame;
    } else if (best > 0 && q->unusable_from >= 0) {
        qrs_emit_span(q, q->unusable_from, second->first_frame, OL_SPAN_UNUSABLE);
        q->unusable_from = -1;
    }
    q->seconds[q->n_seconds++] = *second;
}

static int has_room(const ol_qrs *q) {
    const uint32_t most = OL_QRS_QUEUE - FREE_TO_GO_ON;
    return q->n_beats <= most && q->n_spans <= most && q->n_seconds <= most;
}

size_t ol_qrs_push(ol_qrs *q, const float *frames_uv, const uint8_t *lead_off, size_t n) {
    size_t taken = 0;
    while (taken < n && has_room(q)) {
        ol_quality_second second;
        int done = 0;
        int full = 0;
        const float *at = frames_uv + taken * q->n_leads;
        const size_t left = n - taken, to_block = (size_t)(OL_QRS_BLOCK - q->n_block) * q->step - q->n_sum;
        size_t some = left < to_block ? left : to_block;
        some = ol_quality_push(&q->quality, at, lead_off ? lead_off + taken : NULL, some, &second, &done);
        fill_block(q, at, some, &full);
        q->frame += (int64_t)some;
        taken += some;
        if (done) {
            use_second(q, &second);
        }
        if (full) {
            push_block(q, 0);
        }
    }
    return taken;
}

/* The filters look OL_QRS_HALF ahead: go on with the last frame until all that came is through. */
static void flush(ol_qrs *q) {
    const int64_t needed = OL_QRS_HALF + in_frames(q, 0.1) + OL_QRS_BLOCK;
    for (int64_t i = 0; i < needed * (int64_t)q->step && q->started; i++) {
        if (add_frame(q, load8(q->last))) {
            push_block(q, 1);
        }
    }
    decide(q, 1);
}

static void end_stretch(ol_qrs *q, int64_t n_missing) {
    ol_quality_second second;
    flush(q);
    if (ol_quality_gap(&q->quality, n_missing, &second)) {
        use_second(q, &second);
    }
    if (q->unusable_from >= 0) {
        qrs_emit_span(q, q->unusable_from, q->frame, OL_SPAN_UNUSABLE);
        q->unusable_from = -1;
    }
    note_pause(q, q->frame);
}

static void bridge(ol_qrs *q, int64_t n_missing) {
    float frame[8];
    memcpy(frame, q->last, sizeof frame);
    for (int64_t i = 0; i < n_missing; i++) {
        ol_qrs_push(q, frame, NULL, 1);
    }
}

int ol_qrs_gap(ol_qrs *q, int64_t n_missing) {
    if (n_missing < 0 || n_missing > INT64_MAX / 2 - q->frame) {
        return OL_E_ARGUMENT;
    }
    if (!has_room(q)) {
        return OL_E_ROOM;
    }
    if (q->started && (double)n_missing <= BRIDGE_S * q->fs_hz) {
        bridge(q, n_missing);
        return OL_OK;
    }
    end_stretch(q, n_missing);
    put_span(q, q->frame, q->frame + n_missing, OL_SPAN_GAP);
    q->frame += n_missing;
    restart(q);
    return OL_OK;
}

int ol_qrs_finish(ol_qrs *q) {
    if (!has_room(q)) {
        return OL_E_ROOM;
    }
    end_stretch(q, 0);
    restart(q);
    return OL_OK;
}

static size_t drain(void *queue, uint32_t *n, void *out, size_t room, size_t size) {
    const size_t some = *n < room ? *n : room;
    if (some) {
        memcpy(out, queue, some * size);
        memmove(queue, (uint8_t *)queue + some * size, (*n - some) * size);
        *n -= (uint32_t)some;
    }
    return some;
}

size_t ol_qrs_beats(ol_qrs *q, ol_beat *out, size_t room) {
    return drain(q->beats, &q->n_beats, out, room, sizeof *out);
}

size_t ol_qrs_spans(ol_qrs *q, ol_span *out, size_t room) {
    return drain(q->spans, &q->n_spans, out, room, sizeof *out);
}

size_t ol_qrs_seconds(ol_qrs *q, ol_quality_second *out, size_t room) {
    return drain(q->seconds, &q->n_seconds, out, room, sizeof *out);
}
