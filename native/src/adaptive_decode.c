/* SPDX-License-Identifier: Apache-2.0 */
/* Codec 1, decoding. Any bytes are safe: what is not a payload gives an error, and nothing outside it is read. */
#include "adaptive_model.h"
#include "bytes.h"
#include "ol_error.h"

/* More than a frame can take, counting the word that is read whether or not it is used. */
#define FRAME_MAX_BYTES (2 * 8 * OL_MAX_LEADS)

static uint32_t unzigzag(uint32_t a) {
    return (a >> 1) ^ (0u - (a & 1));
}

void ol_adaptive_tables_init(ol_adaptive_tables *tables) {
    for (uint32_t t = 0; t < OL_N_TABLES; t++) {
        for (uint32_t s = 0; s < OL_N_SYMBOLS; s++) {
            for (uint32_t i = 0; i < ol_freq[t][s]; i++) {
                tables->slot[t][ol_start[t][s] + i] = s << 22 | (uint32_t)ol_freq[t][s] << 11 | i;
            }
        }
    }
}

typedef struct {
    uint32_t state[2];
    const uint8_t *at, *end;
    int truncated;
} decoder;

static uint32_t get_le(const uint8_t *at, uint32_t n_bytes) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < n_bytes; i++) {
        value |= (uint32_t)at[i] << 8 * i;
    }
    return value;
}

/* Takes a word if the state has run low; an exhausted payload gives zeros and a note of it. */
OL_INLINE uint32_t refill(decoder *d, uint32_t x) {
    if (x >= STATE_MIN) {
        return x;
    }
    if (d->end - d->at < 2) {
        d->truncated = 1;
        return x << 16;
    }
    const uint32_t word = (uint32_t)(d->at[0] | d->at[1] << 8);
    d->at += 2;
    return x << 16 | word;
}

OL_INLINE uint32_t get_raw(decoder *d, uint32_t *x, uint32_t n_bits) {
    const uint32_t value = *x & ((1u << n_bits) - 1);
    *x = refill(d, *x >> n_bits);
    return value;
}

static uint32_t get_bytes(decoder *d, uint32_t *x, uint32_t n_bits) {
    uint32_t value = 0;
    for (uint32_t shift = 0; shift < n_bits; shift += 8) {
        value |= get_raw(d, x, 8) << shift;
    }
    return value;
}

static uint32_t get_escaped(decoder *d, uint32_t *x) {
    uint32_t e = get_bytes(d, x, 8);
    if (e != 0x80) {
        return (uint32_t)(int8_t)e;
    }
    e = get_bytes(d, x, 16);
    return e != 0x8000 ? (uint32_t)(int16_t)e : get_bytes(d, x, 32);
}

/* The rare case works on copies: nothing of the hot loop has an address, so all of it can stay in registers. */
OL_INLINE uint32_t get_escape(decoder *d, uint32_t *x) {
    decoder rare = *d;
    uint32_t state = *x;
    const uint32_t e = get_escaped(&rare, &state);
    *x = state;
    *d = rare;
    return e;
}

/* What the context says of a frame's residuals before any of them is read: the table, and how many raw bits follow. */
typedef struct {
    uint32_t table[OL_MAX_LEADS], raw[OL_MAX_LEADS];
} codes;

OL_INLINE void get_codes(const ol_context *c, codes *out) {
    const ol_slanes level = context_levels(c), beyond = level >= (ol_slanes)splat(OL_N_TABLES);
    const ol_slanes table = select_lanes(beyond, (level & 3) + (OL_N_TABLES - 4), level);
    const ol_slanes raw = ((level >> 2) - (OL_N_TABLES / 4 - 1)) & beyond;
    memcpy(out->table, &table, sizeof out->table);
    memcpy(out->raw, &raw, sizeof out->raw);
}

