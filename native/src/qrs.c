/* SPDX-License-Identifier: Apache-2.0 */
/* The detector's outside: seconds in, and what is decided out. */
#include "lanes.h"
#include "ol_error.h"
#include "qrs_parts.h"

#define WANDER_HZ 1.0
#define NEVER (-1.0)

/* Forget the stretch before; rhythm and backgrounds are kept. */
static void restart(ol_qrs *q) {
    q->n_rows = q->n_in = 0;
    q->n_x = 0;
    q->n_env = q->n_slots = q->n_verdicts = 0;
    q->n_found = q->n_known = q->n_decided = q->peak_at = 0;
    q->levels.slot = -1;
    q->last_beat = NO_BEAT;
    q->last_is_sure = 0;
    q->beat_uv = 0;
    q->decided_ms = 0;
    q->vf_from = -1;
    q->unusable_from_ms = NEVER;
    q->quiet_from_ms = q->masked_from_ms = q->masked_to_ms = 0;
}

int ol_qrs_init(ol_qrs *q, uint32_t n_leads) {
    if (n_leads < 1 || n_leads > 8) {
        return OL_E_ARGUMENT;
    }
    memset(q, 0, sizeof *q);
    q->n_leads = n_leads;
    qrs_design(q);
    restart(q);
    return OL_OK;
}

size_t ol_qrs_size(void) {
    return sizeof(ol_qrs);
}

static void decide(ol_qrs *q, int is_last) {
    const uint32_t before = q->n_beats;
    qrs_find_candidates(q);
    qrs_judge_rhythm(q, is_last);
    qrs_weigh_candidates(q, is_last);
    qrs_decide(q, is_last);
    for (uint32_t i = before; i < q->n_beats; i++) {
        qrs_note_pause(q, q->beats[i].at_ms);
    }
}

static void note_quality(ol_qrs *q, const ol_second *s) {
    float best = 0;
    memcpy(q->score[0], q->n_rows ? q->score[1] : s->quality.score, sizeof q->score[0]);
    memcpy(q->score[1], s->quality.score, sizeof q->score[1]);
    q->score_from = q->n_in;
    for (uint32_t k = 0; k < q->n_leads; k++) {
        best = larger(best, s->quality.score[k]);
    }
    if (best <= 0 && q->unusable_from_ms < 0) {
        q->unusable_from_ms = qrs_taken_ms(q);
    } else if (best > 0 && q->unusable_from_ms >= 0) {
        qrs_emit_span(q, q->unusable_from_ms, qrs_taken_ms(q), OL_SPAN_UNUSABLE);
        q->unusable_from_ms = NEVER;
    }
}

/* Of the leads that count, the one in which the heart moves most: in a small one the rest could look like fibrillation. */
static uint32_t largest_lead(const ol_qrs *q) {
    const uint32_t n = q->n_energy < OL_QRS_HISTORY ? q->n_energy : OL_QRS_HISTORY;
    float most = -1;
    uint32_t largest = 0;
    for (uint32_t k = 0; k < q->n_leads; k++) {
        float energy = 0;
        for (uint32_t i = 0; i < n; i++) {
            energy += q->energy[i][k];
        }
        if (q->weights[k] > 0 && energy > most) {
            most = energy;
            largest = k;
        }
    }
    return largest;
}

/* wave[n] = a (wave[n-1] + x[n] - x[n-1]): the largest lead, freed of its baseline. */
static void note_wave(ol_qrs *q) {
    const float a = (float)(1 / (1 + 6.283185307179586 * WANDER_HZ / RATE_HZ));
    const uint32_t lead = largest_lead(q);
    for (uint32_t i = 0; i < OL_QRS_BLOCK; i++) {
        const int64_t n = q->n_env + i;
        const float step = q->x[OL_QRS_HALF + i][lead] - q->x[OL_QRS_HALF + i - 1][lead];
        const float before = n ? q->wave[(n - 1) & RING_MASK] : 0;
        q->wave[n & RING_MASK] = q->wave[(n & RING_MASK) + OL_QRS_RING] = a * (before + step);
    }
}

/* Before the first frame stands the first frame. */
OL_INLINE void add_frame(ol_qrs *q, lanes v) {
    while (q->n_x < OL_QRS_HALF) {
        store8(q->x[q->n_x++], v);
    }
    store8(q->x[q->n_x++], v);
    if (q->n_x == 2 * OL_QRS_HALF + OL_QRS_BLOCK) {
        note_wave(q);
        qrs_filter_block(q);
        q->n_x = 2 * OL_QRS_HALF;
    }
}

/* x[m] = (row[2m] + row[2m+1]) / 2 */
OL_CLONES static void add_rows(ol_qrs *q, const float (*rows)[8], int32_t n) {
    for (int32_t i = 0; i < n; i++, q->n_rows++) {
        const lanes v = load8(rows[i]);
        if (q->n_rows & 1) {
            add_frame(q, (v + load8(q->row)) * 0.5f);
            q->n_in++;
        }
        store8(q->row, v);
    }
}

void ol_qrs_take(ol_qrs *q, const ol_second *second) {
    if (second->first_row == 0) {
        restart(q);
    }
    note_quality(q, second);
    add_rows(q, second->rows, second->n_rows);
    decide(q, 0);
}

/* The filters look OL_QRS_HALF ahead, and candidates a little more: go on with the last row until all that came is
 * through. */
OL_CLONES static void pad(ol_qrs *q) {
    for (int64_t end = q->n_in + STAND_REACH + 2; q->n_env < end;) {
        add_frame(q, load8(q->row));
    }
}

void ol_qrs_end(ol_qrs *q) {
    if (!q->n_rows) {
        return;
    }
    pad(q);
    decide(q, 1);
    if (q->unusable_from_ms >= 0) {
        qrs_emit_span(q, q->unusable_from_ms, qrs_taken_ms(q), OL_SPAN_UNUSABLE);
    }
    qrs_note_pause(q, qrs_taken_ms(q));
    q->decided_ms = qrs_taken_ms(q);
    q->n_rows = 0; /* ended: once more does nothing */
}

double ol_qrs_decided_ms(const ol_qrs *q) {
    return q->decided_ms;
}

static size_t drain(void *queue, uint32_t *n, void *out, size_t room, size_t size) {
    const size_t some = *n < room ? *n : room;
    if (some) {
        memcpy(out, queue, some * size);
        memmove(queue, (uint8_t *)queue + some * size, (*n - some) * size);
        *n -= (uint32_t)some;
    }
    return some;
}

size_t ol_qrs_beats(ol_qrs *q, ol_qrs_beat *out, size_t room) {
    return drain(q->beats, &q->n_beats, out, room, sizeof *out);
}

size_t ol_qrs_spans(ol_qrs *q, ol_qrs_span *out, size_t room) {
    return drain(q->spans, &q->n_spans, out, room, sizeof *out);
}
