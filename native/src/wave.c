/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in, beats out: resampling to 250 Hz, rings, the queue of beats. */
#include "ol_wave.h"

#include "wave_decode.h"
#include "wave_net.h"

#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t ilanes __attribute__((vector_size(32), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

#define PI 3.14159265358979323846
#define HALF_PERIODS 6.0
#define KAISER_BETA 6.0
#define MAX_UV 1e6f

/* Modified Bessel function of order 0, by its series. */
static double bessel_i0(double x) {
    double term = 1, sum = 1;
    for (int k = 1; k < 40; k++) {
        term *= x * x / (4.0 * k * k);
        sum += term;
    }
    return sum;
}

/* A windowed sinc (Kaiser 1974) for each 1/64 of a frame; it cuts at the lower of the two Nyquist rates. */
static void make_filter(ol_waves *w) {
    const double slow = w->frames_per_row > 1 ? w->frames_per_row : 1;
    w->reach = (uint32_t)ceil(HALF_PERIODS * slow);
    for (int phase = 0; phase <= OL_WAVE_PHASES; phase++) {
        double sum = 0, tap[2 * OL_WAVE_MAX_REACH];
        for (uint32_t k = 0; k < 2 * w->reach; k++) {
            const double x = ((double)k - (double)w->reach + 1 - (double)phase / OL_WAVE_PHASES) / slow;
            const double u = x / HALF_PERIODS;
            const double window = u * u < 1 ? bessel_i0(KAISER_BETA * sqrt(1 - u * u)) / bessel_i0(KAISER_BETA) : 0;
            tap[k] = window * (fabs(x) < 1e-9 ? 1 : sin(PI * x) / (PI * x));
            sum += tap[k];
        }
        for (uint32_t k = 0; k < 2 * w->reach; k++) {
            w->filter[phase][k] = (float)(tap[k] / sum);
        }
    }
}

int ol_waves_init(ol_waves *w, double fs_hz, uint32_t n_leads, int32_t lead_i, int32_t lead_ii) {
    if (!(fs_hz >= OL_WAVE_MIN_FS_HZ && fs_hz <= OL_WAVE_MAX_FS_HZ) || n_leads < 1 || n_leads > OL_WAVE_LEADS ||
        lead_i >= (int32_t)n_leads || lead_ii >= (int32_t)n_leads) {
        return OL_E_ARGUMENT;
    }
    memset(w, 0, sizeof *w);
    w->fs_hz = fs_hz;
    w->frames_per_row = fs_hz / ROW_HZ;
    w->n_leads = n_leads;
    w->lead_i = lead_i;
    w->lead_ii = lead_ii;
    w->good = 0xff;
    make_filter(w);
    ol_wave_net_init(&w->net);
    return OL_OK;
}

int ol_waves_add_beat(ol_waves *w, uint64_t frame, uint32_t beat_class) {
    const uint32_t last = (w->queue_first + w->queue_n + OL_WAVE_QUEUE - 1) % OL_WAVE_QUEUE;
    if (w->queue_n ? frame <= w->queue[last].frame : w->has_previous && frame <= w->previous_frame) {
        return OL_E_ARGUMENT;
    }
    if (w->queue_n == OL_WAVE_QUEUE) {
        return OL_E_ROOM;
    }
    w->queue[(w->queue_first + w->queue_n++) % OL_WAVE_QUEUE] = (ol_wave_pending){frame, beat_class};
    return OL_OK;
}

static double frame_ms(const ol_waves *w, uint64_t frame) {
    return (double)frame * 1000.0 / w->fs_hz;
}

/* Scores are known up to here. */
static double scored_ms(const ol_waves *w) {
    const double rows = (double)(w->n_blocks * OL_WAVE_STEPS * 2) - OL_WAVE_DELAY;
    return rows * SCORE_MS;
}

static int is_ready(const ol_waves *w) {
    if (!w->queue_n) {
        return 0;
    }
    return w->flushed || scored_ms(w) >= frame_ms(w, w->queue[w->queue_first].frame) + OL_WAVE_LATENCY_MS;
}

static void run_block(ol_waves *w) {
    const size_t row = w->n_blocks * OL_WAVE_STEPS * 2 % OL_WAVE_RING_ROWS;
    uint32_t good = w->good & ((1u << w->n_leads) - 1);
    ol_wave_net_run(&w->net, good, w->score[row][0]);
    w->block_good[w->n_blocks % sizeof w->block_good] = (uint8_t)good;
    w->n_blocks++;
    w->good = 0xff;
}

