/* SPDX-License-Identifier: Apache-2.0 */
/* The front, and mains taken away: all that can be done to a second before anything is known of beats. */
#include "ol_ahead.h"
#include "ol_error.h"

#include <string.h>

#define BRIDGE_S 0.04 /* a shorter gap is filled with the frame before it */

int ol_ahead_init(ol_ahead *h, double fs_hz, uint32_t n_leads, float rail_uv) {
    memset(h, 0, sizeof *h);
    return ol_front_init(&h->front, fs_hz, n_leads, rail_uv);
}

/* From the first second in which mains is heard to the end of the stretch it is tracked and taken away: where there is
 * none, nothing is tracked and nothing taken. */
static void remove_mains(ol_ahead *h, ol_second *s) {
    const double heard_hz = (double)s->quality.mains_hz;
    if (s->first_row == 0) {
        h->mains_hz = 0;
    }
    if (heard_hz > 0 && heard_hz != h->mains_hz && ol_mains_init(&h->mains, OL_ROW_HZ, 8, heard_hz) == OL_OK) {
        h->mains_hz = heard_hz;
    }
    if (h->mains_hz > 0) {
        ol_mains_run(&h->mains, s->rows[0], s->rows[0], (size_t)s->n_rows);
    }
}


size_t ol_ahead_push(ol_ahead *h, const float *frames_uv, const uint8_t *lead_off, size_t n, ol_seconds *out) {
    size_t taken = 0;
    while (taken < n && out->n < out->room) {
        int is_full = 0;
        const float *at = frames_uv + taken * h->front.n_leads;
        const uint8_t *off = lead_off ? lead_off + taken : NULL;
        taken += ol_front_push(&h->front, at, off, n - taken, &out->second[out->n], &is_full);
        if (is_full) {
            remove_mains(h, &out->second[out->n++]);
        }
    }
    return taken;
}

size_t ol_ahead_push_counts(ol_ahead *h, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off, size_t n,
                            ol_seconds *out) {
    size_t taken = 0;
    while (taken < n && out->n < out->room) {
        int is_full = 0;
        const int32_t *at = counts + taken * h->front.n_leads;
        const uint8_t *off = lead_off ? lead_off + taken : NULL;
        taken += ol_front_push_counts(&h->front, at, scale_uv, off, n - taken, &out->second[out->n], &is_full);
        if (is_full) {
            remove_mains(h, &out->second[out->n++]);
        }
    }
    return taken;
}

int ol_ahead_bridges(const ol_ahead *h, int64_t n_missing) {
    const double most = BRIDGE_S * h->front.frames_per_row * OL_ROW_HZ;
    return n_missing > 0 && h->front.n_frames > 0 && (double)n_missing <= most;
}

static void bridge(ol_ahead *h, int64_t n_missing, ol_seconds *out) {
    float frame[8];
    memcpy(frame, h->front.last, sizeof frame);
    while (n_missing-- > 0) {
        ol_ahead_push(h, frame, NULL, 1, out);
    }
}

int ol_ahead_end(ol_ahead *h, ol_second *second) {
    if (!ol_front_end(&h->front, second)) {
        return 0;
    }
    remove_mains(h, second);
    return 1;
}

void ol_ahead_skip(ol_ahead *h, int64_t n_missing) {
    ol_front_skip(&h->front, n_missing);
}

int ol_ahead_gap(ol_ahead *h, int64_t n_missing, ol_seconds *out) {
    if (n_missing < 0 || n_missing > INT64_MAX / 4 - ol_ahead_end_frame(h)) {
        return OL_E_ARGUMENT;
    }
    if (out->room - out->n < OL_AHEAD_ROOM) {
        return OL_E_ROOM;
    }
    if (ol_ahead_bridges(h, n_missing)) {
        bridge(h, n_missing, out);
        return 0;
    }
    while (ol_ahead_end(h, &out->second[out->n])) {
        out->n++;
    }
    ol_ahead_skip(h, n_missing);
    return 1;
}

int64_t ol_ahead_end_frame(const ol_ahead *h) {
    return h->front.origin + h->front.n_frames;
}
