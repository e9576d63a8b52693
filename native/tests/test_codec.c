/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SPEC.md, section 4 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_scale.h"
#include "support.h"

static uint8_t blocks[4 * OL_MAX_BLOCK_BYTES];
static int32_t frames[128 * 8];
static int32_t decoded[128 * 8];
static ol_decoder decoder;

static int prepare(void **state) {
    (void)state;
    uint32_t noise = 1;
    for (int i = 0; i < 128 * 8; i++) {
        noise = noise * 1103515245u + 12345u;
        frames[i] = (int32_t)(noise >> 8) - (1 << 23);
    }
    memset(decoded, 0, sizeof decoded);
    ol_decoder_init(&decoder);
    return 0;
}

static void each_codec_gives_back_what_it_took(void **state) {
    (void)state;
    for (int codec_id = 0; codec_id <= OL_CODEC_ADAPTIVE; codec_id++) {
        int n = sample_block(blocks, 0, codec_id, frames, 128);
        assert_true(n > 0);
        assert_int_equal(ol_block_decode(&decoder, blocks, (size_t)n, decoded, 128 * 8), 128);
        assert_memory_equal(decoded, frames, sizeof frames);
    }
}

static void raw24_is_three_bytes_little_endian(void **state) {
    (void)state;
    static const int32_t values[] = {-8388608, 8388607, -1, 1};
    static const uint8_t expected[] = {0, 0, 0x80, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 1, 0, 0};
    static ol_encoder encoder;
    uint8_t payload[16];
    ol_layout layout = {.rate_mhz = 500000, .n_leads = 4};
    assert_int_equal(ol_encoder_init(&encoder, OL_CODEC_RAW24, &layout, payload, sizeof payload), OL_OK);
    assert_int_equal(ol_encoder_push(&encoder, values, 1), 1);
    assert_int_equal(ol_encoder_push(&encoder, values, 1), 0);
    assert_int_equal(ol_encoder_finish(&encoder), 12);
    assert_memory_equal(payload, expected, sizeof expected);
}

static void raw24_refuses_25_bits_and_takes_nothing(void **state) {
    (void)state;
    static const int32_t values[] = {1, 8388608};
    static ol_encoder encoder;
    uint8_t payload[16];
    ol_layout layout = {.rate_mhz = 500000, .n_leads = 1};
    ol_encoder_init(&encoder, OL_CODEC_RAW24, &layout, payload, sizeof payload);
    assert_int_equal(ol_encoder_push(&encoder, values, 2), OL_E_RANGE);
    assert_int_equal(ol_encoder_push(&encoder, values, 1), 1);
    assert_int_equal(ol_encoder_finish(&encoder), 4);
}

static void raw24_may_be_filled_with_zeros_to_a_multiple_of_4_only(void **state) {
    (void)state;
    static const uint8_t payload[8] = {1, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t dirty[4] = {1, 0, 0, 9};
    ol_layout layout = {.rate_mhz = 500000, .n_leads = 1};
    assert_int_equal(ol_payload_decode(&decoder, OL_CODEC_RAW24, &layout, payload, 3, 1, decoded), OL_OK);
    assert_int_equal(ol_payload_decode(&decoder, OL_CODEC_RAW24, &layout, payload, 4, 1, decoded), OL_OK);
    assert_int_equal(ol_payload_decode(&decoder, OL_CODEC_RAW24, &layout, payload, 2, 1, decoded), OL_E_PAYLOAD);
    assert_int_equal(ol_payload_decode(&decoder, OL_CODEC_RAW24, &layout, payload, 8, 1, decoded), OL_E_PAYLOAD);
    assert_int_equal(ol_payload_decode(&decoder, OL_CODEC_RAW24, &layout, dirty, 4, 1, decoded), OL_E_PAYLOAD);
    assert_int_equal(ol_payload_decode(&decoder, 77, &layout, payload, 4, 1, decoded), OL_E_CODEC);
}

static void a_range_of_blocks_lands_at_its_places(void **state) {
    (void)state;
    uint64_t offsets[3];
    const uint64_t places[3] = {80, 10, 40};
    int32_t status[3];
    size_t at = 0;
    for (uint32_t i = 0; i < 3; i++) {
        offsets[i] = at;
        at += (size_t)sample_block(blocks + at, i, OL_CODEC_RAW24, frames + (size_t)i * 160, 20);
    }
    blocks[offsets[1] + 200] ^= 1;
    assert_int_equal(ol_blocks_decode(&decoder, blocks, at, offsets, places, 3, 8, decoded, 90, status), 2);
    assert_int_equal(status[0], OL_E_ROOM);
    assert_int_equal(status[1], OL_E_BODY_CRC);
    assert_int_equal(status[2], 20);
    assert_memory_equal(decoded + 40 * 8, frames + 320, 160 * sizeof *frames);
    for (int i = 0; i < 40 * 8; i++) {
        assert_int_equal(decoded[i], 0);
    }
}

static void microvolts_have_zero_and_step_of_their_lead(void **state) {
    (void)state;
    static const int32_t zero[3] = {0, 1024, -2147483647 - 1};
    static const double step_uv[3] = {1.0, 5.0, 0.5};
    int32_t stored[20][3];
    float out[20][3];
    for (int i = 0; i < 20; i++) {
        stored[i][0] = i;
        stored[i][1] = 1024 - i;
        stored[i][2] = 2147483647;
    }
    assert_int_equal(ol_to_microvolt(stored[0], 20, 3, zero, step_uv, out[0]), OL_OK);
    for (int i = 0; i < 20; i++) {
        assert_true(out[i][0] == (float)i);
        assert_true(out[i][1] == (float)(-5 * i));
        assert_true(out[i][2] == (float)(4294967295.0 / 2));
    }
    assert_int_equal(ol_to_microvolt(stored[0], 20, 9, zero, step_uv, out[0]), OL_E_ARGUMENT);
}

#define PREPARED(test) cmocka_unit_test_setup(test, prepare)

int main(void) {
    const struct CMUnitTest tests[] = {
        PREPARED(each_codec_gives_back_what_it_took),
        PREPARED(raw24_is_three_bytes_little_endian),
        PREPARED(raw24_refuses_25_bits_and_takes_nothing),
        PREPARED(raw24_may_be_filled_with_zeros_to_a_multiple_of_4_only),
        PREPARED(a_range_of_blocks_lands_at_its_places),
        PREPARED(microvolts_have_zero_and_step_of_their_lead),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
