/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes:
 *   - nothing outside them, and nothing outside the caller's memory, is read or written, and every call returns;
 *   - blocks and findings of an index lie within the bytes, in rising order; no byte is in two findings, nor in two
 *     blocks whose bodies were checked and are sound;
 *   - a block that decodes has at most 16384 frames, decodes twice alike, and what it decoded to, encoded by the same
 *     codec, decodes to the same again;
 *   - an event lies within its block.
 *
 * The first byte chooses: is the rest taken as it is, are the CRCs made right first (so that what lies behind them is
 * reached), or is the rest a payload? */
#include "held.h"
#include "ol_codec.h"
#include "ol_crc.h"
#include "ol_index.h"
#include <string.h>

#define MAX_VALUES (OL_MAX_FRAMES_PER_BLOCK * OL_MAX_LEADS)
#define MAX_ROWS 8

static int32_t first[MAX_VALUES];
static int32_t second[MAX_VALUES];
static uint8_t payload[OL_MAX_BLOCK_BYTES];
static ol_decoder decoder;
static ol_encoder encoder;

static void check_events(const uint8_t *bytes, const ol_block_header *header) {
    size_t at = ol_block_events_at(header);
    ol_event event;
    while (ol_event_next(bytes, header->block_bytes, &at, &event) > 0) {
        require(event.type != OL_EVENT_END && at <= header->block_bytes);
        require(event.data + event.length == bytes + at);
    }
}

/* What was decoded into `first` goes through the encoder and back; it may not fit one payload. */
static void check_round_trip(int codec_id, const ol_layout *layout, size_t n_frames) {
    require(ol_encoder_init(&encoder, codec_id, layout, payload, sizeof payload) == OL_OK);
    int taken = ol_encoder_push(&encoder, first, n_frames);
    require(taken >= 0 && (size_t)taken <= n_frames);
    int n = ol_encoder_finish(&encoder);
    require(n >= 0 && (size_t)n <= sizeof payload);
    require(ol_payload_decode(&decoder, codec_id, layout, payload, (size_t)n, (size_t)taken, second) == OL_OK);
    require(memcmp(first, second, (size_t)taken * layout->n_leads * sizeof *first) == 0);
}

static void check_payload(const uint8_t *bytes, size_t n) {
    if (n < 16) {
        return;
    }
    ol_layout layout = {.rate_mhz = 1000u * (1u + bytes[1] * 4u), .n_leads = (uint8_t)(1 + bytes[2] % OL_MAX_LEADS)};
    memcpy(layout.lead_ids, bytes + 8, sizeof layout.lead_ids);
    size_t n_frames = (size_t)(bytes[3] | bytes[4] << 8) % (OL_MAX_FRAMES_PER_BLOCK + 1);
    int codec_id = bytes[0] % 2;
    if (ol_payload_decode(&decoder, codec_id, &layout, bytes + 16, n - 16, n_frames, first) == OL_OK) {
        check_round_trip(codec_id, &layout, n_frames);
    }
}

static void check_block(const uint8_t *bytes, size_t n) {
    ol_block_header header;
    uint64_t expected;
    uint64_t got;
    int error = ol_block_parse(bytes, n, &header);
    ol_block_explain(bytes, n, error, &expected, &got);
    ol_block_explain(bytes, n, OL_E_BODY_CRC, &expected, &got);
    int n_frames = ol_block_decode(&decoder, bytes, n, first, MAX_VALUES);
    if (n_frames < 0) {
        return;
    }
    require(error == OL_OK && n_frames == header.n_frames && n_frames <= OL_MAX_FRAMES_PER_BLOCK);
    require(ol_block_decode(&decoder, bytes, n, second, MAX_VALUES) == n_frames);
    require(memcmp(first, second, (size_t)n_frames * header.n_leads * sizeof *first) == 0);
    check_events(bytes, &header);
}

static void check_index(const uint8_t *bytes, size_t n, size_t stride, int check_bodies) {
    static ol_index_entry entries[MAX_ROWS];
    static ol_damage damage[MAX_ROWS];
    ol_index index;
    ol_index_page page = {.entries = entries, .entries_room = MAX_ROWS, .damage = damage, .damage_room = MAX_ROWS};
    uint64_t free_from = 0;
    uint64_t damage_end = 0;
    int more = 1;
    require(ol_index_init(&index, bytes, n, stride, 0, check_bodies) == OL_OK);
    while (more == 1) {
        more = ol_index_walk(&index, &page);
        for (size_t i = 0; i < page.n_entries; i++) {
            uint64_t end = entries[i].offset + entries[i].header.block_bytes;
            require(entries[i].offset >= free_from && end <= n);
            int sound = check_bodies && entries[i].body_error != OL_E_BODY_CRC;
            free_from = sound ? end : entries[i].offset + 1;
        }
        for (size_t i = 0; i < page.n_damage; i++) {
            require(damage[i].offset >= damage_end && damage[i].length > 0);
            damage_end = damage[i].offset + damage[i].length;
            require(damage_end <= n);
        }
    }
    require(more == 0);
}

static void put32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> 8 * i);
    }
}

static void make_crcs_right(uint8_t *bytes, size_t n) {
    if (n < OL_BLOCK_HEADER_SIZE) {
        return;
    }
    size_t header_bytes = (size_t)(bytes[OL_BLOCK_HEADER_HEADER_BYTES] | bytes[OL_BLOCK_HEADER_HEADER_BYTES + 1] << 8);
    size_t block_bytes = (size_t)(bytes[OL_BLOCK_HEADER_BLOCK_BYTES] | bytes[OL_BLOCK_HEADER_BLOCK_BYTES + 1] << 8);
    if (header_bytes < OL_BLOCK_HEADER_SIZE || header_bytes > block_bytes || block_bytes > n) {
        return;
    }
    put32(bytes + OL_BLOCK_HEADER_BODY_CRC32, ol_crc32(0, bytes + header_bytes, block_bytes - header_bytes));
    put32(bytes + header_bytes - 4, ol_crc32(0, bytes, header_bytes - 4));
}

static void check_all(const uint8_t *bytes, size_t n) {
    check_block(bytes, n);
    for (int check_bodies = 0; check_bodies < 2; check_bodies++) {
        check_index(bytes, n, 0, check_bodies);
        check_index(bytes, n, 512, check_bodies);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    ol_decoder_init(&decoder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 1) {
        return 0;
    }
    uint8_t *bytes = malloc(n - 1); /* exactly as many as there are: the sanitizer watches the end */
    memcpy(bytes, data + 1, n - 1);
    switch (data[0] % 3) {
    case 0:
        check_all(bytes, n - 1);
        break;
    case 1:
        make_crcs_right(bytes, n - 1);
        check_all(bytes, n - 1);
        break;
    default:
        check_payload(bytes, n - 1);
        break;
    }
    free(bytes);
    return 0;
}
