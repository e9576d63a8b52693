/* SPDX-License-Identifier: Apache-2.0 */
/* docs/SPEC.md 1.3 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "ol_constants.h"
#include "ol_crc.h"

/* The definition: one bit at a time. */
static uint32_t crc_by_bits(uint32_t crc, const uint8_t *bytes, size_t n) {
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

static void gives_the_check_value(void **state) {
    (void)state;
    const uint8_t *digits = (const uint8_t *)"123456789";
    assert_int_equal(ol_crc32(0, digits, 9), OL_CRC_CHECK);
    assert_int_equal(ol_crc32_portable(0, digits, 9), OL_CRC_CHECK);
}

static void agrees_with_the_definition_at_every_length_and_alignment(void **state) {
    (void)state;
    uint8_t bytes[700];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 167 + (i >> 3));
    }
    for (size_t n = 0; n + 4 < sizeof bytes; n++) {
        uint32_t expected = crc_by_bits((uint32_t)n * 2654435761u, bytes + n % 4, n);
        assert_int_equal(ol_crc32((uint32_t)n * 2654435761u, bytes + n % 4, n), expected);
        assert_int_equal(ol_crc32_portable((uint32_t)n * 2654435761u, bytes + n % 4, n), expected);
    }
}

static void goes_on_from_what_came_before(void **state) {
    (void)state;
    uint8_t bytes[300] = {1, 2, 3};
    uint32_t whole = ol_crc32(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        assert_int_equal(ol_crc32(ol_crc32(0, bytes, cut), bytes + cut, sizeof bytes - cut), whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_check_value),
        cmocka_unit_test(agrees_with_the_definition_at_every_length_and_alignment),
        cmocka_unit_test(goes_on_from_what_came_before),
    };
    return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
