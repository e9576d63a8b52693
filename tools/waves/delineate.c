/* SPDX-License-Identifier: Apache-2.0 */
/* A whole signal through front and waves, for tools/waves/evaluate.py, which compiles this with tables under trial. */
#include "ol_error.h"
#include "ol_front.h"
#include "ol_wave.h"

static ol_front front;
static ol_waves waves;
static ol_second second;

size_t size_of_beat(void) {
    return sizeof(ol_wave_beat);
}

/* Tells beats up to three seconds beyond the second, and takes it. */
static size_t take(const double *beats_ms, size_t n_beats, size_t *told, ol_wave_beat *out, size_t room) {
    const double until_ms = (double)((second.first_row + second.n_rows) * OL_ROW_MS) + 3000;
    while (*told < n_beats && beats_ms[*told] < until_ms && ol_waves_tell(&waves, beats_ms[*told]) == OL_OK) {
        ++*told;
    }
    return ol_waves_take(&waves, &second, out, room);
}

/* Returns how many beats came out: all of them. */
size_t delineate(const float *frames_uv, size_t n_frames, double fs_hz, uint32_t n_leads, const double *beats_ms,
                 size_t n_beats, ol_wave_beat *out) {
    size_t told = 0, n = 0;
    if (ol_front_init(&front, fs_hz, n_leads, 0) != OL_OK || ol_waves_init(&waves, n_leads, -1, -1) != OL_OK) {
        return 0;
    }
    for (size_t done = 0; done < n_frames;) {
        int is_full = 0;
        done += ol_front_push(&front, frames_uv + done * n_leads, NULL, n_frames - done, &second, &is_full);
        n += is_full ? take(beats_ms, n_beats, &told, out + n, n_beats - n) : 0;
    }
    while (ol_front_end(&front, &second)) {
        n += take(beats_ms, n_beats, &told, out + n, n_beats - n);
    }
    return n + ol_waves_end(&waves, out + n, n_beats - n);
}
