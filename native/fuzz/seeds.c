/* SPDX-License-Identifier: Apache-2.0 */
/* Write the first inputs of the fuzzer into a folder: sound blocks and payloads of each codec, and short files of them.
 */
#include "../tests/support.h"
#include <stdio.h>

#define N_FRAMES 100

static uint8_t input[1 + 4 * OL_MAX_BLOCK_BYTES];
static int32_t frames[N_FRAMES * OL_MAX_LEADS];

static int write_input(const char *folder, const char *name, int codec_id, size_t n) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s_%d", folder, name, codec_id);
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    size_t done = fwrite(input, 1, n, out);
    return fclose(out) != 0 || done != n;
}

static int write_seeds(const char *folder, int codec_id) {
    int one = sample_block(input + 1, 0, codec_id, frames, N_FRAMES);
    if (one < 0) {
        return 0; /* not built in */
    }
    ol_block_header header;
    ol_block_parse(input + 1, (size_t)one, &header);
    int wrong = write_input(folder, "block", codec_id, 1 + (size_t)one);
    input[0] = 1;
    wrong |= write_input(folder, "mended", codec_id, 1 + (size_t)one);
    int two = sample_block(input + 1 + one, 1, codec_id, frames, N_FRAMES / 2);
    wrong |= write_input(folder, "file", codec_id, 1 + (size_t)one + (size_t)two);
    memmove(input + 17, input + 1 + OL_BLOCK_HEADER_SIZE, header.payload_bytes);
    const uint8_t head[17] = {2, (uint8_t)codec_id, 125, 7, N_FRAMES, 0, 0, 0, 0, 1, 2, 7, 8, 9, 10, 11, 12};
    memcpy(input, head, sizeof head);
    wrong |= write_input(folder, "payload", codec_id, 17 + (size_t)header.payload_bytes);
    input[0] = 0;
    return wrong;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: seeds FOLDER\n");
        return 2;
    }
    for (int i = 0; i < N_FRAMES * OL_MAX_LEADS; i++) {
        frames[i] = (i * i / 50) % 200 - 3000 * (i % OL_MAX_LEADS);
    }
    return write_seeds(argv[1], OL_CODEC_RAW24) | write_seeds(argv[1], OL_CODEC_ADAPTIVE);
}
