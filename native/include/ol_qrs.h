/* SPDX-License-Identifier: Apache-2.0 */
/* QRS detection over one to eight leads, streaming. Push frames, drain what is decided; a beat is decided about nine
 * seconds after it happened, knowing both its neighbours. The first beats are found like all others.
 *
 * The order is always: push or gap or finish, then drain beats, spans and seconds until there are none, then push on
 * with the frames that were not taken. Any chunking gives the same result. */
#ifndef OL_QRS_H
#define OL_QRS_H

#include "ol_quality.h"
#include <stddef.h>
#include <stdint.h>

#define OL_QRS_RING 4096 /* detection frames kept: more than 13 s */
#define OL_QRS_BLOCK 64  /* detection frames filtered in one go */
#define OL_QRS_HALF 64   /* taps on one side of the longest filter, and the look-ahead */
#define OL_QRS_TAPS 65
#define OL_QRS_CANDIDATES 256
#define OL_QRS_FEATURES 32
#define OL_QRS_SLOTS 32
#define OL_QRS_QUEUE 128
#define OL_QRS_HISTORY 16

/* A beat: the frame of the steepest bend of its main deflection, and how sure the detector is of it. */
typedef struct ol_beat {
    int64_t frame;
    float score; /* log of the odds that this is a beat, its rhythm left aside */
    float size_uv;
} ol_beat;

enum ol_span_kind {
    OL_SPAN_VF = 1,       /* ventricular fibrillation or flutter: no beats are given here */
    OL_SPAN_ASYSTOLE = 2, /* no beat for more than 3 s in a signal that could show one */
    OL_SPAN_UNUSABLE = 3, /* no lead is usable: not analysable */
    OL_SPAN_GAP = 4       /* frames that are missing */
};

/* Frames first_frame to end_frame - 1. */
typedef struct ol_span {
    int64_t first_frame;
    int64_t end_frame;
    int32_t kind;
    int32_t reserved;
} ol_span;

/* A peak of the envelope that may be a beat. cdef: opaque */
typedef struct ol_qrs_candidate {
    int64_t at;       /* detection frame of the envelope's peak */
    int64_t fiducial; /* detection frame of the main deflection */
    float size_uv, logit;
    int32_t strong; /* 1 stands out, -1 does not, 0 not yet asked */
} ol_qrs_candidate;

/* A detector. cdef: opaque */
typedef struct ol_qrs {
    double fs_hz, rate_hz;
    uint32_t n_leads, step; /* frames to a detection frame */
    ol_quality quality;
    /* in: frames to detection frames to blocks */
    int64_t frame, origin; /* the next frame; that of detection frame 0 */
    uint32_t n_sum, n_block;
    int started;
    float sum[8], last[8];
    float x[2 * OL_QRS_HALF + OL_QRS_BLOCK][8];
    float even[3][OL_QRS_TAPS], odd[3][OL_QRS_TAPS];
    uint32_t half[3];
    /* fusion */
    float weights[8], seconds_score[8];
    float energy[OL_QRS_HISTORY][8];
    uint32_t n_energy;
    /* what the filters give, by detection frame */
    int64_t n_env;
    float band[OL_QRS_RING][8];
    float env[OL_QRS_RING], low[OL_QRS_RING], high[OL_QRS_RING], wave[OL_QRS_RING];
    float slot_peak[OL_QRS_SLOTS], slot_mean[OL_QRS_SLOTS], slot_quiet[OL_QRS_SLOTS], slot_low[OL_QRS_SLOTS];
    int64_t n_slots, slot_frames;
    /* candidates, by number: found, with features, decided */
    ol_qrs_candidate candidates[OL_QRS_CANDIDATES];
    int64_t n_found, n_known, n_decided, peak_at;
    int64_t last_beat; /* detection frame, or a large negative number */
    float rr_s[8];
    uint32_t n_rr;
    /* fibrillation: one verdict a slot */
    int64_t n_verdicts, vf_from;
    uint8_t vf[OL_QRS_SLOTS];
    int64_t quiet_from, unusable_from;
    int64_t masked_from, masked_end; /* the last stretch that cannot be asystole */
    /* out */
    ol_beat beats[OL_QRS_QUEUE];
    ol_span spans[OL_QRS_QUEUE];
    ol_quality_second seconds[OL_QRS_QUEUE];
    uint32_t n_beats, n_spans, n_seconds;
} ol_qrs;

/* `fs_hz` 100 to 2000, `n_leads` 1 to 8; `rail_uv` as for ol_quality_init. OL_OK or OL_E_ARGUMENT. */
int ol_qrs_init(ol_qrs *q, double fs_hz, uint32_t n_leads, float rail_uv);

/* Returns how many of `n` frames were taken: fewer when results wait to be drained. Interleaved microvolts; a value
 * that is no number repeats the one before. `lead_off`: one byte a frame, bit k for lead k, or NULL. */
size_t ol_qrs_push(ol_qrs *q, const float *frames_uv, const uint8_t *lead_off, size_t n);

/* `n_missing` frames are missing here: what came before is decided without what follows. OL_OK, OL_E_ARGUMENT, or
 * OL_E_ROOM when results wait to be drained first. */
int ol_qrs_gap(ol_qrs *q, int64_t n_missing);

/* The recording ends: decide all that is left. OL_OK or OL_E_ROOM, as above. */
int ol_qrs_finish(ol_qrs *q);

/* Move up to `room` results out, oldest first. Return how many. */
size_t ol_qrs_beats(ol_qrs *q, ol_beat *out, size_t room);
size_t ol_qrs_spans(ol_qrs *q, ol_span *out, size_t room);
size_t ol_qrs_seconds(ol_qrs *q, ol_quality_second *out, size_t room);

/* Bytes of a detector, for those who allocate it. */
size_t ol_qrs_size(void);

#endif
