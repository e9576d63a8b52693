/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the seconds hold, however long they are, and wherever and whenever beats are told:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - each beat told gives one record, in order, at the latest when the stretch ends;
 *   - its morphology has a template, its fiducial point is within 0.3 s of what was told;
 *   - the second pass labels them all: a known class, a confidence of 0 to 100 percent, features that are numbers.
 * Bytes 0-2: leads, rows a second, hold. Then two bytes a value: 0x7fff ends the stretch, 0x7ffe flips the quality of a
 * lead, 0x7ffd is 1e7, 0x7ffc is -1e7, 0x8000 to 0x83ff tell a beat so many times 16 ms before or after the row. */
#include "held.h"
#include "ol_beat.h"
#include "ol_error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096

static ol_beats beats;
static ol_second second;
static ol_beat_record records[MOST];
static ol_beat_context work[MOST];
static ol_beat_label labels[MOST];
static float features[MOST][OL_BEAT_FEATURES];
static size_t n_told, n_given;

static void given(size_t n) {
    for (; n > 0; n--) {
        require(n_given < n_told && abs(records[n_given].fiducial_ms) <= 300);
        require(ol_beats_slot(&beats, records[n_given].cluster) < OL_BEAT_CLUSTERS);
        n_given++;
    }
}

static void end(void) {
    for (size_t n; (n = ol_beats_end(&beats, records + n_given, MOST - n_given)) > 0;) {
        given(n);
    }
    require(n_given == n_told);
    second.first_row = second.n_rows = 0;
}

static void take(void) {
    given(ol_beats_take(&beats, &second, records + n_given, MOST - n_given));
    second.first_row += second.n_rows;
    second.n_rows = 0;
}

static void tell(int steps) {
    const double at_ms = (double)(second.first_row + second.n_rows) * OL_ROW_MS + steps * 16.0;
    if (n_told < MOST && ol_beats_tell(&beats, at_ms) == OL_OK) {
        records[n_told].frame = 0;
        n_told++;
    }
}

static void act(int v, int n_rows, int per_second, uint32_t n_leads) {
    if (v == 0x7fff) {
        end();
    } else if (v == 0x7ffe) {
        second.quality.flags[n_told % n_leads] ^= OL_QUALITY_UNUSABLE;
    } else if (v < -0x7c00) {
        tell(v + 0x7e00);
    } else {
        hold(&second, v, n_rows, per_second, n_leads, take);
    }
}

static void label(void) {
    for (size_t i = 0; i < n_given; i++) {
        records[i].frame = i * 200;
    }
    require(ol_beats_label(&beats, 250.0, records, n_given, work, labels) == OL_OK);
    require(ol_beats_features(&beats, 250.0, records, n_given, work, features[0]) == OL_OK);
    for (size_t i = 0; i < n_given; i++) {
        require(labels[i].beat_class <= OL_BEAT_PACED && labels[i].confidence <= 100);
        for (int k = 0; k < OL_BEAT_FEATURES; k++) {
            require(isfinite(features[i][k]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 5) {
        return 0;
    }
    const uint32_t n_leads = 1 + data[0] % 8;
    const uint8_t channels[2] = {0, (uint8_t)(n_leads - 1)};
    const int per_second = 1 + data[1] % OL_FRONT_ROWS;
    memset(&second, 0, sizeof second);
    n_told = n_given = 0;
    require(ol_beats_init(&beats, n_leads, channels) == OL_OK);
    for (size_t i = 3; i + 1 < n; i += 2) {
        act((int16_t)(data[i] | data[i + 1] << 8), 1 + data[2] % 100, per_second, n_leads);
    }
    if (second.n_rows > 0) {
        take();
    }
    end();
    label();
    return 0;
}
