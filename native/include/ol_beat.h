/* SPDX-License-Identifier: Apache-2.0 */
/* Beat templates and classes. Two passes: the first takes the seconds of the front and makes one record of 128 bytes a
 * beat and the templates of the morphologies, the second labels all beats of a recording once its ordinary beat and
 * rhythm are known.
 *
 *     ol_beats_init(b, n_leads, channels);
 *     for each second: ol_beats_tell(b, at_ms) of the beats in it and of some to come;
 *                      n += ol_beats_take(b, &second, records + n, room - n);
 *     where a stretch ends: while ((k = ol_beats_end(b, records + n, room - n)) > 0) n += k;
 *     set `frame` of each record; ol_beats_label(b, fs_hz, records, n, work, labels); */
#ifndef OL_BEAT_H
#define OL_BEAT_H

#include "ol_front.h"

enum ol_beat_size {
    OL_BEAT_LANES = 8,       /* leads, most */
    OL_BEAT_RING = 2048,     /* rows held: 8 s, 5 of them for beats told late */
    OL_BEAT_SECONDS = 16,    /* seconds whose quality is held */
    OL_BEAT_PENDING = 256,   /* beats told and not yet measured, most */
    OL_BEAT_GRID = 160,      /* samples of a template */
    OL_BEAT_GRID_MS = 5,     /* between them */
    OL_BEAT_GRID_R = 72,     /* the one at the fiducial point */
    OL_BEAT_MARGIN = 4,      /* samples a window may be shifted either way */
    OL_BEAT_QRS = 49,        /* samples of the QRS window, -100 to +140 ms */
    OL_BEAT_QRS_AT = 52,     /* its first one */
    OL_BEAT_CLUSTERS = 48,   /* morphologies held at a time */
    OL_BEAT_SERIALS = 2048,  /* morphologies ever begun, most */
    OL_BEAT_P_SAMPLES = 26,  /* of the P window, 10 ms apart, -310 to -60 ms */
    OL_BEAT_Q_SAMPLES = 23,  /* of the QRS shape, 10 ms apart, -100 to +120 ms */
    OL_BEAT_FEATURES = 65    /* numbers a beat is judged by */
};

/* What the first pass keeps of a beat. Offsets are from its fiducial point, the centre of its QRS slopes. */
typedef struct ol_beat_record {
    uint64_t frame;                        /* of the recording; written by the caller, who told the time */
    uint16_t cluster;                      /* serial number of its morphology: see ol_beats_slot */
    int16_t fiducial_ms;                   /* of the fiducial point after what was told */
    uint16_t p_scale[2], q_scale[2];       /* microvolt/100 of one unit of p and q; 0: channel not usable */
    uint8_t width_2ms, area_2ms;           /* QRS duration; its area over its peak */
    uint8_t distance;                      /* to its cluster's template, 1/256 */
    uint8_t noise;                         /* slopes outside QRS and T over those of QRS, 1/256 */
    uint8_t flags;                         /* OL_BEAT_GAP_BEFORE ... */
    int8_t p[2][OL_BEAT_P_SAMPLES];
    int8_t q[2][OL_BEAT_Q_SAMPLES];
    uint8_t spike;                         /* height of a narrow pulse over the steepest slope after it, 1/64 */
    uint8_t reserved[4];
} ol_beat_record;

enum ol_beat_flag {
    OL_BEAT_GAP_BEFORE = 1, /* frames are missing between this beat and the one before */
    OL_BEAT_NO_SIGNAL = 2,  /* no lead is usable */
};

/* Mean waveform of a morphology, and what matching needs. cdef: opaque */
typedef struct ol_beat_template {
    float wave[OL_BEAT_GRID][OL_BEAT_LANES]; /* microvolt */
    float qrs[OL_BEAT_QRS][OL_BEAT_LANES];   /* the same without its mean */
    float energy[OL_BEAT_LANES];             /* sum of squares of qrs; 0: lead unknown */
    uint32_t count;
    uint16_t serial;
} ol_beat_template;

/* cdef: opaque */
typedef struct ol_beats {
    uint32_t n_leads;
    uint8_t channel[2];
    uint8_t gap_open;
    int64_t n_rows; /* taken of the stretch */
    float last[OL_BEAT_LANES], high1[OL_BEAT_LANES], high2[OL_BEAT_LANES];
    double pending_ms[OL_BEAT_PENDING];
    uint32_t pending_at, pending_n;
    int64_t second_row[OL_BEAT_SECONDS]; /* first row of a second */
    uint8_t good[OL_BEAT_SECONDS];       /* leads usable in it */
    uint32_t n_seconds;                  /* taken of the stretch */
    uint32_t n_clusters, n_serials;
    uint8_t slot_of[OL_BEAT_SERIALS];
    ol_beat_template clusters[OL_BEAT_CLUSTERS];
    float ring[OL_BEAT_RING][OL_BEAT_LANES];
    float window[OL_BEAT_GRID + 2 * OL_BEAT_MARGIN][OL_BEAT_LANES];
    float usable[OL_BEAT_LANES];
} ol_beats;

