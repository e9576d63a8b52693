/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 1, decoding. Any bytes are safe: what is not a payload gives an error, and nothing outside it is read. */
#include "adaptive_hot.h"
#include "adaptive_model.h"
#include "ol_error.h"

void ol_adaptive_tables_init(ol_adaptive_tables *tables) {
    for (uint32_t t = 0; t < OL_N_TABLES; t++) {
        for (uint32_t s = 0; s < OL_N_SYMBOLS; s++) {
            for (uint32_t i = 0; i < ol_freq[t][s]; i++) {
                const uint32_t at = t << OL_FREQ_BITS | (ol_start[t][s] + i);
                tables->slot[at] = (ol_slot){ol_freq[t][s], (uint16_t)i};
                tables->value[at] = (int8_t)(s - OL_SYM_HALF);
            }
        }
    }
}

static uint32_t unzigzag(uint32_t a) {
    return (a >> 1) ^ (0u - (a & 1));
}

static uint32_t get_le(const uint8_t *at, uint32_t n_bytes) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < n_bytes; i++) {
        value |= (uint32_t)at[i] << 8 * i;
    }
    return value;
}

static int chunk_status(const ol_chunk_reader *d) {
    if (d->truncated) {
        return OL_E_PAYLOAD;
    }
    return d->state[0] == STATE_MIN && d->state[1] == STATE_MIN ? OL_OK : OL_E_PAYLOAD;
}

static int get_first(ol_chunk_reader *d, uint32_t n_leads, uint32_t *first) {
    for (uint32_t k = 0; k < n_leads; k++) {
        uint32_t z = 0, byte = 128;
        for (uint32_t shift = 0; byte & 128; shift += 7) {
            if (d->at == d->end) {
                return OL_E_PAYLOAD;
            }
            if (shift > 28) {
                return OL_E_PAYLOAD;
            }
            byte = *d->at++;
            z |= (byte & 127) << shift;
        }
        first[k] = unzigzag(z);
    }
    return OL_OK;
}

/* Reads the head of a chunk; returns its frames or a negative error. */
static int chunk_head(ol_chunk_reader *d, uint32_t n_left) {
    if (d->end - d->at < CHUNK_HEAD) {
        return OL_E_PAYLOAD;
    }
    const uint32_t n = get_le(d->at, 2);
    d->state[0] = get_le(d->at + 2, 4);
    d->state[1] = get_le(d->at + 6, 4);
    d->at += CHUNK_HEAD;
    if (n == 0 || n > n_left) {
        return OL_E_PAYLOAD;
    }
    if (d->state[0] - STATE_MIN >= (1u << 31) - STATE_MIN || d->state[1] - STATE_MIN >= (1u << 31) - STATE_MIN) {
        return OL_E_PAYLOAD;
    }
    return (int)n;
}

int ol_adaptive_decode(const ol_adaptive_tables *tables, const uint8_t *payload, size_t n_bytes, uint32_t n_leads,
                       const uint8_t *lead_ids, uint32_t rate_mhz, uint32_t n_frames, int32_t *out) {
    if (!tables || !payload || !out || n_leads - 1 >= OL_MAX_LEADS) {
        return OL_E_ARGUMENT;
    }
    if (n_frames == 0) {
        return n_bytes ? OL_E_PAYLOAD : OL_OK;
    }
    ol_chunk_reader d = {{0, 0}, payload, payload + n_bytes, 0};
    uint32_t first[OL_MAX_LEADS];
    int status = get_first(&d, n_leads, first);
    if (status) {
        return status;
    }
    _Alignas(64) ol_predictor predictor; /* a vector across two cache lines is slow to store */
    _Alignas(64) ol_context context;
    predictor_init(&predictor, n_leads, lead_ids, rate_mhz, first);
    context_init(&context, n_leads);
    ol_chunk_decode *const decode = OL_HOT(ol_chunk_decode);
    memcpy(out, first, n_leads * sizeof *out);
    for (uint32_t done = 1; done < n_frames;) {
        const int n = chunk_head(&d, n_frames - done);
        if (n < 0) {
            return n;
        }
        decode(tables, &d, &predictor, &context, (uint32_t)n, out + (size_t)done * n_leads);
        status = chunk_status(&d);
        if (status) {
            return status;
        }
        done += (uint32_t)n;
    }
    return d.at == d.end ? OL_OK : OL_E_PAYLOAD;
}
