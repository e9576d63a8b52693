/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SPEC.md, 4.2: what is compiled for one kind of processor and what for any give the same bytes and samples. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "adaptive_hot.h"
#include "adaptive_model.h"

enum { N = 600, ROOM = 40000 };

static int32_t frames[N * 8], decoded[N * 8], decoded_any[N * 8];
static uint8_t payload[ROOM], payload_any[ROOM];
static ol_adaptive_tables tables;
static ol_adaptive_encoder encoder;

/* A walk of steps up to `most`, and now and then a jump. */
static void walk(uint32_t most, uint32_t jump) {
    static uint32_t noise = 1;
    uint32_t at[8] = {0};
    for (int i = 0; i < N * 8; i++) {
        noise = noise * 1103515245u + 12345u;
        const uint32_t step = (noise >> 9) % (2 * most + 1) - most;
        at[i % 8] += step + (noise % 97 == 0 ? jump : 0);
        frames[i] = (int32_t)at[i % 8];
    }
}

static size_t encode(uint32_t n_leads, ol_take_frames *take, ol_chunk_encode *close, uint8_t *to) {
    static const uint8_t leads[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    assert_int_equal(ol_adaptive_begin(&encoder, n_leads, leads, 500000, 256, to, ROOM), 0);
    assert_int_equal(ol_adaptive_push(&encoder, frames, 1), 1);
    assert_int_equal(take(&encoder, frames + n_leads, N - 1), N - 1);
    if (encoder.n_open) {
        close(&encoder);
    }
    return encoder.used;
}

/* The chunks after the first frame, whose varints are passed over; true where their ends are as they must be. */
static int decode(uint32_t n_leads, const uint8_t *from, size_t n_bytes, ol_chunk_decode *chunk, int32_t *to) {
    static const uint8_t leads[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    _Alignas(64) static ol_predictor predictor;
    _Alignas(64) static ol_context context;
    ol_chunk_reader d = {{0, 0}, from, from + n_bytes, 0};
    predictor_init(&predictor, n_leads, leads, 500000, (const uint32_t *)frames);
    context_init(&context, n_leads);
    for (uint32_t k = 0; k < n_leads; k++) {
        while (*d.at++ & 128) {
        }
    }
    for (uint32_t done = 1; done < N && !d.truncated;) {
        const uint32_t n = (uint32_t)(d.at[0] | d.at[1] << 8);
        memcpy(d.state, d.at + 2, sizeof d.state);
        d.at += CHUNK_HEAD;
        chunk(&tables, &d, &predictor, &context, n, to + done * n_leads);
        if (d.state[0] != STATE_MIN || d.state[1] != STATE_MIN) {
            return 0;
        }
        done += n;
    }
    return !d.truncated && d.at == d.end;
}

static void both_agree(uint32_t n_leads, uint32_t most, uint32_t jump) {
    walk(most, jump);
    const size_t n = encode(n_leads, OL_HOT(ol_take_frames), OL_HOT(ol_chunk_encode), payload);
    assert_int_equal(encode(n_leads, ol_take_frames_any, ol_chunk_encode_any, payload_any), n);
    assert_memory_equal(payload, payload_any, n);
    assert_true(decode(n_leads, payload, n, OL_HOT(ol_chunk_decode), decoded));
    assert_true(decode(n_leads, payload, n, ol_chunk_decode_any, decoded_any));
    assert_memory_equal(decoded + n_leads, frames + n_leads, (N - 1) * n_leads * sizeof *frames);
    assert_memory_equal(decoded_any + n_leads, frames + n_leads, (N - 1) * n_leads * sizeof *frames);
}

static void quiet_and_loud_signals_and_jumps(void **state) {
    (void)state;
    static const uint32_t steps[] = {0, 1, 3, 10, 100, 3000, 1 << 20};
    ol_adaptive_tables_init(&tables);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        for (uint32_t n_leads = 1; n_leads <= 8; n_leads++) {
            both_agree(n_leads, steps[i], 0);
            both_agree(n_leads, steps[i], 50 * steps[i] + 1000);
        }
    }
}

static void altered_payloads(void **state) {
    (void)state;
    ol_adaptive_tables_init(&tables);
    walk(20, 3000);
    const size_t n = encode(8, OL_HOT(ol_take_frames), OL_HOT(ol_chunk_encode), payload);
    for (size_t at = 30; at < n; at += 53) {
        payload[at] ^= 0x11;
        memset(decoded, 0, sizeof decoded);
        memset(decoded_any, 0, sizeof decoded_any);
        const int sound = decode(8, payload, n, OL_HOT(ol_chunk_decode), decoded);
        assert_int_equal(decode(8, payload, n, ol_chunk_decode_any, decoded_any), sound);
        assert_memory_equal(decoded, decoded_any, sizeof decoded);
        payload[at] ^= 0x11;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_and_loud_signals_and_jumps),
        cmocka_unit_test(altered_payloads),
    };
    return cmocka_run_group_tests_name("adaptive", tests, NULL, NULL);
}
