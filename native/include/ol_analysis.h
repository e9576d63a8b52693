/* SPDX-License-Identifier: Apache-2.0 */
/* The analysis of a recording in one pass: frames in; beats, spans, quality, records and waves out, all in frames of the
 * recording. The front and the detector go ahead; classes and waves follow some seconds later, when the beats are known.
 * Where mains is heard it is removed on the way.
 *
 *     ol_analysis_init(a, &settings);
 *     for (done = 0; done < n;) {
 *         empty `found` when it is more than half full;
 *         done += ol_analysis_push_counts(a, counts + done * n_leads, off + done, n - done, &found);
 *     }
 *     ol_analysis_gap(a, n_missing, &found) where frames are missing; ol_analysis_gap(a, 0, &found) at the end
 *     ol_beats_label(ol_analysis_beats(a), ...) on all records
 *
 * Any chunking gives the same results. */
#ifndef OL_ANALYSIS_H
#define OL_ANALYSIS_H

#include "ol_ahead.h"
#include "ol_beat.h"
#include "ol_qrs.h"
#include "ol_wave.h"

enum ol_analysis_size {
    OL_ANALYSIS_LAG = 20,   /* seconds held between the detector and what follows it */
    OL_ANALYSIS_TOLD = 512, /* beats held, most */
    OL_ANALYSIS_ROOM = 640, /* places of each kind that must be free before more is taken in */
};

enum ol_analysis_stage {
    OL_ANALYSIS_DETECT = 1,    /* find the beats; without it they are told: ol_analysis_tell */
    OL_ANALYSIS_CLASSIFY = 2,  /* give a record a beat */
    OL_ANALYSIS_DELINEATE = 4, /* give the waves of each beat */
};

typedef struct ol_analysis_settings {
    double fs_hz;       /* 100 to 2000 */
    uint32_t n_leads;   /* 1 to 8 */
    uint32_t stages;    /* of ol_analysis_stage */
    float rail_uv;      /* amplitude at which the front end saturates, 0 if unknown */
    uint8_t channels[2];     /* the leads whose P waves are looked at for the classes */
    int32_t lead_i, lead_ii; /* columns of these leads, -1 if there is none: for the axis */
} ol_analysis_settings;

/* A beat: the frame of the middle of its main deflection, and how sure the detector is of it. */
typedef struct ol_beat {
    int64_t frame;
    double at_frame; /* the same, not rounded */
    float score; /* log of the odds that this is a beat, its rhythm left aside */
    float size_uv;
} ol_beat;

/* Frames first_frame to end_frame - 1: a kind of ol_span_kind. */
typedef struct ol_span {
    int64_t first_frame;
    int64_t end_frame;
    int32_t kind;
    int32_t reserved;
} ol_span;

/* Where results go: arrays of `room` entries each; records and waves are one a beat, in order. */
typedef struct ol_analysis_found {
    size_t room;
    ol_beat *beats;
    ol_span *spans;
    ol_quality_second *seconds;
    ol_beat_record *records;
    ol_wave_beat *waves;
    size_t n_beats, n_spans, n_seconds, n_records, n_waves;
} ol_analysis_found;

/* cdef: opaque */
typedef struct ol_analysis {
    ol_analysis_settings settings;
    int64_t n_in, n_out; /* seconds of the stretch: told to the detector, told to classes and waves */
    double told[OL_ANALYSIS_TOLD]; /* frames of beats, in order: put, handed on, and what came back of them */
    int64_t n_put, n_handed, n_records, n_waves;
    int64_t n_followed;            /* seconds that classes and waves have had */
    int64_t origin, end_frame;     /* first frame of the stretch, and frame after its newest second */
    ol_ahead ahead;
    ol_qrs qrs;
    ol_beats beats;
    ol_waves waves;
    ol_second lag[OL_ANALYSIS_LAG];
} ol_analysis;

/* OL_OK or OL_E_ARGUMENT. */
int ol_analysis_init(ol_analysis *a, const ol_analysis_settings *settings);

/* Without the detector: a beat is at `frame`. In rising order, before the frames of the five seconds after it are
 * pushed. OL_OK, OL_E_ARGUMENT (not after the last one, or the detector is on) or OL_E_ROOM (push frames first). */
int ol_analysis_tell(ol_analysis *a, double frame);

/* The same of n beats, as many as there is room for: returns how many were taken, or OL_E_ARGUMENT at one that is not after
 * the one before it. */
int ol_analysis_tell_all(ol_analysis *a, const double *frames, size_t n);

/* Take up to `n` frames of interleaved microvolts; `lead_off`: one byte a frame, bit k for lead k, or NULL. Returns how
 * many were taken: fewer when less than OL_ANALYSIS_ROOM places of a kind are free. */
size_t ol_analysis_push(ol_analysis *a, const float *frames_uv, const uint8_t *lead_off, size_t n,
                        ol_analysis_found *found);

/* The same of the integers of a recording: microvolt = count * scale_uv of its lead. */
size_t ol_analysis_push_counts(ol_analysis *a, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off,
                               size_t n, ol_analysis_found *found);

/* The same of seconds that an ol_ahead of its own has made, in place of frames; its gaps that end a stretch are told to
 * ol_analysis_gap. Returns how many seconds were taken. */
size_t ol_analysis_push_seconds(ol_analysis *a, const ol_second *seconds, size_t n, ol_analysis_found *found);

/* Seconds, since the start, whose beats are decided: classes and waves have had them. */
int64_t ol_analysis_followed(const ol_analysis *a);

/* `n_missing` frames are missing here, or the recording ends: what came before is decided without what follows. Up to
 * 40 ms are bridged. OL_OK, OL_E_ARGUMENT, or OL_E_ROOM as above. */
int ol_analysis_gap(ol_analysis *a, int64_t n_missing, ol_analysis_found *found);

/* What the second pass over the records is asked of. */
const ol_beats *ol_analysis_beats(const ol_analysis *a);

#endif
