/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the seconds, their length, their quality, the beats told, the room given and where stretches end:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - no beat is lost, none comes twice, and they come in the order told, each with its distance from the one before;
 *   - a wave has its boundaries in order, near its beat, a confidence of 0 to 1, and nothing where no lead is good.
 * Bytes 0-1: leads, room. Then six bytes a step: what is done, how many rows, which leads are bad, distance of a beat, and
 * two of a value, of which the rows are made. */
#include "held.h"
#include "ol_error.h"
#include "ol_wave.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ol_waves waves;
static ol_second second;
static ol_wave_beat found[OL_WAVE_QUEUE];
static double told_ms[OL_WAVE_QUEUE]; /* of the beats that wait, the oldest first */
static size_t n_told;
static double before_ms;
static int has_before;

static int in_order(float a, float b) {
    return !(a > b); /* or one of them is absent */
}

static void check_mark(const ol_wave_mark *mark) {
    require(mark->confidence >= 0 && mark->confidence <= 1);
    require(in_order(mark->on_ms, mark->peak_ms) && in_order(mark->peak_ms, mark->off_ms));
    require(in_order(-600, mark->on_ms) && in_order(mark->off_ms, 800));
}

static void check_set(const ol_wave_set *set) {
    check_mark(&set->p);
    check_mark(&set->t);
    require(set->qrs.confidence >= 0 && set->qrs.confidence <= 1);
    require(!isinf(set->qrs.on_ms) && !isinf(set->qrs.off_ms) && !isinf(set->qrs.peak_ms));
}

static void check_beat(const ol_wave_beat *beat) {
    check_set(&beat->all_leads);
    for (uint32_t k = 0; k < OL_WAVE_LEADS; k++) {
        check_set(&beat->lead[k]);
    }
    require(beat->good_leads || isnan(beat->all_leads.qrs.on_ms));
    require(beat->n_extra_p <= OL_WAVE_MAX_EXTRA_P);
    require(has_before ? fabs((double)beat->rr_ms - (told_ms[0] - before_ms)) <= 1 : isnan(beat->rr_ms));
}

static void check(size_t n) {
    for (size_t i = 0; i < n; i++) {
        require(n_told > 0);
        check_beat(&found[i]);
        before_ms = told_ms[0];
        has_before = 1;
        memmove(told_ms, told_ms + 1, --n_told * sizeof *told_ms);
    }
}

static void end(size_t room) {
    for (size_t n; (n = ol_waves_end(&waves, found, room)) > 0;) {
        check(n);
    }
    require(n_told == 0);
    has_before = 0;
    second.first_row = 0;
}

/* Steps, ramps, beats and extremes. */
static void fill(const uint8_t *bytes) {
    const float value = (float)(int16_t)(bytes[4] | bytes[5] << 8);
    second.n_rows = bytes[1] % (OL_FRONT_ROWS + 1);
    for (int32_t i = 0; i < second.n_rows; i++) {
        for (uint32_t k = 0; k < 8; k++) {
            second.rows[i][k] = (i + (int32_t)k) % (bytes[0] / 8 + 2) ? value * (float)(i % 9) : value * (bytes[0] & 4 ? 305.0f : 1);
        }
    }
    for (uint32_t k = 0; k < 8; k++) {
        second.quality.flags[k] = bytes[2] >> k & 1 ? OL_QUALITY_UNUSABLE : 0;
    }
}

static void tell(double at_ms) {
    if (ol_waves_tell(&waves, at_ms) == OL_OK) {
        require(n_told < OL_WAVE_QUEUE);
        told_ms[n_told++] = at_ms;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2) {
        return 0;
    }
    const uint32_t n_leads = 1 + data[0] % 8;
    const size_t room = 1 + data[1] % OL_WAVE_QUEUE;
    double at_ms = 0;
    n_told = 0;
    has_before = 0;
    memset(&second, 0, sizeof second);
    require(ol_waves_init(&waves, n_leads, 0, (int32_t)n_leads - 1) == OL_OK);
    for (size_t i = 2; i + 6 <= n; i += 6) {
        const uint8_t *bytes = data + i;
        at_ms += bytes[3] * 8.5;
        tell(at_ms);
        if (bytes[0] % 16 == 15) {
            end(room);
            at_ms = 0;
        } else if (bytes[0] % 4) {
            fill(bytes);
            check(ol_waves_take(&waves, &second, found, room));
            second.first_row += second.n_rows;
        }
    }
    end(room);
    return 0;
}
