/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the seconds hold, however long they are, whatever is drained and when:
 *   - every call returns, and nothing outside the caller's memory is read or written;
 *   - beats come in rising order, within the stretch, not before what was said to be decided, at least 0.15 s apart;
 *   - spans have a known kind, end after they begin, and lie within the stretch.
 * Bytes 0-2: leads, rows a second, hold. Then two bytes a value: 0x7fff ends the stretch, 0x7ffe flips the quality of a
 * lead, 0x7ffd is 1e7, 0x7ffc is -1e7. */
#include "held.h"
#include "ol_error.h"
#include "ol_qrs.h"
#include <math.h>
#include <string.h>

static ol_qrs detector;
static ol_second second;
static double last_ms, decided_ms;

static void drain(double end_ms) {
    ol_qrs_beat beats[64];
    ol_qrs_span spans[64];
    for (size_t n; (n = ol_qrs_beats(&detector, beats, 64)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            require(beats[i].at_ms >= decided_ms && beats[i].at_ms < end_ms && beats[i].at_ms > last_ms + 150);
            require(isfinite(beats[i].score) && isfinite(beats[i].size_uv));
            last_ms = beats[i].at_ms;
        }
    }
    for (size_t n; (n = ol_qrs_spans(&detector, spans, 64)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            require(spans[i].kind >= OL_SPAN_VF && spans[i].kind < OL_SPAN_GAP);
            require(spans[i].from_ms >= 0 && spans[i].to_ms > spans[i].from_ms && spans[i].to_ms <= end_ms);
        }
    }
    require(ol_qrs_decided_ms(&detector) >= decided_ms);
    decided_ms = ol_qrs_decided_ms(&detector);
}

static double end_ms(void) {
    return (double)(second.first_row + second.n_rows) * OL_ROW_MS;
}

static void end(void) {
    ol_qrs_end(&detector);
    drain(end_ms());
    second.first_row = second.n_rows = 0;
    last_ms = -1000;
    decided_ms = 0;
}

static void take(void) {
    ol_qrs_take(&detector, &second);
    drain(end_ms());
    second.first_row += second.n_rows;
    second.n_rows = 0;
}

static void flip_quality(int lead) {
    second.quality.score[lead] = second.quality.score[lead] > 0 ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 5) {
        return 0;
    }
    const uint32_t n_leads = 1 + data[0] % 8;
    const int per_second = 1 + data[1] % OL_FRONT_ROWS, n_held = 1 + data[2] % 40;
    memset(&second, 0, sizeof second);
    require(ol_qrs_init(&detector, n_leads) == OL_OK);
    last_ms = -1000;
    decided_ms = 0;
    for (size_t i = 3; i + 1 < n; i += 2) {
        const int v = (int16_t)(data[i] | data[i + 1] << 8);
        if (v == 0x7fff) {
            end();
        } else if (v == 0x7ffe) {
            flip_quality((int)(i / 2 % 8));
        } else {
            hold(&second, v, n_held, per_second, n_leads, take);
        }
    }
    if (second.n_rows) {
        take();
    }
    end();
    return 0;
}
