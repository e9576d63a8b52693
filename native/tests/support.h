/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks to test with. */
#ifndef OL_TEST_SUPPORT_H
#define OL_TEST_SUPPORT_H

#include "ol_codec.h"
#include <string.h>

/* A header like a recorder's: eight leads at 500 samples/s, gain 6, shift 6. */
static inline ol_block_header sample_header(uint32_t block_number, uint16_t n_frames) {
    static const uint8_t leads[OL_MAX_LEADS] = {1, 2, 7, 8, 9, 10, 11, 12};
    ol_block_header header;
    memset(&header, 0, sizeof header);
    header.block_number = block_number;
    header.ring_seq = block_number;
    header.first_frame = (uint64_t)block_number * n_frames;
    header.n_frames = n_frames;
    header.n_leads = 8;
    header.rate_mhz = 500000;
    header.step_nv_num = 2400000000ull * 64;
    header.step_nv_den = 6 * 8388607;
    header.anchor_utc_us = OL_ANCHOR_UNKNOWN;
    header.temperature_cdeg = OL_TEMPERATURE_UNKNOWN;
    memcpy(header.device_id, "device01", 8);
    memcpy(header.session_id, "session1", 8);
    memcpy(header.lead_ids, leads, sizeof leads);
    return header;
}

static inline ol_layout sample_layout(const ol_block_header *header) {
    ol_layout layout = {.rate_mhz = header->rate_mhz, .n_leads = header->n_leads};
    memcpy(layout.lead_ids, header->lead_ids, sizeof layout.lead_ids);
    return layout;
}

/* Write a block of `frames` frames of codec `codec_id` with a mark at its first frame. Returns its bytes. */
static inline int sample_block(uint8_t *block, uint32_t block_number, int codec_id, const int32_t *frames,
                               uint16_t n_frames) {
    static const uint8_t mark[] = {OL_EVENT_MARK, 3, 0, 0, OL_MARK_ORIGIN_PATIENT, 'o', 'w'};
    static ol_encoder encoder;
    ol_block_header header = sample_header(block_number, n_frames);
    ol_layout layout = sample_layout(&header);
    header.codec_id = (uint8_t)codec_id;
    if (ol_encoder_init(&encoder, codec_id, &layout, block + OL_BLOCK_HEADER_SIZE, 16000) != OL_OK ||
        ol_encoder_push(&encoder, frames, n_frames) != n_frames) {
        return -1;
    }
    int payload_bytes = ol_encoder_finish(&encoder);
    return ol_block_seal(&header, block, OL_MAX_BLOCK_BYTES, (size_t)payload_bytes, mark, sizeof mark);
}

#endif
