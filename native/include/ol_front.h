/* SPDX-License-Identifier: Apache-2.0 */
/* The front of the analysis: frames of any rate in, seconds out, each with its signal at 250 Hz and its quality. What
 * follows knows nothing of rates, missing values or chunks: it is handed whole seconds, always the same ones.
 *
 *     ol_front_init(f, fs_hz, n_leads, rail_uv);
 *     for (done = 0; done < n;) {
 *         done += ol_front_push(f, frames + done * n_leads, off + done, n - done, &second, &is_full);
 *         if (is_full) ...
 *     }
 *     at a gap and at the end: while (ol_front_end(f, &second)) ...; ol_front_skip(f, n_missing);
 */
#ifndef OL_FRONT_H
#define OL_FRONT_H

#include "ol_quality.h"

#define OL_ROW_HZ 250
#define OL_ROW_MS 4
#define OL_FRONT_ROWS 256  /* in a second, most: rates that are no whole number have one or two more than 250 */
#define OL_FRONT_PHASES 64 /* places between two frames at which a row may lie */
#define OL_FRONT_REACH 49  /* frames to each side of a row that it is made of, most */
#define OL_FRONT_INPUT 2304

/* A second of signal. A stretch is what lies between two gaps; its rows are counted from its first frame, and a row's
 * place is frame `origin` + row * frames_per_row. A stretch ends with a shorter second. cdef: opaque */
typedef struct ol_second {
    int64_t origin;    /* frame at which the stretch begins */
    int64_t first_row; /* 0: a stretch begins */
    int32_t n_rows;
    ol_quality_second quality;
    float rows[OL_FRONT_ROWS][8]; /* microvolt; lanes that are not leads are 0 */
} ol_second;

/* The second in progress. cdef: opaque */
typedef struct ol_front {
    double frames_per_row;
    uint32_t n_leads, reach;
    ol_quality quality;
    int64_t origin;
    int64_t n_frames, n_rows; /* of the stretch */
    int64_t second_end;       /* frame of the stretch at which the complete second ends */
    int is_padded;
    int has_second;           /* one is complete and waits for the frames its last row looks ahead to */
    ol_quality_second second;
    float last[8];
    float filter[OL_FRONT_PHASES + 1][2 * OL_FRONT_REACH];
    uint32_t n_taps;                      /* whole frames to a row: only one phase is used, and only */
    uint8_t tap_at[2 * OL_FRONT_REACH];   /* taps that are not 0 */
    int64_t input_first;                  /* frame of the stretch in input[0] */
    uint32_t n_input;
    float input[OL_FRONT_INPUT][8];
} ol_front;

/* `fs_hz` 100 to 2000, `n_leads` 1 to 8; `rail_uv` as for ol_quality_init. OL_OK or OL_E_ARGUMENT. */
int ol_front_init(ol_front *f, double fs_hz, uint32_t n_leads, float rail_uv);

/* Take up to `n` frames of interleaved microvolts; stops where a second is full and then sets `*is_full`. A value that
 * is no number, or beyond 10 V, repeats the one before, and its lead counts as off in that second. `lead_off`: one byte
 * a frame, bit k for lead k, or NULL. Returns how many were taken. */
size_t ol_front_push(ol_front *f, const float *frames_uv, const uint8_t *lead_off, size_t n, ol_second *second,
                     int *is_full);

/* The same of the integers of a recording: microvolt = count * scale_uv of its lead. */
size_t ol_front_push_counts(ol_front *f, const int32_t *counts, const float *scale_uv, const uint8_t *lead_off, size_t n,
                            ol_second *second, int *is_full);

/* The stretch ends: fills `second` and returns 1 while there is one left, at most twice. */
int ol_front_end(ol_front *f, ol_second *second);

/* After ol_front_end has returned 0: the next frame pushed begins another stretch, `n_missing` frames later. */
void ol_front_skip(ol_front *f, int64_t n_missing);

#endif
