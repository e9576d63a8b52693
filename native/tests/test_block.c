/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SPEC.md, section 3 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_crc.h"
#include "support.h"

static uint8_t block[OL_MAX_BLOCK_BYTES];
static int32_t frames[64][8];
static int n_bytes;

static void put32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> 8 * i);
    }
}

static void fix_header_crc(size_t header_bytes) {
    put32(block + header_bytes - 4, ol_crc32(0, block, header_bytes - 4));
}

static int make_block(void **state) {
    (void)state;
    for (int i = 0; i < 64; i++) {
        for (int k = 0; k < 8; k++) {
            frames[i][k] = (i * 8 + k) % 7 - 3000 * k;
        }
    }
    n_bytes = sample_block(block, 17, OL_CODEC_RAW24, frames[0], 64);
    return n_bytes > 0 ? 0 : -1;
}

static int parse(ol_block_header *header) {
    return ol_block_parse(block, (size_t)n_bytes, header);
}

static void what_was_sealed_is_parsed(void **state) {
    (void)state;
    ol_block_header header;
    assert_int_equal(parse(&header), OL_OK);
    assert_int_equal(header.block_number, 17);
    assert_int_equal(header.first_frame, 17 * 64);
    assert_int_equal(header.block_bytes, n_bytes);
    assert_int_equal(header.temperature_cdeg, OL_TEMPERATURE_UNKNOWN);
    assert_true(header.anchor_utc_us == OL_ANCHOR_UNKNOWN);
    assert_memory_equal(header.session_id, "session1", 8);
    assert_int_equal(ol_block_check_body(block, (size_t)n_bytes, &header), OL_OK);
    assert_int_equal(ol_block_readable(&header), OL_OK);
}

