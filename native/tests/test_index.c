/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SPEC.md, sections 2 and 5 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_index.h"
#include "support.h"

#define N_BLOCKS 6
#define SLOT 4096

static uint8_t file[N_BLOCKS * SLOT + 64];
static size_t file_bytes;
static size_t block_bytes;
static ol_index_entry entries[16];
static ol_damage damage[16];
static ol_index_page page;

static int32_t frames[20 * 8];

static void put_block(size_t at, uint32_t number) {
    static uint8_t block[OL_MAX_BLOCK_BYTES];
    block_bytes = (size_t)sample_block(block, number, OL_CODEC_RAW24, frames, 20);
    memcpy(file + at, block, block_bytes);
}

static int make_file(void **state) {
    (void)state;
    memset(file, 0, sizeof file);
    for (uint32_t i = 0; i < N_BLOCKS; i++) {
        put_block(i * block_bytes, i);
    }
    file_bytes = N_BLOCKS * block_bytes;
    return 0;
}

static int make_slots(void **state) {
    (void)state;
    memset(file, 0x55, sizeof file);
    for (uint32_t i = 0; i < N_BLOCKS; i++) {
        put_block(i * SLOT, i);
    }
    file_bytes = N_BLOCKS * SLOT;
    return 0;
}

static void walk(size_t stride, int check_bodies) {
    ol_index index;
    page = (ol_index_page){.entries = entries, .entries_room = 16, .damage = damage, .damage_room = 16};
    assert_int_equal(ol_index_init(&index, file, file_bytes, stride, 0, check_bodies), OL_OK);
    assert_int_equal(ol_index_walk(&index, &page), 0);
}

static void expect_damage(size_t i, size_t offset, size_t length, int kind) {
    assert_true(i < page.n_damage);
    assert_int_equal(damage[i].offset, offset);
    assert_int_equal(damage[i].length, length);
    assert_int_equal(damage[i].kind, kind);
}

static void all_blocks_are_found_back_to_back(void **state) {
    (void)state;
    walk(0, 1);
    assert_int_equal(page.n_entries, N_BLOCKS);
    assert_int_equal(page.n_damage, 0);
    for (size_t i = 0; i < N_BLOCKS; i++) {
        assert_int_equal(entries[i].offset, i * block_bytes);
        assert_int_equal(entries[i].header.block_number, i);
        assert_int_equal(entries[i].body_error, OL_OK);
    }
}

static void a_walk_goes_on_where_the_page_was_full(void **state) {
    (void)state;
    ol_index index;
    size_t found = 0;
    int more = 1;
    ol_index_page small = {.entries = entries, .entries_room = 1, .damage = damage, .damage_room = 2};
    ol_index_init(&index, file, file_bytes, 0, 0, 0);
    while (more == 1) {
        more = ol_index_walk(&index, &small);
        for (size_t i = 0; i < small.n_entries; i++) {
            assert_int_equal(entries[i].header.block_number, found++);
        }
    }
    assert_int_equal(found, N_BLOCKS);
}

static void a_damaged_header_costs_its_block_only(void **state) {
    (void)state;
    file[2 * block_bytes + 20] ^= 1;
    walk(0, 0);
    assert_int_equal(page.n_entries, N_BLOCKS - 1);
    assert_int_equal(page.n_damage, 1);
    expect_damage(0, 2 * block_bytes, block_bytes, OL_E_HEADER_CRC);
}

static void a_damaged_body_is_reported_and_marked(void **state) {
    (void)state;
    file[3 * block_bytes + 200] ^= 1;
    walk(0, 1);
    assert_int_equal(page.n_entries, N_BLOCKS);
    assert_int_equal(entries[3].body_error, OL_E_BODY_CRC);
    assert_int_equal(page.n_damage, 1);
    expect_damage(0, 3 * block_bytes, block_bytes, OL_E_BODY_CRC);
    assert_true(damage[0].expected != damage[0].got);
}

/* Bytes lost in the middle: the next block lies inside the bytes that the one before claims. */
static void lost_bytes_do_not_hide_the_next_block(void **state) {
    (void)state;
    for (int check_bodies = 0; check_bodies < 2; check_bodies++) {
        make_file(state);
        memmove(file + block_bytes + 200, file + block_bytes + 300, file_bytes - block_bytes - 300);
        file_bytes -= 100;
        walk(0, check_bodies);
        assert_int_equal(page.n_entries, N_BLOCKS);
        assert_int_equal(entries[2].offset, 2 * block_bytes - 100);
        expect_damage(0, block_bytes, block_bytes - 100, OL_E_BODY_CRC);
        assert_int_equal(page.n_damage, 1);
    }
}

static void stray_bytes_are_passed_over_and_reported(void **state) {
    (void)state;
    memmove(file + block_bytes + 24, file + block_bytes, file_bytes - block_bytes);
    memset(file + block_bytes, 'g', 24);
    file_bytes += 24;
    walk(0, 0);
    assert_int_equal(page.n_entries, N_BLOCKS);
    expect_damage(0, block_bytes, 24, OL_E_MAGIC);
}

static void a_cut_file_gives_its_whole_blocks(void **state) {
    (void)state;
    file_bytes -= 10;
    walk(0, 0);
    assert_int_equal(page.n_entries, N_BLOCKS - 1);
    expect_damage(0, (N_BLOCKS - 1) * block_bytes, block_bytes - 10, OL_E_SHORT);
    assert_int_equal(damage[0].expected, block_bytes);
    assert_int_equal(damage[0].got, block_bytes - 10);
}

static void slots_without_a_magic_are_nothing(void **state) {
    (void)state;
    memset(file + SLOT, 0, 4);
    file[2 * SLOT + 30] ^= 1;
    walk(SLOT, 1);
    assert_int_equal(page.n_entries, N_BLOCKS - 2);
    assert_int_equal(entries[1].header.block_number, 3);
    assert_int_equal(page.n_damage, 1);
    expect_damage(0, 2 * SLOT, SLOT, OL_E_HEADER_CRC);
}

static void a_wrong_call_is_refused(void **state) {
    (void)state;
    ol_index index;
    assert_int_equal(ol_index_init(&index, file, file_bytes, 100, 0, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_index_init(&index, file, file_bytes, 32768, 0, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_index_init(&index, file, file_bytes, 0, 2, 0), OL_E_ARGUMENT);
    assert_int_equal(ol_index_init(&index, file, file_bytes, 0, file_bytes + 4, 0), OL_E_ARGUMENT);
}

#define BACK_TO_BACK(test) cmocka_unit_test_setup(test, make_file)

int main(void) {
    const struct CMUnitTest tests[] = {
        BACK_TO_BACK(all_blocks_are_found_back_to_back),
        BACK_TO_BACK(a_walk_goes_on_where_the_page_was_full),
        BACK_TO_BACK(a_damaged_header_costs_its_block_only),
        BACK_TO_BACK(a_damaged_body_is_reported_and_marked),
        BACK_TO_BACK(lost_bytes_do_not_hide_the_next_block),
        BACK_TO_BACK(stray_bytes_are_passed_over_and_reported),
        BACK_TO_BACK(a_cut_file_gives_its_whole_blocks),
        cmocka_unit_test_setup(slots_without_a_magic_are_nothing, make_slots),
        BACK_TO_BACK(a_wrong_call_is_refused),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
