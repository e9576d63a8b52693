/* SPDX-License-Identifier: Apache-2.0 */
/* First pass over the signal: a ring of decimated, high-passed frames, and out of it one record a beat. */
#include "ol_beat.h"
#include "beat_measure.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

enum { LEAST_RING_HZ = 250, LOOK_EVERY = 32 };
static const double CENTRE_MS = 90.0;  /* the fiducial point is looked for so far around the beat */
static const double HIGH_PASS_HZ = 0.4;
static const float LIMIT_UV = 1e6f; /* no electrode gives more */

int ol_beats_init(ol_beats *b, double fs_hz, uint32_t n_leads, const uint8_t *channels) {
    if (!b || !channels || !(fs_hz >= 100.0 && fs_hz <= 2000.0) || n_leads < 1 || n_leads > OL_BEAT_LANES ||
        channels[0] >= n_leads || channels[1] >= n_leads) {
        return OL_E_ARGUMENT;
    }
    memset(b, 0, sizeof *b);
    b->fs_hz = fs_hz;
    b->n_leads = n_leads;
    b->decimation = (uint32_t)(fs_hz / LEAST_RING_HZ);
    b->decimation = b->decimation ? b->decimation : 1;
    b->ring_hz = fs_hz / b->decimation;
    b->pole = (float)exp(-2.0 * 3.14159265358979 * HIGH_PASS_HZ / b->ring_hz);
    b->channel[0] = channels[0];
    b->channel[1] = channels[1];
    return OL_OK;
}

int ol_beats_tell(ol_beats *b, uint64_t frame) {
    if (b->pending_n == OL_BEAT_PENDING) {
        return OL_E_ROOM;
    }
    b->pending[(b->pending_at + b->pending_n++) % OL_BEAT_PENDING] = frame;
    return OL_OK;
}

/* Two first-order high-passes y[n] = a (y[n-1] + x[n] - x[n-1]): differences first, so that an electrode's offset of
 * 300 mV costs no precision. */
static void store_group(ol_beats *b) {
    float *row = b->ring[b->ring_frames % OL_BEAT_RING];
    const float scale = 1.0f / (float)b->decimation;
    const float begun = b->ring_frames ? 1.0f : 0.0f;
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        const float x = b->sum[k] * scale;
        const float first = begun * b->pole * (b->high1[k] + (x - b->last[k]));
        b->high2[k] = b->pole * (b->high2[k] + (first - b->high1[k]));
        b->high1[k] = first;
        b->last[k] = x;
        row[k] = b->high2[k];
        b->sum[k] = 0.0f;
    }
    b->ring_frames++;
    b->in_group = 0;
}

static inline void take_leads(ol_beats *b, const float *frame, uint32_t n_leads) {
    for (uint32_t k = 0; k < n_leads; k++) {
        const float x = fabsf(frame[k]) <= LIMIT_UV ? frame[k] : b->old[k]; /* NaN too: the last value stays */
        b->old[k] = x;
        b->sum[k] += x;
    }
}

static void take_frame(ol_beats *b, const float *frame) {
    if (b->n_leads == OL_BEAT_LANES) { /* of known length: vectors */
        take_leads(b, frame, OL_BEAT_LANES);
    } else {
        take_leads(b, frame, b->n_leads);
    }
    b->next_frame++;
    if (++b->in_group == b->decimation) {
        store_group(b);
    }
}

static double ring_place(const ol_beats *b, uint64_t frame) {
    const double frames = frame >= b->ring_first ? (double)(frame - b->ring_first) : 0.0;
    return (frames - 0.5 * (b->decimation - 1)) / b->decimation;
}

/* Row `at` of the ring, that nearest to it outside. */
const float *beat_ring_row(const ol_beats *b, int64_t at) {
    const int64_t newest = (int64_t)b->ring_frames - 1;
    const int64_t oldest = newest >= OL_BEAT_RING ? newest - OL_BEAT_RING + 1 : 0;
    at = at < oldest ? oldest : at > newest ? newest : at;
    return b->ring[at % OL_BEAT_RING];
}