static void any_flipped_bit_is_noticed(void **state) {
    (void)state;
    ol_block_header header;
    for (int i = 0; i < n_bytes * 8; i += 5) {
        block[i / 8] ^= (uint8_t)(1 << i % 8);
        int error = parse(&header);
        if (error == OL_OK) {
            error = ol_block_check_body(block, (size_t)n_bytes, &header);
        }
        assert_true(error < 0);
        block[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void a_cut_block_is_noticed_at_every_byte(void **state) {
    (void)state;
    ol_block_header header;
    for (size_t n = 0; n < (size_t)n_bytes; n++) {
        int error = ol_block_parse(block, n, &header);
        assert_int_equal(error, n < OL_BLOCK_HEADER_SIZE ? OL_E_SHORT : OL_OK);
        if (error == OL_OK) {
            assert_int_equal(ol_block_check_body(block, n, &header), OL_E_SHORT);
        }
    }
}

/* Each rule of the header's table, broken alone, with a right CRC. */
static void each_rule_has_its_error(void **state) {
    static const struct {
        size_t offset;
        uint8_t value[2];
        int error;
    } cases[] = {
        {OL_BLOCK_HEADER_MAGIC, {'8', 'O'}, OL_E_MAGIC},
        {OL_BLOCK_HEADER_HEADER_BYTES, {140, 0}, OL_E_HEADER_BYTES},
        {OL_BLOCK_HEADER_HEADER_BYTES, {146, 0}, OL_E_HEADER_BYTES},
        {OL_BLOCK_HEADER_HEADER_BYTES, {0, 0x40}, OL_E_HEADER_BYTES},
        {OL_BLOCK_HEADER_BLOCK_BYTES, {1, 1}, OL_E_BLOCK_BYTES},
        {OL_BLOCK_HEADER_BLOCK_BYTES, {4, 0x40}, OL_E_BLOCK_BYTES},
        {OL_BLOCK_HEADER_N_FRAMES, {1, 0x40}, OL_E_N_FRAMES},
        {OL_BLOCK_HEADER_N_LEADS, {0, 0}, OL_E_N_LEADS},
        {OL_BLOCK_HEADER_N_LEADS, {9, 0}, OL_E_N_LEADS},
        {OL_BLOCK_HEADER_PAYLOAD_BYTES, {0, 0x40}, OL_E_PAYLOAD_BYTES},
        {OL_BLOCK_HEADER_VERSION_MAJOR, {2, 0}, OL_E_VERSION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ol_block_header header;
        make_block(state);
        memcpy(block + cases[i].offset, cases[i].value, 2);
        fix_header_crc(OL_BLOCK_HEADER_SIZE);
        assert_int_equal(parse(&header), cases[i].error);
    }
}

static void zeroed_field_is(void **state, size_t offset, size_t size, int error) {
    ol_block_header header;
    make_block(state);
    memset(block + offset, 0, size);
    fix_header_crc(OL_BLOCK_HEADER_SIZE);
    assert_int_equal(parse(&header), error);
}

static void rate_and_step_must_not_be_zero(void **state) {
    zeroed_field_is(state, OL_BLOCK_HEADER_RATE_MHZ, 4, OL_E_RATE);
    zeroed_field_is(state, OL_BLOCK_HEADER_STEP_NV_NUM, 8, OL_E_STEP);
    zeroed_field_is(state, OL_BLOCK_HEADER_STEP_NV_DEN, 4, OL_E_STEP);
}

static void body_is_refused_by_name(void **state) {
    (void)state;
    ol_block_header header = sample_header(0, 1);
    header.flags = 1 << 7;
    assert_int_equal(ol_block_readable(&header), OL_E_FLAGS);
    header.flags = OL_FLAG_ENCRYPTED;
    assert_int_equal(ol_block_readable(&header), OL_E_ENCRYPTED);
    header.flags = 1 << 15;
    assert_int_equal(ol_block_readable(&header), OL_OK);
    header.codec_id = 200;
    assert_int_equal(ol_block_readable(&header), OL_E_CODEC);
}

static void a_newer_minor_version_with_a_longer_header_is_read(void **state) {
    (void)state;
    ol_block_header header;
    memmove(block + 156, block + 144, (size_t)n_bytes - 144);
    memset(block + 140, 0xaa, 12);
    block[OL_BLOCK_HEADER_VERSION_MINOR] = 9;
    block[OL_BLOCK_HEADER_HEADER_BYTES] = 156;
    n_bytes += 12;
    block[OL_BLOCK_HEADER_BLOCK_BYTES] = (uint8_t)n_bytes;
    block[OL_BLOCK_HEADER_BLOCK_BYTES + 1] = (uint8_t)(n_bytes >> 8);
    fix_header_crc(156);
    assert_int_equal(parse(&header), OL_OK);
    assert_int_equal(ol_block_check_body(block, (size_t)n_bytes, &header), OL_OK);
    assert_int_equal(ol_block_events_at(&header), 156 + 64 * 24);
}

static void a_newer_major_version_keeps_its_length(void **state) {
    (void)state;
    ol_block_header header;
    block[OL_BLOCK_HEADER_VERSION_MAJOR] = 2;
    block[OL_BLOCK_HEADER_HEADER_BYTES] = 20;
    fix_header_crc(20);
    assert_int_equal(parse(&header), OL_E_VERSION);
    assert_int_equal(header.block_bytes, n_bytes);
}

static void events_end_where_the_spec_says(void **state) {
    (void)state;
    static const uint8_t bytes[] = {OL_EVENT_BUTTON, 1, 5, 0, 1, 99, 0, 6, 0, 0, 0, 0};
    static const uint8_t runaway[] = {OL_EVENT_MARK, 4, 0, 0, 0, 'x', 'y'};
    ol_event event;
    size_t at = 0;
    assert_int_equal(ol_event_next(bytes, sizeof bytes, &at, &event), 1);
    assert_int_equal(event.frame_offset, 5);
    assert_int_equal(event.data[0], 1);
    assert_int_equal(ol_event_next(bytes, sizeof bytes, &at, &event), 1);
    assert_int_equal(event.type, 99);
    assert_int_equal(ol_event_next(bytes, sizeof bytes, &at, &event), 0);
    at = 0;
    assert_int_equal(ol_event_next(runaway, sizeof runaway, &at, &event), OL_E_EVENT);
    assert_int_equal(ol_event_next(runaway, 3, &at, &event), OL_E_EVENT);
    assert_int_equal(ol_event_next(runaway, 0, &at, &event), 0);
}

static int seal(const ol_block_header *header, const uint8_t *events, size_t events_bytes) {
    return ol_block_seal(header, block, sizeof block, (size_t)header->n_frames * 24, events, events_bytes);
}

static void sealing_refuses_what_the_spec_forbids(void **state) {
    (void)state;
    static const uint8_t late[] = {OL_EVENT_MARK, 1, 64, 0, 0};
    static const uint8_t stop[] = {OL_EVENT_STOP, 1, 64, 0, 0};
    static const uint8_t backwards[] = {OL_EVENT_BUTTON, 1, 2, 0, 1, OL_EVENT_BUTTON, 1, 1, 0, 0};
    static const uint8_t padded[] = {OL_EVENT_BUTTON, 1, 2, 0, 1, 0};
    const ol_block_header good = sample_header(1, 64);
    assert_int_equal(seal(&good, NULL, 0), 144 + 64 * 24);
    assert_int_equal(seal(&good, stop, sizeof stop), 144 + 64 * 24 + 8);
    assert_int_equal(seal(&good, late, sizeof late), OL_E_RANGE);
    assert_int_equal(seal(&good, backwards, sizeof backwards), OL_E_RANGE);
    assert_int_equal(seal(&good, padded, sizeof padded), OL_E_RANGE);
    ol_block_header bad = good;
    bad.flags = 1 << 5;
    assert_int_equal(seal(&bad, NULL, 0), OL_E_RANGE);
    bad = good;
    bad.chain_tag[3] = 1;
    assert_int_equal(seal(&bad, NULL, 0), OL_E_RANGE);
    bad = good;
    bad.n_leads = 7;
    assert_int_equal(seal(&bad, NULL, 0), OL_E_RANGE);
    assert_int_equal(ol_block_seal(&good, block, 1000, 64 * 24, NULL, 0), OL_E_ROOM);
    assert_int_equal(ol_block_seal(&good, block, sizeof block, sizeof block, NULL, 0), OL_E_ROOM);
}

#define FRESH(test) cmocka_unit_test_setup(test, make_block)

int main(void) {
    const struct CMUnitTest tests[] = {
        FRESH(what_was_sealed_is_parsed),
        FRESH(any_flipped_bit_is_noticed),
        FRESH(a_cut_block_is_noticed_at_every_byte),
        FRESH(each_rule_has_its_error),
        FRESH(rate_and_step_must_not_be_zero),
        FRESH(body_is_refused_by_name),
        FRESH(a_newer_minor_version_with_a_longer_header_is_read),
        FRESH(a_newer_major_version_keeps_its_length),
        FRESH(events_end_where_the_spec_says),
        FRESH(sealing_refuses_what_the_spec_forbids),
    };
    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