/* One row of 250 Hz: keep it, and hand its difference to the network, two to a word. */
INLINE void take_row(ol_waves *w, lanes x, uint32_t good) {
    const lanes *last = (const lanes *)(const void *)w->last_row;
    lanes d = w->n_rows ? (x - *last) * OL_WAVE_DIFF_PER_UV : x - x;
    const lanes top = x - x + 32767.0f;
    ilanes high = d > top, low = d < -top;
    d = (lanes)(((ilanes)d & ~high & ~low) | ((ilanes)top & high) | ((ilanes)-top & low));
    const ilanes whole = __builtin_convertvector(d + 32768.5f, ilanes) - 32768;
    const size_t at = w->n_rows % OL_WAVE_BLOCK;
    ilanes *pair = (ilanes *)(void *)w->net.diff[OL_WAVE_DIFF_HISTORY + at / 2];
    *pair = at % 2 ? *pair | (whole << 16) : whole & 0xffff;
    memcpy(w->last_row, &x, sizeof x);
    memcpy(w->signal[w->n_rows % OL_WAVE_SIGNAL_ROWS], &x, sizeof x);
    w->good &= good;
    w->n_rows++;
    if (at == OL_WAVE_BLOCK - 1) {
        run_block(w);
    }
}

/* sum over k of filter[k] * input[first + k] */
INLINE lanes convolve(const float *filter, const float (*input)[8], uint32_t n) {
    lanes sum = {0};
    for (uint32_t k = 0; k < n; k++) {
        sum += *(const lanes *)(const void *)input[k] * filter[k];
    }
    return sum;
}

/* All rows of 250 Hz that the frames so far allow; stops where a beat is ready and says so. */
CLONES static int make_rows(ol_waves *w) {
    while (w->n_frames >= w->n_needed) {
        if (w->n_rows % OL_WAVE_BLOCK == 0 && is_ready(w)) {
            return 1;
        }
        const double at = (double)w->n_rows * w->frames_per_row;
        const int64_t frame = (int64_t)(at + 0.5 / OL_WAVE_PHASES);
        const int64_t needed = frame + (int64_t)w->reach + 1, oldest = (int64_t)w->n_frames - (int64_t)w->n_input;
        w->n_needed = (uint64_t)needed;
        if (w->n_frames < w->n_needed) {
            break;
        }
        const int phase = (int)((at - (double)frame) * OL_WAVE_PHASES + 0.5);
        const int64_t row = frame - (int64_t)w->reach + 1 - oldest;
        const lanes x = convolve(w->filter[phase], (const float(*)[8])w->input + row, 2 * w->reach);
        take_row(w, x, w->input_good[row + w->reach - 1]);
    }
    return 0;
}

/* Room in the input for one more: keep what the filter may still ask for. */
static void make_room(ol_waves *w) {
    const uint32_t keep = 3 * OL_WAVE_MAX_REACH;
    if (w->n_input == OL_WAVE_INPUT_ROWS) {
        memmove(w->input, w->input + (OL_WAVE_INPUT_ROWS - keep), keep * sizeof *w->input);
        memmove(w->input_good, w->input_good + (OL_WAVE_INPUT_ROWS - keep), keep);
        w->n_input = keep;
    }
}

/* Lanes beyond a volt, infinite or not a number become 0; their leads lose their bit. */
INLINE lanes sound_lanes(lanes x, uint32_t *good) {
    const lanes zero = {0};
    const ilanes sound = (x <= zero + MAX_UV) & (x >= zero - MAX_UV);
    int64_t halves[4];
    memcpy(halves, &sound, sizeof halves);
    if ((halves[0] & halves[1] & halves[2] & halves[3]) == -1) {
        return x;
    }
    for (uint32_t k = 0; k < OL_WAVE_LEADS; k++) {
        *good &= ~((uint32_t)(sound[k] + 1) << k);
    }
    return (lanes)((ilanes)x & sound);
}

INLINE void put_row(ol_waves *w, lanes x, uint32_t good) {
    memcpy(w->input[w->n_input], &x, sizeof x);
    w->input_good[w->n_input++] = (uint8_t)good;
}