/* The residual of lead k, near the end of a payload or of fewer leads. */
OL_INLINE uint32_t get_residual(const ol_adaptive_tables *tables, decoder *d, const codes *code, const uint32_t k) {
    const uint32_t raw = code->raw[k];
    uint32_t x = d->state[k & 1];
    const uint32_t slot = tables->slot[code->table[k]][x & ((1u << OL_FREQ_BITS) - 1)];
    x = refill(d, (slot >> 11 & 2047) * (x >> OL_FREQ_BITS) + (slot & 2047));
    const uint32_t s = slot >> 22;
    uint32_t e = s - OL_SYM_HALF;
    if (__builtin_expect(s == SYM_ESCAPE, 0)) {
        e = get_escape(d, &x);
    } else if (raw) {
        e = e << raw | get_raw(d, &x, raw);
    }
    d->state[k & 1] = x;
    return e;
}

/* The next four words, of which each that is taken makes room for the one after: loaded once for two leads, for a load
 * that waits for each taking would be what all others wait for. */
typedef struct {
    uint64_t words;
} ahead;

OL_INLINE ahead look_ahead(const decoder *d) {
    return (ahead){ol_get64(d->at)};
}

OL_INLINE uint32_t take(decoder *d, ahead *next, uint32_t x) {
    // cppcheck-suppress shiftTooManyBitsSigned ; gcc and clang define it
    const int64_t low = ((int64_t)x - STATE_MIN) >> 63; /* all ones where a word is taken */
    const uint32_t filled = x << 16 | (uint32_t)(next->words & 0xffff);
    next->words ^= (next->words ^ next->words >> 16) & (uint64_t)low;
    d->at += low & 2;
    return x ^ ((x ^ filled) & (uint32_t)low);
}

/* As get_residual, of eight leads and with enough bytes left. */
OL_INLINE uint32_t get_next(const ol_adaptive_tables *tables, decoder *d, ahead *next, const codes *code, const uint32_t k) {
    const uint32_t raw = code->raw[k];
    uint32_t x = d->state[k & 1];
    const uint32_t slot = tables->slot[code->table[k]][x & ((1u << OL_FREQ_BITS) - 1)];
    x = take(d, next, (slot >> 11 & 2047) * (x >> OL_FREQ_BITS) + (slot & 2047));
    const uint32_t s = slot >> 22;
    uint32_t e = s - OL_SYM_HALF;
    if (__builtin_expect(s == SYM_ESCAPE, 0)) {
        e = get_escape(d, &x);
        *next = look_ahead(d);
    } else if (raw) {
        e = e << raw | (x & ((1u << raw) - 1));
        x = take(d, next, x >> raw);
    }
    d->state[k & 1] = x;
    return e;
}

/* Two residuals in one word, as they lie in a vector: eight stored apart and loaded together would wait for each other. */
OL_INLINE uint64_t get_two(const ol_adaptive_tables *tables, decoder *d, const codes *code, const uint32_t k) {
    enum { IS_BIG = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };
    ahead next = look_ahead(d);
    const uint64_t first = get_next(tables, d, &next, code, k);
    const uint64_t second = get_next(tables, d, &next, code, k + 1);
    return IS_BIG ? first << 32 | second : first | second << 32;
}

OL_INLINE ol_lanes get_frame(const ol_adaptive_tables *tables, decoder *d, ol_context *c, uint32_t n_leads) {
    codes code;
    uint32_t e[OL_MAX_LEADS] = {0};
    ol_lanes out;
    get_codes(c, &code);
#pragma GCC unroll 8
    for (uint32_t k = 0; k < n_leads; k++) {
        e[k] = get_residual(tables, d, &code, k);
    }
    memcpy(&out, e, sizeof out);
    context_update(c, out);
    return out;
}

/* Reconstructs the frame of the residuals e and reads those of the next, eight leads each. Reading waits for table
 * look-ups, each for the one before; reconstruction is multiplications that wait for nothing: taken in turns they hide
 * each other. */
