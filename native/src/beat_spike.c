/* SPDX-License-Identifier: Apache-2.0 */
/* First pass: is there a stimulation spike? Even where the recorder's bandwidth has made it 15 ms wide it stands above
 * its neighbourhood on both sides, and nothing after it is as steep; a QRS without one has its slopes elsewhere. */
#include "beat_measure.h"

#include <math.h>

enum { LONGEST = 176 };

/* Places in a piece of one lead, in rows of the ring. */
typedef struct piece {
    float x[LONGEST];
    int n, flank, first, last, tail;
} piece;

static void take_piece(const ol_beats *b, int64_t centre, uint32_t lead, piece *p) {
    const double ms = b->ring_hz / 1000.0;
    const int before = (int)(140.0 * ms);
    p->n = before + (int)(167.0 * ms);
    p->flank = (int)(8.4 * ms + 0.5) > 1 ? (int)(8.4 * ms + 0.5) : 1;
    p->first = before - (int)(83.0 * ms);
    p->last = before + (int)(69.0 * ms);
    p->tail = (int)(125.0 * ms);
    for (int i = 0; i < p->n; i++) {
        p->x[i] = beat_ring_row(b, centre - before + i)[lead];
    }
}

/* The highest pulse: how far it stands above both sides. */
static float highest(const piece *p, int *at) {
    float best = 0.0f;
    *at = p->first;
    for (int i = p->first; i < p->last; i++) {
        const float rise = p->x[i] - p->x[i - p->flank], fall = p->x[i] - p->x[i + p->flank];
        const float height = rise * fall > 0.0f ? fminf(fabsf(rise), fabsf(fall)) : 0.0f;
        *at = height > best ? i : *at;
        best = fmaxf(best, height);
    }
    return best;
}

/* Steepest slope after the pulse, and how far the signal moves there. */
static float after(const piece *p, int at, float *moves) {
    const int from = at + p->flank + 1;
    float steepest = 0.0f, low = p->x[from], high = low;
    for (int i = from; i < p->n && i < from + p->tail; i++) {
        const int other = i + 2 * p->flank;
        steepest = other < p->n ? fmaxf(steepest, fabsf(p->x[other] - p->x[i])) : steepest;
        low = fminf(low, p->x[i]);
        high = fmaxf(high, p->x[i]);
    }
    *moves = high - low;
    return steepest;
}

void beat_spike(const ol_beats *b, int64_t centre, ol_beat_record *out) {
    float most = 0.0f;
    for (int c = 0; c < 2; c++) {
        piece p;
        int at;
        float moves;
        if (b->usable[b->channel[c]] <= 0.0f) {
            continue;
        }
        take_piece(b, centre, b->channel[c], &p);
        const float height = highest(&p, &at), slope = after(&p, at, &moves);
        most = moves > height ? fmaxf(most, height / (slope + 20.0f)) : most;
    }
    out->spike = (uint8_t)fminf(64.0f * most, 255.0f);
}