INLINE void put_frame(ol_waves *w, const float *frame, uint32_t good) {
    lanes x = {0};
    if (w->n_leads == OL_WAVE_LEADS) {
        memcpy(&x, frame, sizeof x);
    } else {
        memcpy(&x, frame, w->n_leads * sizeof *frame);
    }
    x = sound_lanes(x, &good);
    if (!w->n_frames) {
        for (uint32_t k = 0; k < w->reach; k++) { /* before the first frame stands the first frame */
            put_row(w, x, good);
        }
    }
    make_room(w);
    put_row(w, x, good);
    w->n_frames++;
}

CLONES static size_t take_frames(ol_waves *w, const float *frames, size_t n_frames, uint32_t good) {
    size_t done = 0;
    for (int ready = is_ready(w) || make_rows(w); done < n_frames && !ready; done++) {
        put_frame(w, frames + done * w->n_leads, good);
        ready = w->n_frames >= w->n_needed && make_rows(w);
    }
    return done;
}

size_t ol_waves_push(ol_waves *w, const float *frames, size_t n_frames, uint32_t good) {
    return w->flushed ? 0 : take_frames(w, frames, n_frames, good);
}

/* After the last frame stands the last frame, for as long as the filters look ahead. */
void ol_waves_flush(ol_waves *w) {
    const uint32_t n_rows = OL_WAVE_DELAY * 2 + OL_WAVE_BLOCK;
    for (uint32_t k = 0; k < n_rows && w->n_rows && !w->flushed; k++) {
        lanes x;
        memcpy(&x, w->last_row, sizeof x);
        take_row(w, x, 0xff);
    }
    w->flushed = 1;
}

static wave_place place_of(const ol_waves *w, uint64_t frame) {
    const double far_ms = 10000;
    wave_place place = {.at_ms = frame_ms(w, frame)};
    place.before_ms = w->has_previous ? frame_ms(w, w->previous_frame) : place.at_ms - far_ms;
    place.after_ms = place.at_ms + OL_WAVE_LATENCY_MS;
    if (w->queue_n) {
        const double next = frame_ms(w, w->queue[w->queue_first].frame);
        place.after_ms = next < place.after_ms ? next : place.after_ms;
    }
    return place;
}

int ol_waves_next(ol_waves *w, ol_wave_beat *beat) {
    if (!is_ready(w)) {
        return 0;
    }
    const ol_wave_pending pending = w->queue[w->queue_first];
    w->queue_first = (w->queue_first + 1) % OL_WAVE_QUEUE;
    w->queue_n--;
    memset(beat, 0, sizeof *beat);
    beat->frame = pending.frame;
    beat->beat_class = pending.beat_class;
    const wave_place place = place_of(w, pending.frame);
    beat->rr_ms = w->has_previous ? (float)(place.at_ms - place.before_ms) : NAN;
    wave_decode(w, &place, beat);
    wave_extra_p(w, &place, beat);
    wave_measure(w, &place, beat);
    w->previous_frame = pending.frame;
    w->has_previous = 1;
    return 1;
}

/* Beats that the signal is about to reach. */
static int add_due(ol_waves *w, const uint64_t *beats, const uint32_t *classes, size_t n_beats, size_t *added) {
    const uint64_t due = w->n_frames + (uint64_t)(w->fs_hz * 5);
    while (*added < n_beats && beats[*added] < due && w->queue_n < OL_WAVE_QUEUE) {
        const int status = ol_waves_add_beat(w, beats[*added], classes ? classes[*added] : 0);
        if (status != OL_OK) {
            return status;
        }
        ++*added;
    }
    return OL_OK;
}

static int64_t drain(ol_waves *w, ol_wave_beat *results) {
    int64_t n = 0;
    while (ol_waves_next(w, results + n)) {
        n++;
    }
    return n;
}

int64_t ol_waves_run(ol_waves *w, const float *frames, size_t n_frames, uint32_t good, const uint64_t *beats,
                     const uint32_t *classes, size_t n_beats, ol_wave_beat *results) {
    const size_t piece = (size_t)w->fs_hz;
    size_t added = 0;
    int64_t n = 0;
    for (size_t done = 0; done < n_frames;) {
        const int status = add_due(w, beats, classes, n_beats, &added);
        if (status != OL_OK) {
            return status;
        }
        const size_t left = n_frames - done;
        done += ol_waves_push(w, frames + done * w->n_leads, left < piece ? left : piece, good);
        n += drain(w, results + n);
    }
    ol_waves_flush(w);
    do {
        const int status = add_due(w, beats, classes, n_beats, &added);
        if (status != OL_OK) {
            return status;
        }
        n += drain(w, results + n);
    } while (added < n_beats && beats[added] < w->n_frames);
    return n;
}