OL_INLINE ol_lanes reconstruct_and_get(const ol_adaptive_tables *tables, decoder *d, ol_context *c, ol_predictor *p,
                                       ol_lanes *e) {
    const ol_lanes res = (ol_lanes)clip((ol_slanes)*e, CLIP), *newest_d = &p->d[p->at - 1], *newest_e = &p->e[p->at - 1];
    codes code;
    get_codes(c, &code);
    ol_lanes acc = predict_own(p);
    acc += predict_cross(p->w_cd, newest_d, OL_MAX_LEADS);
    const uint64_t e01 = get_two(tables, d, &code, 0);
    acc += predict_cross(p->w_ce, newest_e, OL_MAX_LEADS);
    acc += predict_cross(p->w_in, &res, OL_MAX_LEADS - 1);
    const uint64_t e23 = get_two(tables, d, &code, 2);
    const ol_lanes pred = round_prediction(acc), delta = pred + *e;
    const ol_gains g = gains(p, res, fine_error(acc, pred, res));
    p->last += delta;
    adapt_own(p, g.own);
    const uint64_t e45 = get_two(tables, d, &code, 4);
    adapt_cross(p->w_cd, newest_d, g.cross);
    adapt_cross(p->w_ce, newest_e, g.cross);
    const uint64_t e67 = get_two(tables, d, &code, 6);
    adapt_in(p, &res, g.in);
    remember(p, (ol_lanes)clip((ol_slanes)delta, CLIP), res);
    typedef uint64_t pairs __attribute__((vector_size(32)));
    *e = (ol_lanes)(pairs){e01, e23, e45, e67};
    context_update(c, *e);
    return p->last;
}

/* Decodes n frames of one chunk. */
OL_INLINE void decode_frames(const ol_adaptive_tables *tables, decoder *shared, ol_predictor *p, ol_context *context,
                             const uint32_t n_leads, uint32_t n, int32_t *out) {
    decoder d = *shared; /* copies: what has no address elsewhere can stay in registers */
    ol_context here = *context, *const c = &here;
    ol_lanes e = get_frame(tables, &d, c, n_leads);
    for (uint32_t left = n; !d.truncated; out += n_leads) {
        ol_lanes frame;
        left--;
        if (n_leads == OL_MAX_LEADS && left && d.end - d.at >= FRAME_MAX_BYTES) {
            frame = reconstruct_and_get(tables, &d, c, p, &e);
        } else {
            frame = reconstruct(p, e);
            if (left) {
                e = get_frame(tables, &d, c, n_leads);
            }
        }
        memcpy(out, &frame, n_leads * sizeof *out);
        if (!left) {
            break;
        }
    }
    *shared = d;
    *context = here;
}

OL_CLONES static void chunk_decode(const ol_adaptive_tables *tables, decoder *d, ol_predictor *p, ol_context *c,
                                   uint32_t n, int32_t *out) {
    if (p->n_leads == OL_MAX_LEADS) {
        decode_frames(tables, d, p, c, OL_MAX_LEADS, n, out);
    } else {
        decode_frames(tables, d, p, c, p->n_leads, n, out);
    }
}

static int chunk_status(const decoder *d) {
    if (d->truncated) {
        return OL_E_PAYLOAD;
    }
    return d->state[0] == STATE_MIN && d->state[1] == STATE_MIN ? OL_OK : OL_E_PAYLOAD;
}

static int get_first(decoder *d, uint32_t n_leads, uint32_t *first) {
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
static int chunk_head(decoder *d, uint32_t n_left) {
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
    decoder d = {{0, 0}, payload, payload + n_bytes, 0};
    uint32_t first[OL_MAX_LEADS];
    int status = get_first(&d, n_leads, first);
    if (status) {
        return status;
    }
    _Alignas(64) ol_predictor predictor; /* a vector across two cache lines is slow to store */
    _Alignas(64) ol_context context;
    predictor_init(&predictor, n_leads, lead_ids, rate_mhz, first);
    context_init(&context, n_leads);
    memcpy(out, first, n_leads * sizeof *out);
    for (uint32_t done = 1; done < n_frames;) {
        const int n = chunk_head(&d, n_frames - done);
        if (n < 0) {
            return n;
        }
        chunk_decode(tables, &d, &predictor, &context, (uint32_t)n, out + (size_t)done * n_leads);
        status = chunk_status(&d);
        if (status) {
            return status;
        }
        done += (uint32_t)n;
    }
    return d.at == d.end ? OL_OK : OL_E_PAYLOAD;
}
