/* SPDX-License-Identifier: Apache-2.0 */
/* Seconds in, beats out: rings, the queue of beats. */
#include "ol_wave.h"

#include "lanes.h"
#include "wave_decode.h"
#include "wave_net.h"

#include <math.h>

#define LAST_MS 760.0 /* of a beat: scores up to here are read */

/* A stretch begins: nothing is known but the beats that wait. */
static void begin_stretch(ol_waves *w) {
    w->n_rows = w->n_fed = w->n_blocks = w->n_seconds = 0;
    w->has_previous = w->is_padded = 0;
    w->good = 0xff;
    ol_wave_net_init(&w->net);
}

int ol_waves_init(ol_waves *w, uint32_t n_leads, int32_t lead_i, int32_t lead_ii) {
    if (n_leads < 1 || n_leads > OL_WAVE_LEADS || lead_i >= (int32_t)n_leads || lead_ii >= (int32_t)n_leads) {
        return OL_E_ARGUMENT;
    }
    memset(w, 0, sizeof *w);
    w->n_leads = n_leads;
    w->lead_i = lead_i;
    w->lead_ii = lead_ii;
    begin_stretch(w);
    return OL_OK;
}

int ol_waves_tell(ol_waves *w, double at_ms) {
    const uint32_t last = (w->queue_first + w->queue_n + OL_WAVE_QUEUE - 1) % OL_WAVE_QUEUE;
    const double before_ms = w->queue_n ? w->queue_ms[last] : w->has_previous ? w->previous_ms : -1e18;
    if (!(at_ms > before_ms && at_ms < 1e18)) {
        return OL_E_ARGUMENT;
    }
    if (w->queue_n == OL_WAVE_QUEUE) {
        return OL_E_ROOM;
    }
    w->queue_ms[(w->queue_first + w->queue_n++) % OL_WAVE_QUEUE] = at_ms;
    return OL_OK;
}

/* Scores are known up to here. */
static double scored_ms(const ol_waves *w) {
    return (double)(w->n_blocks * OL_WAVE_STEPS - OL_WAVE_DELAY) * STEP_MS;
}

static int is_ready(const ol_waves *w) {
    return w->queue_n && scored_ms(w) >= w->queue_ms[w->queue_first] + LAST_MS;
}

static wave_place place_of(const ol_waves *w, double at_ms) {
    const double far_ms = 10000;
    wave_place place = {.at_ms = at_ms, .before_ms = at_ms - far_ms, .after_ms = at_ms + far_ms};
    if (w->has_previous) {
        place.before_ms = w->previous_ms;
    }
    if (w->queue_n) {
        place.after_ms = w->queue_ms[w->queue_first];
    }
    return place;
}

static void measure_next(ol_waves *w, ol_wave_beat *beat) {
    const double at_ms = w->queue_ms[w->queue_first];
    w->queue_first = (w->queue_first + 1) % OL_WAVE_QUEUE;
    w->queue_n--;
    memset(beat, 0, sizeof *beat);
    const wave_place place = place_of(w, at_ms);
    beat->rr_ms = w->has_previous ? (float)(at_ms - w->previous_ms) : NAN;
    wave_decode(w, &place, beat);
    wave_extra_p(w, &place, beat);
    wave_measure(w, &place, beat);
    w->previous_ms = at_ms;
    w->has_previous = 1;
}

static size_t drain(ol_waves *w, ol_wave_beat *out, size_t room) {
    size_t n = 0;
    while (n < room && is_ready(w)) {
        measure_next(w, &out[n++]);
    }
    return n;
}

static void run_block(ol_waves *w) {
    const uint32_t step = (uint32_t)(w->n_blocks * OL_WAVE_STEPS % OL_WAVE_SCORE_STEPS);
    ol_wave_net_run(&w->net, w->good & ((1u << w->n_leads) - 1), &w->scores, step);
    w->n_blocks++;
    w->good = 0xff;
}

OL_INLINE lane_mask whole_of(lanes d) {
    const lanes top = d - d + 32767.0f;
    d = lanes_max(lanes_min(d, top), -top);
    return __builtin_convertvector(d + 32768.5f, lane_mask) - 32768;
}

