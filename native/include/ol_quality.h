/* SPDX-License-Identifier: Apache-2.0 */
/* Signal quality per lead and second: electrode off, railed, flat, noise, mains. A frame is eight lanes of microvolts. */
#ifndef OL_QUALITY_H
#define OL_QUALITY_H

#include <stddef.h>
#include <stdint.h>

enum ol_quality_flag {
    OL_QUALITY_LEAD_OFF = 1,  /* an electrode of the lead was off in some frame */
    OL_QUALITY_SATURATED = 2, /* at the rail, or swinging by 3 mV and held for 40 ms at a stretch */
    OL_QUALITY_FLAT = 4,      /* moves by less than 8 microvolts */
    OL_QUALITY_NOISE = 8,     /* a step or swing of 10 mV, or more way gone than a heart goes */
    OL_QUALITY_MAINS = 16,    /* 50 or 60 Hz stronger than 50 microvolts and a fifth of the swing */
    OL_QUALITY_UNUSABLE = 128 /* the lead says nothing about the heart in this second: score 0 */
};

/* One second. Frames lost are not in it: a gap begins a new second. */
typedef struct ol_quality_second {
    int64_t first_frame;
    int32_t n_frames;
    float mains_hz;   /* 50, 60, or 0 where no lead has 20 microvolts of either */
    float score[8];   /* 0 unusable .. 1 clean */
    uint8_t flags[8]; /* of ol_quality_flag; lanes that are not leads have none */
} ol_quality_second;

/* The second in progress. cdef: opaque */
typedef struct ol_quality {
    double fs_hz;
    uint32_t n_leads;
    int32_t per_second;
    float rail_uv;
    int64_t frame;
    int32_t n;
    uint8_t off;
    int primed;
    int32_t tone_step; /* frames from one that the tones look at to the next */
    float turn[2];     /* 2 cos(2 pi f tone_step / fs) of 50 and 60 Hz */
    float low[8], high[8], way[8], before[8];
    float still[8], longest[8]; /* steps of nothing in a row: now, and the most of the second */
    float tone[2][2][8]; /* [50 or 60 Hz][s1, s2] */
    float base[8];
} ol_quality;

/* `rail_uv`: the amplitude at which the front end saturates, 0 if unknown. OL_OK or OL_E_ARGUMENT (100..2000 Hz, 1..8).
 */
int ol_quality_init(ol_quality *q, double fs_hz, uint32_t n_leads, float rail_uv);

/* Add `n` frames, no more than are left of the second: per_second - n of it. Returns 1 if that completed the second and
 * filled `second`. `lead_off`: one byte a frame, bit k for lead k, or NULL. Lanes that are not leads are ignored. */
int ol_quality_push(ol_quality *q, const float (*frames_uv)[8], const uint8_t *lead_off, size_t n,
                    ol_quality_second *second);

/* End the second in progress. Returns 1 if there was one and `second` was filled. */
int ol_quality_end(ol_quality *q, ol_quality_second *second);

/* Go on `n_missing` frames later, with a second of its own. */
void ol_quality_skip(ol_quality *q, int64_t n_missing);

#endif
