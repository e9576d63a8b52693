/* SPDX-License-Identifier: Apache-2.0 */
/* First pass over the signal: a ring of high-passed rows, and out of it one record a beat. */
#include "beat_measure.h"
#include "lanes.h"
#include "ol_beat.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

#define HIGH_PASS_POLE 0.9899973f /* exp(-2 pi 0.4 Hz / 250 Hz) */
#define LATEST_MS 1e13

enum { CENTRE_ROWS = 22 }; /* the fiducial point is looked for so far around the beat */

int ol_beats_init(ol_beats *b, uint32_t n_leads, const uint8_t *channels) {
    if (!b || !channels || n_leads < 1 || n_leads > OL_BEAT_LANES || channels[0] >= n_leads || channels[1] >= n_leads) {
        return OL_E_ARGUMENT;
    }
    memset(b, 0, sizeof *b);
    b->n_leads = n_leads;
    b->channel[0] = channels[0];
    b->channel[1] = channels[1];
    return OL_OK;
}

int ol_beats_tell(ol_beats *b, double at_ms) {
    if (!(fabs(at_ms) <= LATEST_MS)) {
        return OL_E_ARGUMENT;
    }
    if (b->pending_n == OL_BEAT_PENDING) {
        return OL_E_ROOM;
    }
    b->pending_ms[(b->pending_at + b->pending_n++) % OL_BEAT_PENDING] = at_ms;
    return OL_OK;
}

/* Two first-order high-passes y[n] = a (y[n-1] + x[n] - x[n-1]): differences first, so that an electrode's offset of
 * 300 mV costs no precision. */
OL_CLONES static void take_rows(ol_beats *b, const ol_second *s) {
    lanes last = load8(b->last), high1 = load8(b->high1), high2 = load8(b->high2);
    for (int32_t i = 0; i < s->n_rows; i++) {
        const lanes x = load8(s->rows[i]), before = high1;
        high1 = HIGH_PASS_POLE * (high1 + (x - last));
        high2 = HIGH_PASS_POLE * (high2 + (high1 - before));
        last = x;
        store8(b->ring[(b->n_rows + i) % OL_BEAT_RING], high2);
    }
    store8(b->last, last);
    store8(b->high1, high1);
    store8(b->high2, high2);
    b->n_rows += s->n_rows;
}

static void take_quality(ol_beats *b, const ol_second *s) {
    const uint32_t at = b->n_seconds++ % OL_BEAT_SECONDS;
    b->second_row[at] = b->n_rows;
    b->good[at] = 0;
    for (uint32_t k = 0; k < b->n_leads; k++) {
        b->good[at] |= (uint8_t)(s->quality.flags[k] & OL_QUALITY_UNUSABLE ? 0 : 1u << k);
    }
}

/* Leads usable in the second that holds `row`, or the nearest one. */
static uint8_t good_at(const ol_beats *b, int64_t row) {
    uint32_t i = b->n_seconds;
    const uint32_t first = i > OL_BEAT_SECONDS ? i - OL_BEAT_SECONDS : 0;
    while (i > first + 1 && b->second_row[(i - 1) % OL_BEAT_SECONDS] > row) {
        i--;
    }
    return i ? b->good[(i - 1) % OL_BEAT_SECONDS] : 0;
}

/* Rows of the ring around `middle`; those not in it are as the nearest one. */
static void take_piece(const ol_beats *b, int64_t middle, beat_piece *p) {
    const int64_t newest = b->n_rows - 1, first = middle - BEAT_ROWS_BEFORE;
    const int64_t oldest = newest >= OL_BEAT_RING ? newest - OL_BEAT_RING + 1 : 0;
    if (newest < 0) {
        memset(p->row, 0, sizeof p->row);
        return;
    }
    for (int i = 0; i < BEAT_ROWS; i++) {
        const int64_t row = first + i, at = row < oldest ? oldest : row > newest ? newest : row;
        memcpy(p->row[i], b->ring[at % OL_BEAT_RING], sizeof p->row[i]);
    }
}

