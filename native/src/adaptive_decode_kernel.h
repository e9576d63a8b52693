/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of a chunk: see adaptive_hot.h. */
#include "adaptive_hot.h"
#include "adaptive_model.h"
#include "bytes.h"

/* More than a frame can take, counting the word that is read whether or not it is used. */
#define FRAME_MAX_BYTES (2 * 8 * OL_MAX_LEADS)

typedef ol_chunk_reader decoder;

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

/* What the context says of a frame's residuals before any of them is read: where its table begins, and how many raw bits
 * follow. */
typedef struct {
    uint32_t table[OL_MAX_LEADS], raw[OL_MAX_LEADS];
    int has_raw;
} codes;

OL_INLINE void get_codes(const ol_context *c, codes *out) {
    const ol_slanes level = context_levels(c), beyond = level >= (ol_slanes)splat(OL_N_TABLES);
    const ol_slanes table = select_lanes(beyond, (level & 3) + (OL_N_TABLES - 4), level) << OL_FREQ_BITS;
    const ol_slanes raw = ((level >> 2) - (OL_N_TABLES / 4 - 1)) & beyond;
    memcpy(out->table, &table, sizeof out->table);
    memcpy(out->raw, &raw, sizeof out->raw);
    typedef int64_t longs __attribute__((vector_size(32), aligned(4), may_alias));
    const longs any = (longs)beyond;
    out->has_raw = ((any[0] | any[1]) | (any[2] | any[3])) != 0;
}

/* The residual of lead k, near the end of a payload or of fewer leads. */
OL_INLINE uint32_t get_residual(const ol_adaptive_tables *tables, decoder *d, const codes *code, const uint32_t k) {
    const uint32_t raw = code->raw[k];
    uint32_t x = d->state[k & 1];
    const uint32_t at = code->table[k] + (x & ((1u << OL_FREQ_BITS) - 1));
    x = refill(d, tables->slot[at].frequency * (x >> OL_FREQ_BITS) + tables->slot[at].offset);
    uint32_t e = (uint32_t)tables->value[at];
    if (__builtin_expect(e == OL_SYM_HALF + 1, 0)) {
        e = get_escape(d, &x);
    } else if (raw) {
        e = e << raw | get_raw(d, &x, raw);
    }
    d->state[k & 1] = x;
    return e;
}

/* The next four words, and how many of them are taken: loaded once for several leads, for a load that waits for each
 * taking would be what all others wait for. */
typedef struct {
    uint64_t words, n_taken;
} ahead;

OL_INLINE ahead look_ahead(const decoder *d) {
    return (ahead){ol_get64(d->at), 0};
}

OL_INLINE void go_on(decoder *d, const ahead *next) {
    d->at += 2 * next->n_taken;
}

/* Takes a word where x has run low. Whether it has, nothing foretells: a branch would be wrong every third time. */
OL_INLINE uint32_t take(ahead *next, uint32_t x) {
    const uint32_t filled = x << 16 | (uint32_t)(next->words & 0xffff);
    const uint64_t rest = next->words >> 16;
#if defined(__x86_64__)
    __asm__("cmpl %3, %0\n\tcmovb %4, %0\n\tcmovb %5, %1\n\tadc $0, %2"
            : "+r"(x), "+r"(next->words), "+r"(next->n_taken)
            : "i"(STATE_MIN), "r"(filled), "r"(rest)
            : "cc");
    return x;
#else
    // cppcheck-suppress shiftTooManyBitsSigned ; gcc and clang define it
    const uint64_t low = (uint64_t)(((int64_t)x - STATE_MIN) >> 63); /* all ones where a word is taken */
    next->words ^= (next->words ^ rest) & low;
    next->n_taken += low & 1;
    return x ^ ((x ^ filled) & (uint32_t)low);
#endif
}

/* As get_residual, of eight leads and with enough bytes left. */
OL_INLINE uint32_t get_next(const ol_adaptive_tables *tables, decoder *d, ahead *next, const codes *code, const uint32_t k,
                            const int has_raw) {
    uint32_t x = d->state[k & 1];
    const uint32_t at = code->table[k] + (x & ((1u << OL_FREQ_BITS) - 1));
    x = take(next, tables->slot[at].frequency * (x >> OL_FREQ_BITS) + tables->slot[at].offset);
    uint32_t e = (uint32_t)tables->value[at];
    if (__builtin_expect(e == OL_SYM_HALF + 1, 0)) {
        go_on(d, next);
        e = get_escape(d, &x);
        *next = look_ahead(d);
    } else if (has_raw) {
        const uint32_t raw = code->raw[k];
        e = e << raw | (x & ((1u << raw) - 1));
        x = take(next, x >> raw);
    }
    d->state[k & 1] = x;
    return e;
}

/* Two residuals in one word, as they lie in a vector: eight stored apart and loaded together would wait for each other. */
OL_INLINE uint64_t get_two(const ol_adaptive_tables *tables, decoder *d, const codes *code, const uint32_t k,
                           const int has_raw) {
    enum { IS_BIG = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };
    ahead next = look_ahead(d);
    const uint64_t first = get_next(tables, d, &next, code, k, has_raw);
    const uint64_t second = get_next(tables, d, &next, code, k + 1, has_raw);
    go_on(d, &next);
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
                                       ol_lanes *e, const codes *code, const int has_raw) {
    const ol_lanes res = (ol_lanes)clip((ol_slanes)*e, CLIP), *newest_d = &p->d[p->at - 1], *newest_e = &p->e[p->at - 1];
    p->e[p->at] = res;
    STAY_IN_MEMORY(p);
    ol_lanes acc = predict_own(p);
    acc += predict_cross(p->w_cd, newest_d, OL_MAX_LEADS);
    const uint64_t e01 = get_two(tables, d, code, 0, has_raw);
    acc += predict_cross(p->w_ce, newest_e, OL_MAX_LEADS);
    acc += predict_cross(p->w_in, newest_e + 1, OL_MAX_LEADS - 1);
    const uint64_t e23 = get_two(tables, d, code, 2, has_raw);
    const ol_lanes pred = round_prediction(acc), delta = pred + *e;
    const ol_gains g = gains(p, res, fine_error(acc, pred, res));
    p->last += delta;
    STAY_IN_MEMORY(p);
    adapt_own(p, g.own);
    const uint64_t e45 = get_two(tables, d, code, 4, has_raw);
    adapt_cross(p->w_cd, newest_d, g.cross);
    adapt_cross(p->w_ce, newest_e, g.cross);
    const uint64_t e67 = get_two(tables, d, code, 6, has_raw);
    adapt_in(p, newest_e + 1, g.in);
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
            codes code;
            get_codes(c, &code);
            if (code.has_raw) {
                frame = reconstruct_and_get(tables, &d, c, p, &e, &code, 1);
            } else {
                frame = reconstruct_and_get(tables, &d, c, p, &e, &code, 0);
            }
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

void HOT(ol_chunk_decode)(const ol_adaptive_tables *tables, decoder *d, ol_predictor *p, ol_context *c, uint32_t n,
                          int32_t *out) {
    if (p->n_leads == OL_MAX_LEADS) {
        decode_frames(tables, d, p, c, OL_MAX_LEADS, n, out);
    } else {
        decode_frames(tables, d, p, c, p->n_leads, n, out);
    }
}
