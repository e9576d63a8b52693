/* SPDX-License-Identifier: Apache-2.0 */
/* Taking frames, and coding a chunk: see adaptive_hot.h. */
#include "adaptive_hot.h"
#include "adaptive_model.h"

/* In 1/256 bit a symbol: more than the coder can lose by rounding, log2(1 + 1/32). */
#define COST_MARGIN 12

/* An escape is followed by 8 bits; if they are -128, by 16; if those are -32768, by 32. */
OL_INLINE uint32_t escape_bits(int32_t e) {
    return e > -128 && e < 128 ? 8 : e > -32768 && e < 32768 ? 24 : 56;
}

/* Symbol of residual e at a level: its high part, or an escape where that has no code. */
OL_INLINE uint32_t symbol_of(int32_t e, uint32_t table, uint32_t raw_bits) {
    const int32_t high = e >> raw_bits;
    const uint32_t s = (uint32_t)high + OL_SYM_HALF;
    if (s <= 2 * OL_SYM_HALF && ol_freq[table][s]) {
        return s;
    }
    return SYM_ESCAPE;
}

OL_INLINE uint32_t residual_cost(int32_t e, uint32_t level) {
    const uint32_t table = level_table(level), raw = level_raw_bits(level), s = symbol_of(e, table, raw);
    return ol_cost[table][s] + COST_MARGIN + 256 * (s == SYM_ESCAPE ? escape_bits(e) : raw);
}

/* Coder of one chunk: words are written downwards from the end of the buffer. */
typedef struct {
    uint32_t state[2];
    uint8_t *at;
} coder;

OL_INLINE void renormalise(coder *c, uint32_t which, uint32_t limit) {
    if (c->state[which] < limit) {
        return;
    }
    *--c->at = (uint8_t)(c->state[which] >> 8);
    *--c->at = (uint8_t)c->state[which];
    c->state[which] >>= 16;
}

OL_INLINE void put_raw(coder *c, uint32_t which, uint32_t value, uint32_t n_bits) {
    renormalise(c, which, 1u << (31 - n_bits));
    c->state[which] = c->state[which] << n_bits | (value & ((1u << n_bits) - 1));
}

OL_INLINE void put_symbol(coder *c, uint32_t which, uint32_t table, uint32_t s) {
    const uint32_t f = ol_freq[table][s], start = ol_start[table][s];
    renormalise(c, which, f << (31 - OL_FREQ_BITS));
    const uint32_t x = c->state[which];
    c->state[which] = ((x / f) << OL_FREQ_BITS) + x % f + start;
}

/* Backwards: what the decoder reads last goes in first. */
static void put_bytes(coder *c, uint32_t which, uint32_t value, uint32_t n_bits) {
    while (n_bits) {
        put_raw(c, which, value >> (n_bits -= 8), 8);
    }
}

static void put_escaped(coder *c, uint32_t which, int32_t e) {
    const uint32_t n_bits = escape_bits(e);
    if (n_bits == 56) {
        put_bytes(c, which, (uint32_t)e, 32);
    }
    if (n_bits >= 24) {
        put_bytes(c, which, n_bits == 24 ? (uint32_t)e : 0x8000, 16);
    }
    put_bytes(c, which, n_bits == 8 ? (uint32_t)e : 0x80, 8);
}

OL_INLINE void put_residual(coder *c, uint32_t which, int32_t e, uint32_t level) {
    const uint32_t table = level_table(level), raw = level_raw_bits(level), s = symbol_of(e, table, raw);
    if (s == SYM_ESCAPE) {
        put_escaped(c, which, e);
    } else if (raw) {
        put_raw(c, which, (uint32_t)e, raw);
    }
    put_symbol(c, which, table, s);
}

static void put_le(uint8_t *at, uint32_t value, uint32_t n_bytes) {
    for (uint32_t i = 0; i < n_bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

/* Codes the open chunk backwards, last lead of the last frame first, and moves it behind what is there. */
void HOT(ol_chunk_encode)(ol_adaptive_encoder *enc) {
    coder c = {{STATE_MIN, STATE_MIN}, enc->payload + enc->capacity};
    for (uint32_t n = enc->n_open; n-- > 0;) {
        for (uint32_t k = enc->predictor.n_leads; k-- > 0;) {
            put_residual(&c, k & 1, enc->residual[n][k], enc->level[n][k]);
        }
    }
    uint8_t *head = enc->payload + enc->used;
    const size_t n_words = (size_t)(enc->payload + enc->capacity - c.at);
    memmove(head + CHUNK_HEAD, c.at, n_words);
    put_le(head, enc->n_open, 2);
    put_le(head + 2, c.state[0], 4);
    put_le(head + 6, c.state[1], 4);
    enc->used += CHUNK_HEAD + n_words;
    enc->n_open = enc->cost = 0;
}

/* Put a frame into the open chunk. 0 if the payload cannot be sure to hold it: its traces in the predictor stay, so
 * nothing more may be taken. */
OL_INLINE int take_frame(ol_adaptive_encoder *enc, ol_lanes frame, uint32_t n_leads) {
    const ol_slanes level = context_levels(&enc->context);
    const ol_lanes e = predict_and_adapt(&enc->predictor, frame);
    uint32_t cost = enc->cost;
    for (uint32_t k = 0; k < n_leads; k++) {
        enc->level[enc->n_open][k] = (uint8_t)level[k];
        enc->residual[enc->n_open][k] = (int32_t)e[k];
        cost += residual_cost((int32_t)e[k], (uint32_t)level[k]);
    }
    if (enc->used + CHUNK_HEAD + (cost + 2047) / 2048 > enc->capacity) {
        return 0;
    }
    context_update(&enc->context, e);
    enc->cost = cost;
    enc->n_frames++;
    enc->n_open++;
    return 1;
}

OL_INLINE size_t take_frames_of(ol_adaptive_encoder *enc, const int32_t *frames, size_t n_frames, uint32_t n_leads) {
    for (size_t taken = 0; taken < n_frames; taken++, frames += n_leads) {
        ol_lanes frame = splat(0);
        memcpy(&frame, frames, n_leads * sizeof *frames);
        if (!take_frame(enc, frame, n_leads)) {
            enc->full = 1;
            return taken;
        }
        if (enc->n_open == enc->chunk_frames) {
            HOT(ol_chunk_encode)(enc);
        }
    }
    return n_frames;
}

/* Eight leads are worth a copy of their own, with loops of known length. */
size_t HOT(ol_take_frames)(ol_adaptive_encoder *enc, const int32_t *frames, size_t n_frames) {
    if (enc->predictor.n_leads == OL_MAX_LEADS) {
        return take_frames_of(enc, frames, n_frames, OL_MAX_LEADS);
    }
    return take_frames_of(enc, frames, n_frames, enc->predictor.n_leads);
}
