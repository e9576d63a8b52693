/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 by carry-less multiplication, where the compiler can make it and the processor has it. */
#ifndef OL_CRC_X86_H
#define OL_CRC_X86_H

#if defined(__x86_64__) && defined(__GNUC__)
#define OL_CRC_X86 1
#define OL_CRC_X86_MIN_BYTES 64

#include <stddef.h>
#include <stdint.h>

int ol_crc_x86_available(void);

/* `n` is at least 64 and a multiple of 16. */
uint32_t ol_crc_x86_fold(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
#endif