/* Centre of the squared slopes of all leads around `place` of the piece. */
OL_INLINE float centre_of_slopes(const beat_piece *p, float place) {
    const int middle = (int)(place + 0.5f);
    float weight = 0.0f, moment = 0.0f;
    for (int i = -CENTRE_ROWS; i < CENTRE_ROWS; i++) {
        const lanes d = load8(p->row[middle + i + 1]) - load8(p->row[middle + i]);
        const float slope = lanes_sum(d * d), square = slope * slope;
        weight += square;
        moment += square * ((float)i + 0.5f);
    }
    return weight > 0.0f ? (float)middle + moment / weight : place;
}

/* Fill the window: linear interpolation at every 5 ms, then [1 2 1]/4. Four steps are five rows. */
OL_INLINE void fill_window(ol_beats *b, const beat_piece *p, float centre) {
    lanes raw[BEAT_SPAN + 4];
    const float step = (float)OL_BEAT_GRID_MS / OL_ROW_MS;
    for (int phase = 0; phase < 4; phase++) {
        const float place = centre + (float)(phase - BEAT_BEFORE - 1) * step;
        const int whole = (int)place;
        const float part = place - (float)whole;
        for (int i = 0; 4 * i < BEAT_SPAN + 2; i++) {
            const lanes a = load8(p->row[whole + 5 * i]), c = load8(p->row[whole + 5 * i + 1]);
            raw[4 * i + phase] = a + part * (c - a);
        }
    }
    for (int i = 0; i < BEAT_SPAN; i++) {
        store8(b->window[i], 0.25f * (raw[i] + raw[i + 2]) + 0.5f * raw[i + 1]);
    }
}

/* Fills the window around the centre of the QRS and returns that place of the piece. */
OL_CLONES static float centre_window(ol_beats *b, const beat_piece *p) {
    const float centre = centre_of_slopes(p, centre_of_slopes(p, (float)BEAT_ROWS_BEFORE));
    fill_window(b, p, centre);
    return centre;
}

static void measure(ol_beats *b, double at_ms, ol_beat_record *out) {
    beat_piece p;
    const double told = at_ms / OL_ROW_MS;
    const int64_t middle = (int64_t)floor(told + 0.5);
    memset(out, 0, sizeof *out);
    out->flags = (uint8_t)(b->gap_open ? OL_BEAT_GAP_BEFORE : 0);
    b->gap_open = 0;
    take_piece(b, middle, &p);
    const float centre = centre_window(b, &p);
    const uint8_t good = good_at(b, middle - CENTRE_ROWS) & good_at(b, middle + CENTRE_ROWS);
    const int shift = beat_measure(b, good, out);
    beat_spike(b, &p, (int)(centre + 0.5f), out);
    const double after = (double)centre - BEAT_ROWS_BEFORE + ((double)middle - told);
    out->fiducial_ms = (int16_t)lrint(after * OL_ROW_MS + shift * OL_BEAT_GRID_MS);
}

/* Measure the pending beats whose window is in the ring, or all of them. */
static size_t complete(ol_beats *b, int all, ol_beat_record *out, size_t room) {
    size_t n = 0;
    for (; b->pending_n && n < room; n++) {
        const double at_ms = b->pending_ms[b->pending_at];
        if (!all && at_ms / OL_ROW_MS + BEAT_ROWS_AFTER + 1 >= (double)b->n_rows) {
            break;
        }
        measure(b, at_ms, &out[n]);
        b->pending_at = (b->pending_at + 1) % OL_BEAT_PENDING;
        b->pending_n--;
    }
    return n;
}

static void forget_stretch(ol_beats *b) {
    b->gap_open |= b->n_rows > 0;
    b->n_rows = 0;
    b->n_seconds = 0;
    memset(b->high1, 0, sizeof b->high1);
    memset(b->high2, 0, sizeof b->high2);
}

size_t ol_beats_take(ol_beats *b, const ol_second *second, ol_beat_record *out, size_t room) {
    if (second->first_row == 0) {
        forget_stretch(b);
        memcpy(b->last, second->rows[0], sizeof b->last);
    }
    take_quality(b, second);
    take_rows(b, second);
    return complete(b, 0, out, room);
}

size_t ol_beats_end(ol_beats *b, ol_beat_record *out, size_t room) {
    const size_t n = complete(b, 1, out, room);
    if (!b->pending_n) {
        forget_stretch(b);
    }
    return n;
}
