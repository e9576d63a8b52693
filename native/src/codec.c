/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of each id, and decoding of whole blocks. */
#include "ol_codec.h"

#include "raw24.h"

static int layout_is_sound(const ol_layout *layout) {
    return layout->n_leads >= 1 && layout->n_leads <= OL_MAX_LEADS && layout->rate_mhz != 0;
}

void ol_decoder_init(ol_decoder *decoder) {
    decoder->ready = 1;
}

int ol_payload_decode(const ol_decoder *decoder, int codec_id, const ol_layout *layout, const uint8_t *payload,
                      size_t payload_bytes, size_t n_frames, int32_t *out) {
    if (!decoder->ready || !layout_is_sound(layout) || n_frames > OL_MAX_FRAMES_PER_BLOCK) {
        return OL_E_ARGUMENT;
    }
    switch (codec_id) {
    case OL_CODEC_RAW24:
        return ol_raw24_decode(payload, payload_bytes, n_frames * layout->n_leads, out);
    default:
        return OL_E_CODEC;
    }
}

int ol_encoder_init(ol_encoder *encoder, int codec_id, const ol_layout *layout, uint8_t *payload, size_t room) {
    if (!layout_is_sound(layout)) {
        return OL_E_ARGUMENT;
    }
    if (codec_id != OL_CODEC_RAW24) {
        return OL_E_CODEC;
    }
    *encoder = (ol_encoder){.layout = *layout, .codec_id = codec_id, .payload = payload};
    encoder->room = room & ~(size_t)3; /* so that there is room to fill up with zeros */
    return OL_OK;
}

static int push_raw24(ol_encoder *encoder, const int32_t *frames, size_t n_frames) {
    size_t frame_bytes = (size_t)3 * encoder->layout.n_leads;
    size_t fit = (encoder->room - encoder->used) / frame_bytes;
    size_t taken = fit < n_frames ? fit : n_frames;
    int error = ol_raw24_encode(frames, taken * encoder->layout.n_leads, encoder->payload + encoder->used);
    if (error != OL_OK) {
        return error;
    }
    encoder->used += taken * frame_bytes;
    return (int)taken;
}

int ol_encoder_push(ol_encoder *encoder, const int32_t *frames, size_t n_frames) {
    size_t most = OL_MAX_FRAMES_PER_BLOCK - encoder->n_frames;
    int taken = push_raw24(encoder, frames, n_frames < most ? n_frames : most);
    if (taken > 0) {
        encoder->n_frames += (size_t)taken;
    }
    return taken;
}

int ol_encoder_finish(ol_encoder *encoder) {
    while (encoder->used % 4 != 0) {
        encoder->payload[encoder->used++] = 0;
    }
    return (int)encoder->used;
}

static ol_layout layout_of(const ol_block_header *header) {
    ol_layout layout = {.rate_mhz = header->rate_mhz, .n_leads = header->n_leads};
    for (int i = 0; i < OL_MAX_LEADS; i++) {
        layout.lead_ids[i] = header->lead_ids[i];
    }
    return layout;
}

/* Everything that can be wrong with a block but its payload. */
static int open_block(const uint8_t *block, size_t n, ol_block_header *header) {
    int error = ol_block_parse(block, n, header);
    if (error == OL_OK) {
        error = ol_block_check_body(block, n, header);
    }
    return error != OL_OK ? error : ol_block_readable(header);
}

static int decode_body(const ol_decoder *decoder, const uint8_t *block, const ol_block_header *header, int32_t *out,
                       size_t out_room) {
    if ((size_t)header->n_frames * header->n_leads > out_room) {
        return OL_E_ROOM;
    }
    ol_layout layout = layout_of(header);
    int error = ol_payload_decode(decoder, header->codec_id, &layout, block + header->header_bytes,
                                  header->payload_bytes, header->n_frames, out);
    return error != OL_OK ? error : header->n_frames;
}

int ol_block_decode(const ol_decoder *decoder, const uint8_t *block, size_t n, int32_t *out, size_t out_room) {
    ol_block_header header;
    int error = open_block(block, n, &header);
    return error != OL_OK ? error : decode_body(decoder, block, &header, out, out_room);
}

/* Where a range of blocks is decoded to. */
typedef struct range_out {
    int32_t *values;
    size_t n_frames;
    int n_leads;
} range_out;

static int decode_at(const ol_decoder *decoder, const uint8_t *block, size_t n, const range_out *out, uint64_t place) {
    ol_block_header header;
    int error = open_block(block, n, &header);
    if (error != OL_OK) {
        return error;
    }
    if (header.n_leads != out->n_leads) {
        return OL_E_N_LEADS;
    }
    if (place > out->n_frames) {
        return OL_E_ROOM;
    }
    size_t first = (size_t)place * header.n_leads;
    return decode_body(decoder, block, &header, out->values + first, out->n_frames * header.n_leads - first);
}

size_t ol_blocks_decode(const ol_decoder *decoder, const uint8_t *bytes, size_t n_bytes, const uint64_t *offsets,
                        const uint64_t *places, size_t n_blocks, int n_leads, int32_t *out, size_t out_frames,
                        int32_t *status) {
    const range_out range = {out, out_frames, n_leads};
    size_t n_errors = 0;
    for (size_t i = 0; i < n_blocks; i++) {
        status[i] = OL_E_ARGUMENT;
        if (offsets[i] < n_bytes) {
            size_t at = (size_t)offsets[i];
            status[i] = decode_at(decoder, bytes + at, n_bytes - at, &range, places[i]);
        }
        n_errors += status[i] < 0;
    }
    return n_errors;
}
