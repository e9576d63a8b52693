/* SPDX-License-Identifier: Apache-2.0 */
/* Hold the golden vectors against the C core:
 *
 *     vectors FOLDER < EXPECTATIONS
 *
 * One line of expectations a block: FILE OFFSET STATUS N_EVENTS SAMPLES REWRITE
 *     FILE      block file in FOLDER
 *     OFFSET    byte at which the block begins
 *     STATUS    frames, or the (negative) error code, that decoding must give
 *     N_EVENTS  events, or the error code of the list; "-" if they are not looked at
 *     SAMPLES   file of int32 in FOLDER that decoding must give, or "-"
 *     REWRITE   frames in a chunk of the encoder, if encoding and sealing what was read must give the same bytes; else
 * 0
 *
 * tests/native/test_vectors.py writes them from the JSON beside each vector. Every difference is printed. */
#include "support.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_FILE (1 << 20)
#define MAX_VALUES (OL_MAX_FRAMES_PER_BLOCK * OL_MAX_LEADS)

typedef struct expectation {
    char file[128];
    long offset;
    int status;
    char n_events[16];
    char samples[128];
    int rewrite;
} expectation;

static uint8_t file[MAX_FILE];
static uint8_t written[OL_MAX_BLOCK_BYTES];
static int32_t decoded[MAX_VALUES];
static int32_t samples[MAX_VALUES];
static ol_decoder decoder;
static ol_encoder encoder;
static int n_wrong;

static void differs(const expectation *e, const char *what, long expected, long got) {
    printf("%s at byte %ld: %s: expected %ld, got %ld\n", e->file, e->offset, what, expected, got);
    n_wrong++;
}

static size_t load(const char *folder, const char *name, void *out, size_t room) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        perror(path);
        exit(2);
    }
    size_t n = fread(out, 1, room, in);
    fclose(in);
    return n;
}

static int count_events(const uint8_t *block, const ol_block_header *header) {
    size_t at = ol_block_events_at(header);
    ol_event event;
    int n = 0;
    int found;
    while ((found = ol_event_next(block, header->block_bytes, &at, &event)) > 0) {
        n++;
    }
    return found < 0 ? found : n;
}

static void check_samples(const char *folder, const expectation *e, const ol_block_header *header) {
    size_t n = load(folder, e->samples, samples, sizeof samples);
    size_t wanted = (size_t)header->n_frames * header->n_leads * sizeof *samples;
    if (n != wanted) {
        differs(e, "bytes of samples", (long)wanted, (long)n);
    } else if (memcmp(samples, decoded, n) != 0) {
        differs(e, "samples", 0, 1);
    }
}

static void check_rewrite(const expectation *e, const uint8_t *block, const ol_block_header *header) {
    ol_layout layout = sample_layout(header);
    size_t events_at = ol_block_events_at(header);
    size_t events_end = events_at;
    ol_event event;
    while (ol_event_next(block, header->block_bytes, &events_end, &event) > 0) {
    }
    int status = ol_encoder_init(&encoder, header->codec_id, &layout, written + OL_BLOCK_HEADER_SIZE,
                                 sizeof written - OL_BLOCK_HEADER_SIZE);
    if (status == OL_OK) {
        status = ol_encoder_set_chunk(&encoder, (size_t)e->rewrite);
    }
    int taken = status == OL_OK ? ol_encoder_push(&encoder, decoded, header->n_frames) : status;
    if (taken != header->n_frames) {
        differs(e, "frames encoded", header->n_frames, taken);
        return;
    }
    int payload_bytes = ol_encoder_finish(&encoder);
    int n = ol_block_seal(header, written, sizeof written, (size_t)payload_bytes, block + events_at,
                          events_end - events_at);
    if (n != header->block_bytes) {
        differs(e, "bytes sealed", header->block_bytes, n);
    } else if (memcmp(written, block, (size_t)n) != 0) {
        differs(e, "sealed bytes", 0, 1);
    }
}

static void check(const char *folder, const expectation *e) {
    ol_block_header header;
    size_t n = load(folder, e->file, file, sizeof file) - (size_t)e->offset;
    uint8_t *block = malloc(n); /* exactly its size, so that the sanitizer sees what is read beyond it */
    memcpy(block, file + e->offset, n);
    int status = ol_block_decode(&decoder, block, n, decoded, MAX_VALUES);
    if (status != e->status) {
        differs(e, "status", e->status, status);
    }
    if (ol_block_parse(block, n, &header) == OL_OK && n >= header.block_bytes) {
        if (e->n_events[0] != '-' || e->n_events[1] != 0) {
            int n_events = count_events(block, &header);
            if (n_events != atoi(e->n_events)) {
                differs(e, "events", atoi(e->n_events), n_events);
            }
        }
        if (status >= 0 && strcmp(e->samples, "-") != 0) {
            check_samples(folder, e, &header);
        }
        if (status >= 0 && e->rewrite) {
            check_rewrite(e, block, &header);
        }
    }
    free(block);
}

int main(int argc, char **argv) {
    expectation e;
    int n_checked = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: vectors FOLDER < EXPECTATIONS\n");
        return 2;
    }
    ol_decoder_init(&decoder);
    while (scanf("%127s %ld %d %15s %127s %d", e.file, &e.offset, &e.status, e.n_events, e.samples, &e.rewrite) == 6) {
        check(argv[1], &e);
        n_checked++;
    }
    printf("%d blocks, %d differences\n", n_checked, n_wrong);
    return n_wrong != 0;
}
