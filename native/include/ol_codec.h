/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads (docs/SPEC.md, section 4), by codec id, and the blocks around them. Frames are interleaved int32. */
#ifndef OL_CODEC_H
#define OL_CODEC_H

#include "ol_adaptive.h"
#include "ol_block.h"

/* What a codec is told beside the bytes. */
typedef struct ol_layout {
    uint32_t rate_mhz;
    uint8_t n_leads;
    uint8_t lead_ids[OL_MAX_LEADS];
} ol_layout;

/* Tables for decoding, which any number of threads may share once they are made. cdef: opaque */
typedef struct ol_decoder {
    ol_adaptive_tables adaptive;
} ol_decoder;

void ol_decoder_init(ol_decoder *decoder);

/* Decode `n_frames` frames into `out` (n_frames * n_leads values). OL_OK, OL_E_CODEC, OL_E_ARGUMENT or OL_E_PAYLOAD. */
int ol_payload_decode(const ol_decoder *decoder, int codec_id, const ol_layout *layout, const uint8_t *payload,
                      size_t payload_bytes, size_t n_frames, int32_t *out);

/* A payload being written. cdef: opaque */
typedef struct ol_encoder {
    ol_layout layout;
    int codec_id;
    uint8_t *payload;
    size_t room;
    size_t used;
    size_t n_frames;
    ol_adaptive_encoder adaptive;
} ol_encoder;

/* Begin a payload in the `room` bytes at `payload`, which stay the caller's. OL_OK, OL_E_CODEC or OL_E_ARGUMENT. */
int ol_encoder_init(ol_encoder *encoder, int codec_id, const ol_layout *layout, uint8_t *payload, size_t room);

/* Let codec 1 code its frames in chunks of at most `frames`, 1 to 1024 (the default): shorter ones take less memory on
 * a recorder and more bytes. Right after ol_encoder_init. */
int ol_encoder_set_chunk(ol_encoder *encoder, size_t frames);

/* Add as many of `n_frames` frames as there is room for, up to 16384 in all. Returns the frames taken, and with fewer
 * than asked for the payload is full; OL_E_RANGE (a value does not fit the codec) leaves the payload as it was. */
int ol_encoder_push(ol_encoder *encoder, const int32_t *frames, size_t n_frames);

/* End the payload. Returns its bytes; the encoder must be begun anew. */
int ol_encoder_finish(ol_encoder *encoder);

/* Parse, check and decode the block at `block`; `out` has room for `out_room` values. Returns its frames, or an error.
 */
int ol_block_decode(const ol_decoder *decoder, const uint8_t *block, size_t n, int32_t *out, size_t out_room);

/* Decode the blocks at `offsets` of `bytes`: the frames of block i go to frame `places[i]` of `out`, which has room
 * for `out_frames` frames of `n_leads`. `status[i]` is its frames or its error; a block with an error, or with other
 * than `n_leads` leads (OL_E_N_LEADS), or that does not fit `out` (OL_E_ROOM), leaves `out` alone, save OL_E_PAYLOAD,
 * which may leave garbage in its own frames. Returns how many have an error. */
size_t ol_blocks_decode(const ol_decoder *decoder, const uint8_t *bytes, size_t n_bytes, const uint64_t *offsets,
                        const uint64_t *places, size_t n_blocks, int n_leads, int32_t *out, size_t out_frames,
                        int32_t *status);

#endif
