/* SPDX-License-Identifier: Apache-2.0 */
/* First pass: is there a stimulation spike? Even where the recorder's bandwidth has made it 15 ms wide it stands above
 * its neighbourhood on both sides, and nothing after it is as steep; a QRS without one has its slopes elsewhere. */
#include "beat_measure.h"

#include <math.h>

/* Places in a piece of one lead, in rows of 4 ms. */
enum {
    BEFORE = 35,         /* 140 ms before the fiducial point */
    LONG = BEFORE + 41,  /* and 164 after it */
    FLANK = 2,
    FIRST = BEFORE - 20, /* a pulse is looked for from here */
    LAST = BEFORE + 17,  /* to here */
    TAIL = 31,           /* what follows it */
};

static float larger(float a, float b) {
    return a > b ? a : b;
}

static float smaller(float a, float b) {
    return a < b ? a : b;
}

/* The highest pulse: how far it stands above both sides. */
static float highest(const float *x, int *at) {
    float best = 0.0f;
    *at = FIRST;
    for (int i = FIRST; i < LAST; i++) {
        const float rise = x[i] - x[i - FLANK], fall = x[i] - x[i + FLANK];
        const float height = rise * fall > 0.0f ? smaller(fabsf(rise), fabsf(fall)) : 0.0f;
        *at = height > best ? i : *at;
        best = larger(best, height);
    }
    return best;
}

/* Steepest slope after the pulse, and how far the signal moves there. */
static float after(const float *x, int at, float *moves) {
    const int from = at + FLANK + 1;
    float steepest = 0.0f, low = x[from], high = low;
    for (int i = from; i < LONG && i < from + TAIL; i++) {
        const int other = i + 2 * FLANK;
        steepest = other < LONG ? larger(steepest, fabsf(x[other] - x[i])) : steepest;
        low = smaller(low, x[i]);
        high = larger(high, x[i]);
    }
    *moves = high - low;
    return steepest;
}

void beat_spike(const ol_beats *b, const beat_piece *p, int centre, ol_beat_record *out) {
    float most = 0.0f;
    for (int c = 0; c < 2; c++) {
        float x[LONG], moves;
        int at;
        if (b->usable[b->channel[c]] <= 0.0f) {
            continue;
        }
        for (int i = 0; i < LONG; i++) {
            x[i] = p->row[centre - BEFORE + i][b->channel[c]];
        }
        const float height = highest(x, &at), slope = after(x, at, &moves);
        most = moves > height ? larger(most, height / (slope + 20.0f)) : most;
    }
    out->spike = (uint8_t)smaller(64.0f * most, 255.0f);
}