/* Centre of the squared slopes of all leads around `place`, a ring coordinate. */
static double centre_of_slopes(const ol_beats *b, double place) {
    const int64_t reach = (int64_t)(CENTRE_MS * b->ring_hz / 1000.0);
    const int64_t middle = (int64_t)floor(place + 0.5);
    double weight = 0.0, moment = 0.0;
    for (int64_t i = middle - reach; i < middle + reach; i++) {
        const float *a = beat_ring_row(b, i), *c = beat_ring_row(b, i + 1);
        float slope = 0.0f;
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            slope += (c[k] - a[k]) * (c[k] - a[k]);
        }
        weight += (double)slope * slope;
        moment += (double)slope * slope * ((double)i + 0.5);
    }
    return weight > 0.0 ? moment / weight : place;
}

/* Fill the window: linear interpolation at every 5 ms, then [1 2 1]/4. */
static void fill_window(ol_beats *b, double centre) {
    float raw[BEAT_SPAN + 2][OL_BEAT_LANES];
    const double step = OL_BEAT_GRID_MS * b->ring_hz / 1000.0;
    for (int i = 0; i < BEAT_SPAN + 2; i++) {
        const double place = centre + (i - BEAT_BEFORE - 1) * step;
        const double whole = floor(place);
        const float part = (float)(place - whole);
        const float *a = beat_ring_row(b, (int64_t)whole), *c = beat_ring_row(b, (int64_t)whole + 1);
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            raw[i][k] = a[k] + part * (c[k] - a[k]);
        }
    }
    for (int i = 0; i < BEAT_SPAN; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            b->window[i][k] = 0.25f * (raw[i][k] + raw[i + 2][k]) + 0.5f * raw[i + 1][k];
        }
    }
}

static void measure(ol_beats *b, uint64_t frame, ol_beat_record *out) {
    memset(out, 0, sizeof *out);
    out->frame = frame;
    out->flags = (uint8_t)(b->gap_open ? OL_BEAT_GAP_BEFORE : 0);
    b->gap_open = 0;
    const double told = ring_place(b, frame);
    const double centre = centre_of_slopes(b, centre_of_slopes(b, told));
    fill_window(b, centre);
    const int shift = beat_measure(b, out);
    beat_spike(b, (int64_t)floor(centre + 0.5), out);
    out->fiducial_ms = (int16_t)lrint((centre - told) * 1000.0 / b->ring_hz + shift * OL_BEAT_GRID_MS);
}

/* Measure the pending beats whose window is in the ring, or all of them. */
static size_t complete(ol_beats *b, int all, ol_beat_record *out, size_t room) {
    const double after = (OL_BEAT_GRID - OL_BEAT_GRID_R + OL_BEAT_MARGIN + 2) * OL_BEAT_GRID_MS + 2.0 * CENTRE_MS;
    size_t n = 0;
    while (b->pending_n && n < room && b->ring_frames) {
        const uint64_t frame = b->pending[b->pending_at];
        if (!all && ring_place(b, frame) + after * b->ring_hz / 1000.0 + 1.0 >= (double)b->ring_frames) {
            break;
        }
        measure(b, frame, &out[n++]);
        b->pending_at = (b->pending_at + 1) % OL_BEAT_PENDING;
        b->pending_n--;
    }
    return n;
}

size_t ol_beats_push(ol_beats *b, const float *frames, size_t n_frames, size_t *taken, ol_beat_record *out, size_t room) {
    size_t n = 0, i = 0;
    for (; i < n_frames && n < room; i++) {
        take_frame(b, frames + i * b->n_leads);
        if (b->pending_n && !b->in_group && b->ring_frames % LOOK_EVERY == 0) {
            n += complete(b, 0, out + n, room - n);
        }
    }
    *taken = i;
    return n;
}

size_t ol_beats_flush(ol_beats *b, ol_beat_record *out, size_t room) {
    return complete(b, 1, out, room);
}

int ol_beats_gap(ol_beats *b, uint64_t next_frame) {
    if (next_frame < b->next_frame || b->pending_n) {
        return OL_E_ARGUMENT;
    }
    b->next_frame = b->ring_first = next_frame;
    b->ring_frames = 0;
    b->in_group = 0;
    b->gap_open = 1;
    memset(b->sum, 0, sizeof b->sum);
    memset(b->high1, 0, sizeof b->high1);
    memset(b->high2, 0, sizeof b->high2);
    return OL_OK;
}
