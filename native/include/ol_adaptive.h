/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 1, ADAPTIVE (docs/SPEC.md, 4.2): lossless coding of up to eight simultaneous leads. A payload decodes by
 * itself. */
#ifndef OL_ADAPTIVE_H
#define OL_ADAPTIVE_H

#include "ol_adaptive_dim.h"
#include "ol_constants.h"
#include <stddef.h>
#include <stdint.h>

#define OL_ADAPTIVE_UNKNOWN 255       /* any lead id above 7 */
#define OL_ADAPTIVE_CHUNK_FRAMES 1024 /* frames an encoder may hold before it must code them */

/* Eight lanes, one per lead; alignment of one word, so that the structs may live anywhere. */
typedef uint32_t ol_lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t ol_slanes __attribute__((vector_size(32), aligned(4), may_alias));

/* Adaptive linear predictor of the first difference of each lead. */
typedef struct ol_predictor {
    ol_lanes w_d[OL_D_TAPS];             /* own first differences, lags 2 .. OL_D_TAPS + 1 */
    ol_lanes w_e[OL_E_TAPS];             /* own residuals, lags 2 .. OL_E_TAPS + 1 */
    ol_lanes w_cd[OL_MAX_LEADS];         /* [j][k]: difference of lead j, lag 1, into lead k */
    ol_lanes w_ce[OL_MAX_LEADS];         /* [j][k]: residual of lead j, lag 1, into lead k */
    ol_lanes w_in[OL_MAX_LEADS];         /* [j][k], j < k: residual of lead j in this frame into lead k */
    ol_lanes d[OL_HIST + OL_D_TAPS + 1]; /* clipped differences, newest last */
    ol_lanes e[OL_HIST + OL_D_TAPS + 1]; /* clipped residuals */
    ol_lanes p_d;                        /* per lead: sum of squares of d over the window */
    ol_lanes last;                       /* previous frame */
    ol_lanes p_e;                        /* in every lane: 32 x running mean of the sum over leads of e squared */
    uint32_t at;                         /* index of the next entry of d and e */
    uint32_t n_leads;
} ol_predictor;

/* Running means that choose the code of the next residuals. 1024 means |e| = 1. */
typedef struct ol_context {
    ol_lanes slow, fast;
    ol_lanes all; /* in every lane */
    uint32_t all_gain;
} ol_context;

typedef struct ol_adaptive_encoder {
    ol_predictor predictor;
    ol_context context;
    uint8_t *payload;
    size_t capacity, used; /* bytes */
    uint32_t n_frames;     /* taken so far, the open chunk included */
    uint32_t n_open;       /* frames in the open chunk */
    uint32_t chunk_frames;
    uint32_t full; /* a frame was refused: nothing more is taken */
    uint32_t cost; /* upper bound of the open chunk, 1/256 bit */
    uint8_t level[OL_ADAPTIVE_CHUNK_FRAMES][OL_MAX_LEADS];
    int32_t residual[OL_ADAPTIVE_CHUNK_FRAMES][OL_MAX_LEADS];
} ol_adaptive_encoder;

/* What a decoder does with the low bits of its state: state = frequency x (state >> OL_FREQ_BITS) + offset. */
typedef struct ol_slot {
    uint16_t frequency, offset;
} ol_slot;

typedef struct ol_adaptive_tables {
    ol_slot slot[OL_N_TABLES << OL_FREQ_BITS]; /* table << OL_FREQ_BITS | low bits */
    int8_t value[OL_N_TABLES << OL_FREQ_BITS]; /* the residual, OL_SYM_HALF + 1 for the escape */
} ol_adaptive_tables;

/* Begin a payload in the `capacity` bytes at `payload`. `lead_ids` are the codec's own: 0 I, 1 II, 2 to 7 V1 to V6;
 * NULL or others mean unknown leads. `chunk_frames` is 1 to OL_ADAPTIVE_CHUNK_FRAMES. OL_OK or OL_E_ARGUMENT. */
int ol_adaptive_begin(ol_adaptive_encoder *enc, uint32_t n_leads, const uint8_t *lead_ids, uint32_t rate_mhz,
                      uint32_t chunk_frames, uint8_t *payload, size_t capacity);

/* Takes interleaved frames until the next one might not fit. Returns the number taken, fewer than n_frames when the
 * payload is full. */
size_t ol_adaptive_push(ol_adaptive_encoder *enc, const int32_t *frames, size_t n_frames);

/* Codes the open chunk now, so that everything taken so far is in the payload; recording may go on. */
void ol_adaptive_flush(ol_adaptive_encoder *enc);

/* Flushes and returns the number of payload bytes. */
size_t ol_adaptive_finish(ol_adaptive_encoder *enc);

/* Fills the tables every decoder may share. */
void ol_adaptive_tables_init(ol_adaptive_tables *tables);

/* Decodes n_frames interleaved frames into out. Reads nothing outside payload; any bytes are safe. */
int ol_adaptive_decode(const ol_adaptive_tables *tables, const uint8_t *payload, size_t n_bytes, uint32_t n_leads,
                       const uint8_t *lead_ids, uint32_t rate_mhz, uint32_t n_frames, int32_t *out);

#endif