/* `channels` are the two leads whose P waves are looked at (the same twice for one lead). OL_OK or OL_E_ARGUMENT. */
int ol_beats_init(ol_beats *beats, uint32_t n_leads, const uint8_t *channels);

/* Tells of a beat of this stretch, in ascending order, before its second is taken or at most 5 s after. OL_OK,
 * OL_E_ROOM when OL_BEAT_PENDING wait, or OL_E_ARGUMENT for what is no time. */
int ol_beats_tell(ol_beats *beats, double at_ms);

/* Takes the next second and writes the records of the beats completed, in the order told: `room` of OL_BEAT_PENDING is
 * always enough. Returns how many. */
size_t ol_beats_take(ol_beats *beats, const ol_second *second, ol_beat_record *out, size_t room);

/* The stretch ends: completes the beats told. Call until it returns 0. */
size_t ol_beats_end(ol_beats *beats, ol_beat_record *out, size_t room);

/* The cluster, as an index of `clusters`, that serial number `serial` has ended in. */
uint32_t ol_beats_slot(const ol_beats *beats, uint32_t serial);

/* Mean waveform of cluster `slot`: OL_BEAT_GRID x OL_BEAT_LANES values in microvolt. Returns how many beats it has. */
uint32_t ol_beats_template(const ol_beats *beats, uint32_t slot, float *wave);

/* Second pass. */

enum ol_beat_class { OL_BEAT_N = 0, OL_BEAT_S = 1, OL_BEAT_V = 2, OL_BEAT_F = 3, OL_BEAT_Q = 4, OL_BEAT_PACED = 5 };

enum ol_beat_reason {
    OL_BEAT_PREMATURE = 1,      /* RR at least 12 % below that of the ordinary beats around */
    OL_BEAT_COMPENSATED = 2,    /* followed by a pause that makes up for it */
    OL_BEAT_WIDE = 4,           /* QRS of 120 ms or more, and wider than the ordinary one */
    OL_BEAT_DIFFERENT = 8,      /* another morphology than the ordinary one */
    OL_BEAT_P_ABSENT = 16,      /* no P wave like the ordinary one where it should be */
    OL_BEAT_P_MOVED = 32,       /* such a P wave, but at another PR */
    OL_BEAT_AF_CONTEXT = 64,    /* irregular RR and no steady P wave around: early is no evidence */
    OL_BEAT_PACED_SPIKE = 128,  /* a narrow pulse before a wide QRS */
    OL_BEAT_ABERRANT = 256,     /* supraventricular by rhythm, of a different shape */
    OL_BEAT_FUSION_LIKE = 512,  /* between the ordinary and a ventricular shape */
    OL_BEAT_NOISY = 1024,       /* noise beside the QRS: less trust in the P wave */
    OL_BEAT_IN_RUN = 2048,      /* in a run of fast beats that began at once */
    OL_BEAT_LATE = 4096         /* RR at least 20 % above the ordinary: an escape beat, if not N */
};

typedef struct ol_beat_label {
    uint64_t frame;
    uint8_t beat_class;
    uint8_t cluster;    /* index of the templates */
    uint8_t confidence; /* percent: probability of the class told */
    uint8_t width_2ms;
    uint32_t reasons;
} ol_beat_label;

/* Work memory of the second pass, one a beat. cdef: opaque */
typedef struct ol_beat_context {
    double time_s;
    float rr_s;       /* from the beat before; 0: unknown */
    float median_s;   /* of the RR around */
    float long_s;     /* mean RR of some 800 beats around */
    float ordinary_s; /* median of the RR around that end in ordinary beats at their time */
    float irregular;  /* median relative change of RR between beats of ordinary shape */
    float spread;     /* median relative distance from ordinary_s of the same */
    float distance;   /* to the ordinary template of its time */
    float shape[2], gain[2]; /* correlation with it, and amplitude beside it, by channel */
    float p[2], p_edge[2];   /* correlation with the ordinary P window, and of the slopes of both */
    float p_gain[2], p_best[2], p_weight[2];
    float p_steady, af, run, onset, unsteady;
    float odds_v, ectopic; /* log odds of V, probability of V or S */
    int8_t p_shift[2];
    uint8_t slot, ordinary;
    uint8_t burst; /* in a run of three or more fast beats that began at once */
} ol_beat_context;

/* Label the `n` beats of a recording of `fs_hz` frames a second, in time order. `work` and `labels` have n entries. */
int ol_beats_label(const ol_beats *beats, double fs_hz, const ol_beat_record *list, size_t n, ol_beat_context *work,
                   ol_beat_label *labels);

/* The features the labels rest on, n x OL_BEAT_FEATURES, for training and for explaining. */
int ol_beats_features(const ol_beats *beats, double fs_hz, const ol_beat_record *list, size_t n, ol_beat_context *work,
                      float *features);

#endif
