/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 1, encoding. A chunk of frames is kept as levels and residuals, and coded backwards when it is full. */
#include "adaptive_hot.h"
#include "adaptive_model.h"
#include "ol_error.h"

static uint32_t zigzag(uint32_t a) {
    return (a << 1) ^ (0u - (a >> 31));
}

/* The first frame as zigzag varints. Returns false if it does not fit. */
static int put_first(ol_adaptive_encoder *enc, const int32_t *frame) {
    if (enc->capacity < 5 * OL_MAX_LEADS) {
        return 0;
    }
    for (uint32_t k = 0; k < enc->predictor.n_leads; k++) {
        enc->predictor.last[k] = (uint32_t)frame[k];
        uint32_t z = zigzag((uint32_t)frame[k]);
        for (; z >= 128; z >>= 7) {
            enc->payload[enc->used++] = (uint8_t)(z | 128);
        }
        enc->payload[enc->used++] = (uint8_t)z;
    }
    return 1;
}

int ol_adaptive_begin(ol_adaptive_encoder *enc, uint32_t n_leads, const uint8_t *lead_ids, uint32_t rate_mhz,
                      uint32_t chunk_frames, uint8_t *payload, size_t capacity) {
    if (!enc || !payload || n_leads - 1 >= OL_MAX_LEADS || chunk_frames - 1 >= OL_ADAPTIVE_CHUNK_FRAMES) {
        return OL_E_ARGUMENT;
    }
    const uint32_t zero[OL_MAX_LEADS] = {0};
    predictor_init(&enc->predictor, n_leads, lead_ids, rate_mhz, zero);
    context_init(&enc->context, n_leads);
    enc->payload = payload;
    enc->capacity = capacity;
    enc->used = 0;
    enc->n_frames = enc->n_open = enc->cost = enc->full = 0;
    enc->chunk_frames = chunk_frames;
    return OL_OK;
}

size_t ol_adaptive_push(ol_adaptive_encoder *enc, const int32_t *frames, size_t n_frames) {
    if (enc->full || n_frames == 0) {
        return 0;
    }
    if (enc->n_frames > 0) {
        return OL_HOT(ol_take_frames)(enc, frames, n_frames);
    }
    if (!put_first(enc, frames)) {
        return 0;
    }
    enc->n_frames = 1;
    return 1 + OL_HOT(ol_take_frames)(enc, frames + enc->predictor.n_leads, n_frames - 1);
}

void ol_adaptive_flush(ol_adaptive_encoder *enc) {
    if (enc->n_open) {
        OL_HOT(ol_chunk_encode)(enc);
    }
}

size_t ol_adaptive_finish(ol_adaptive_encoder *enc) {
    ol_adaptive_flush(enc);
    return enc->used;
}
