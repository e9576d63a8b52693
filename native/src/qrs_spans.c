/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches that are not beats: fibrillation, what cannot be used, and pauses. */
#include "qrs_parts.h"

#define ASYSTOLE_MS 3000.0

static void put_span(ol_qrs *q, double from_ms, double to_ms, int kind) {
    if (to_ms > from_ms && q->n_spans < OL_QRS_QUEUE) {
        q->spans[q->n_spans++] = (ol_qrs_span){from_ms, to_ms, kind, 0};
    }
}

double qrs_taken_ms(const ol_qrs *q) {
    return (double)q->n_rows * OL_ROW_MS;
}

/* A stretch of fibrillation, or that cannot be used, is no pause. */
void qrs_emit_span(ol_qrs *q, double from_ms, double to_ms, int kind) {
    to_ms = to_ms < qrs_taken_ms(q) ? to_ms : qrs_taken_ms(q);
    const int apart = from_ms > q->masked_to_ms || q->masked_to_ms <= q->quiet_from_ms;
    q->masked_from_ms = apart || from_ms < q->masked_from_ms ? from_ms : q->masked_from_ms;
    q->masked_to_ms = apart || to_ms > q->masked_to_ms ? to_ms : q->masked_to_ms;
    put_span(q, from_ms, to_ms, kind);
}

static void note_quiet(ol_qrs *q, double from_ms, double until_ms) {
    if (until_ms - from_ms > ASYSTOLE_MS) {
        put_span(q, from_ms, until_ms, OL_SPAN_ASYSTOLE);
    }
}

/* No beat from quiet_from_ms until the one that is now known, or the end. */
void qrs_note_pause(ol_qrs *q, double until_ms) {
    if (q->masked_to_ms > q->quiet_from_ms && q->masked_from_ms < until_ms) {
        note_quiet(q, q->quiet_from_ms, q->masked_from_ms);
        note_quiet(q, q->masked_to_ms, until_ms);
    } else {
        note_quiet(q, q->quiet_from_ms, until_ms);
    }
    q->quiet_from_ms = until_ms;
}