/* The network is given differences over two rows, of every second row; two of them to a word. */
OL_INLINE void put_difference(ol_waves *w, lanes d) {
    const size_t row = (size_t)w->n_fed % OL_WAVE_BLOCK;
    int32_t *word = w->net.diff[OL_WAVE_DIFF_HISTORY + row / OL_WAVE_STEP_ROWS];
    lane_mask pair, whole = whole_of(d * OL_WAVE_DIFF_PER_UV);
    memcpy(&pair, word, sizeof pair);
    pair = row % OL_WAVE_STEP_ROWS == 1 ? whole & 0xffff : pair | (whole << 16);
    memcpy(word, &pair, sizeof pair);
}

/* Rows of one block or less. */
OL_CLONES static void take_rows(ol_waves *w, const float (*rows)[8], int32_t n) {
    lanes last = load8(w->n_fed ? w->last_odd : rows[0]);
    for (int32_t i = 0; i < n; i++, w->n_fed++) {
        const lanes x = load8(rows[i]);
        store8(w->signal[(size_t)w->n_fed % OL_WAVE_SIGNAL_ROWS], x);
        if (w->n_fed % 2) {
            put_difference(w, x - last);
            last = x;
        }
    }
    store8(w->last_odd, last);
}

/* The same, and what the block that it fills makes ready. */
static size_t take_some(ol_waves *w, const float (*rows)[8], int32_t n, ol_wave_beat *out, size_t room) {
    take_rows(w, rows, n);
    if (w->n_fed % OL_WAVE_BLOCK != 0) {
        return 0;
    }
    run_block(w);
    return drain(w, out, room);
}

static int32_t until_block(const ol_waves *w, int32_t n) {
    const int32_t left = OL_WAVE_BLOCK - (int32_t)(w->n_fed % OL_WAVE_BLOCK);
    return n < left ? n : left;
}

/* Writes down which leads are good in a second, and returns them. */
static uint32_t note_leads(ol_waves *w, const ol_quality_second *quality) {
    uint32_t good = 0;
    for (uint32_t k = 0; k < w->n_leads; k++) {
        good |= quality->flags[k] & OL_QUALITY_UNUSABLE ? 0 : 1u << k;
    }
    w->second_row[w->n_seconds % OL_WAVE_SECONDS] = w->n_rows;
    w->second_good[w->n_seconds++ % OL_WAVE_SECONDS] = (uint8_t)good;
    return good;
}

size_t ol_waves_take(ol_waves *w, const ol_second *s, ol_wave_beat *out, size_t room) {
    if (s->first_row == 0 && w->n_fed) {
        begin_stretch(w);
    }
    const uint32_t good = note_leads(w, &s->quality);
    size_t n = drain(w, out, room);
    for (int32_t at = 0, some; at < s->n_rows; at += some) {
        some = until_block(w, s->n_rows - at);
        w->good &= good;
        w->n_rows += some;
        n += take_some(w, s->rows + at, some, out + n, room - n);
    }
    return n;
}

/* After the last row stands the last row, for as long as the network looks ahead. */
static size_t pad(ol_waves *w, ol_wave_beat *out, size_t room) {
    float rows[OL_WAVE_BLOCK][8];
    size_t n = 0;
    for (int32_t k = 0; k < OL_WAVE_BLOCK; k++) {
        memcpy(rows[k], w->signal[(w->n_rows - 1) % OL_WAVE_SIGNAL_ROWS], sizeof rows[k]);
    }
    for (int32_t left = (OL_WAVE_DELAY + OL_WAVE_STEPS) * OL_WAVE_STEP_ROWS, some; left > 0; left -= some) {
        some = until_block(w, left);
        n += take_some(w, (const float(*)[8])rows, some, out + n, room - n);
    }
    return n;
}

size_t ol_waves_end(ol_waves *w, ol_wave_beat *out, size_t room) {
    size_t n = 0;
    if (w->n_rows && !w->is_padded) {
        n = pad(w, out, room);
        w->is_padded = 1;
    }
    for (; n < room && w->queue_n; n++) {
        measure_next(w, &out[n]);
    }
    if (!w->queue_n) {
        begin_stretch(w);
    }
    return n;
}
