/* SPDX-License-Identifier: Apache-2.0 */
/* QRS detection over one to eight leads. Seconds in (ol_front.h), beats and spans out; a beat is decided about nine
 * seconds after it happened, knowing both its neighbours. The first beats are found like all others.
 *
 *     ol_qrs_init(q, n_leads);
 *     for each second: ol_qrs_take(q, &second), then drain beats and spans until there are none
 *     where a stretch ends: ol_qrs_end(q), then drain
 *
 * Time is milliseconds since the first row of the stretch. A second whose first_row is 0 begins one. */
#ifndef OL_QRS_H
#define OL_QRS_H

#include "ol_front.h"

#define OL_QRS_RING 2048 /* detection frames kept: 16 s at 125 Hz */
#define OL_QRS_BLOCK 48  /* detection frames filtered in one go */
#define OL_QRS_HALF 25   /* taps on one side of the longest filter, and the look-ahead */
#define OL_QRS_CANDIDATES 256
#define OL_QRS_FEATURES 40
#define OL_QRS_SLOTS 32
#define OL_QRS_QUEUE 64
#define OL_QRS_HISTORY 16
#define OL_QRS_RR 16

/* A beat: the middle of its main deflection, and how sure the detector is of it. */
typedef struct ol_qrs_beat {
    double at_ms;
    float score; /* log of the odds that this is a beat, its rhythm left aside */
    float size_uv;
} ol_qrs_beat;

enum ol_span_kind {
    OL_SPAN_VF = 1,       /* ventricular fibrillation or flutter: no beats are given here */
    OL_SPAN_ASYSTOLE = 2, /* no beat for more than 3 s in a signal that could show one */
    OL_SPAN_UNUSABLE = 3, /* no lead is usable: not analysable */
    OL_SPAN_GAP = 4       /* frames that are missing; told by who knows of them, not by the detector */
};

/* From from_ms to before to_ms. */
typedef struct ol_qrs_span {
    double from_ms;
    double to_ms;
    int32_t kind;
    int32_t reserved;
} ol_qrs_span;

/* A peak of the envelope that may be a beat. cdef: opaque */
typedef struct ol_qrs_candidate {
    int64_t at;    /* detection frame of the envelope's peak */
    double middle; /* of the main deflection, in detection frames */
    float size_uv, logit;
    float noise;    /* of the seconds around: 0 little, 1 as high as beats, nearly */
    float norm;     /* of the band's waveform around it */
    int32_t stands; /* nothing higher within 0.2 s */
} ol_qrs_candidate;

/* Levels of the seconds around one, from which candidates in it are judged. cdef: opaque */
typedef struct ol_qrs_levels {
    int64_t slot, n_slots; /* of which second, when how many were known */
    float signal, noise, mean, low, high;
} ol_qrs_levels;

/* A detector. cdef: opaque */
typedef struct ol_qrs {
    uint32_t n_leads;
    /* in: rows to detection frames to blocks */
    int64_t n_rows, n_in; /* of the stretch: rows and detection frames taken */
    uint32_t n_x;
    float row[8]; /* the one that waits for its pair */
    float x[2 * OL_QRS_HALF + OL_QRS_BLOCK][8];
    float taps[6][OL_QRS_HALF + 1];
    /* fusion */
    float score[2][8];  /* quality of the second before and of this one */
    int64_t score_from; /* detection frame at which this one begins */
    float weights[8];
    float energy[OL_QRS_HISTORY][8];
    uint32_t n_energy;
    /* what the filters give, by detection frame */
    int64_t n_env;
    float band[OL_QRS_RING][8]; /* each lead times the root of its weight */
    float env[2 * OL_QRS_RING], low[2 * OL_QRS_RING], high[OL_QRS_RING], wave[2 * OL_QRS_RING]; /* twice the same */
    float slot_peak[OL_QRS_SLOTS], slot_mean[OL_QRS_SLOTS], slot_quiet[OL_QRS_SLOTS], slot_low[OL_QRS_SLOTS];
    int64_t n_slots;
    ol_qrs_levels levels;
    /* candidates, by number: found, with features, decided */
    ol_qrs_candidate candidates[OL_QRS_CANDIDATES];
    int64_t n_found, n_known, n_decided, peak_at;
    double last_beat; /* detection frame, or a large negative number */
    double decided_ms;
    int last_is_sure;
    float beat_uv;         /* the size of sure beats, smoothed */
    float rr_s[OL_QRS_RR]; /* between sure beats that follow each other */
    uint32_t n_rr;
    /* fibrillation: one verdict a second */
    int64_t n_verdicts, vf_from;
    uint8_t vf[OL_QRS_SLOTS];
    double quiet_from_ms, unusable_from_ms;
    double masked_from_ms, masked_to_ms; /* the last stretch that cannot be asystole */
    /* out */
    ol_qrs_beat beats[OL_QRS_QUEUE];
    ol_qrs_span spans[OL_QRS_QUEUE];
    uint32_t n_beats, n_spans;
} ol_qrs;

/* `n_leads` 1 to 8. OL_OK or OL_E_ARGUMENT. */
int ol_qrs_init(ol_qrs *q, uint32_t n_leads);

/* Take the next second of the stretch, or the first of another. What is not drained before the next may be lost. */
void ol_qrs_take(ol_qrs *q, const ol_second *second);

/* The stretch ends: decide all that is left. */
void ol_qrs_end(ol_qrs *q);

/* Milliseconds of the stretch before which no beat will come any more. */
double ol_qrs_decided_ms(const ol_qrs *q);

/* Move up to `room` results out, oldest first. Return how many; a take gives no more than 64 of a kind. */
size_t ol_qrs_beats(ol_qrs *q, ol_qrs_beat *out, size_t room);
size_t ol_qrs_spans(ol_qrs *q, ol_qrs_span *out, size_t room);

/* Bytes of a detector, for those who allocate it. */
size_t ol_qrs_size(void);

#endif
