/* SPDX-License-Identifier: Apache-2.0 */
/* Signal quality per lead and second. The kinds of fault follow Clifford et al., "Signal quality indices and data
 * fusion for determining clinical acceptability of electrocardiograms", Physiol Meas 33 (2012) 1419,
 * doi:10.1088/0967-3334/33/9/1419; departures: no beat detectors are compared (this runs before any), and the noise
 * index is the way the signal goes in a second over its swing, which needs one difference a sample. */
#include "lanes.h"
#include "ol_error.h"
#include "ol_quality.h"
#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586
#define FLAT_UV 8.0f
#define SWING_UV 10000.0f
/* A rail holds the signal for a while at a stretch; coarse steps repeat a value often, but never for long (20 to 28 ms at
 * most in the clean seconds of MIT-BIH that swing by 3 mV and more). */
#define CLIPPED_UV 3000.0f
#define CLIPPED_MS 40.0f
#define TONE_RATE_HZ 200.0 /* samples of the tones: more cost time and tell no more */
#define MAINS_UV 50.0f
#define MAINS_HEARD_UV 20.0f /* a QRS alone gives less at 50 and 60 Hz */
#define WAY_CLEAN 25.0f /* swings gone in a second: a clean lead goes 4 to 20 */
#define WAY_NOISE 60.0f

static const float mains_hz[2] = {50.0f, 60.0f};

static void begin(ol_quality *q) {
    q->frame += q->n;
    q->n = 0;
    q->off = 0;
    memset(q->way, 0, sizeof q->way);
    memset(q->still, 0, sizeof q->still);
    memset(q->longest, 0, sizeof q->longest);
    memset(q->tone, 0, sizeof q->tone);
}

int ol_quality_init(ol_quality *q, double fs_hz, uint32_t n_leads, float rail_uv) {
    if (!(fs_hz >= 100 && fs_hz <= 2000) || n_leads < 1 || n_leads > 8 || !(rail_uv >= 0)) {
        return OL_E_ARGUMENT;
    }
    memset(q, 0, sizeof *q);
    q->fs_hz = fs_hz;
    q->n_leads = n_leads;
    q->rail_uv = rail_uv;
    q->per_second = (int32_t)lround(fs_hz);
    q->tone_step = fs_hz >= 2 * TONE_RATE_HZ ? (int32_t)(fs_hz / TONE_RATE_HZ) : 1;
    for (int f = 0; f < 2; f++) {
        q->turn[f] = (float)(2 * cos(TWO_PI * (double)mains_hz[f] * q->tone_step / fs_hz));
    }
    return OL_OK;
}

/* s[n] = x[n] + 2 cos(w) s[n-1] - s[n-2], Goertzel 1958; the first frame of the second is taken off, so that an
 * electrode's offset does not leak into it. */
typedef struct {
    lanes base, turn[2], s1[2], s2[2];
} tones;

OL_INLINE void hear(tones *t, lanes v) {
    for (int f = 0; f < 2; f++) {
        const lanes s0 = v - t->base + t->s1[f] * t->turn[f] - t->s2[f];
        t->s2[f] = t->s1[f];
        t->s1[f] = s0;
    }
}

OL_CLONES static void accumulate(ol_quality *q, const float (*x)[8], const uint8_t *off, size_t n) {
    const lanes zero = {0};
    lanes low = load8(q->low), high = load8(q->high), way = load8(q->way);
    lanes before = load8(q->before), still = load8(q->still), longest = load8(q->longest);
    tones t = {.base = load8(q->base),
               .turn = {zero + q->turn[0], zero + q->turn[1]},
               .s1 = {load8(q->tone[0][0]), load8(q->tone[1][0])},
               .s2 = {load8(q->tone[0][1]), load8(q->tone[1][1])}};
    int32_t to_tone = q->n % q->tone_step;
    to_tone = to_tone ? q->tone_step - to_tone : 0;
    for (size_t i = 0; i < n; i++) {
        const lanes v = load8(x[i]), step = v - before;
        low = lanes_min(low, v);
        high = lanes_max(high, v);
        way += lanes_abs(step);
        still = lanes_choose(step == 0.0f, still + 1.0f, zero);
        longest = lanes_max(longest, still);
        before = v;
        if (to_tone-- == 0) {
            hear(&t, v);
            to_tone = q->tone_step - 1;
        }
    }
    for (size_t i = 0; off && i < n; i++) {
        q->off |= off[i];
    }
    store8(q->low, low), store8(q->high, high), store8(q->way, way);
    store8(q->before, before), store8(q->still, still), store8(q->longest, longest);
    for (int f = 0; f < 2; f++) {
        store8(q->tone[f][0], t.s1[f]);
        store8(q->tone[f][1], t.s2[f]);
    }
}

/* |X(w)|^2 = s1^2 + s2^2 - 2 cos(w) s1 s2; the amplitude of a sine is 2 |X| / n. */
static float tone_uv(const ol_quality *q, int f, uint32_t lead) {
    const double s1 = (double)q->tone[f][0][lead], s2 = (double)q->tone[f][1][lead];
    const double power = s1 * s1 + s2 * s2 - (double)q->turn[f] * s1 * s2;
    return (float)(2 * sqrt(power > 0 ? power : 0) * q->tone_step / q->n);
}

static uint8_t judge(const ol_quality *q, uint32_t lead, float tone, float *score) {
    const float swing = q->high[lead] - q->low[lead], way = q->way[lead] / (swing + 1.0f);
    const float held_ms = 1000.0f * q->longest[lead] / (float)q->per_second;
    const float peak = fmaxf(fabsf(q->high[lead]), fabsf(q->low[lead]));
    const float seconds = (float)q->n / (float)q->per_second;
    uint8_t flags = 0;
    flags |= q->off >> lead & 1 ? OL_QUALITY_LEAD_OFF | OL_QUALITY_UNUSABLE : 0;
    flags |= swing < FLAT_UV && q->n * 4 >= q->per_second ? OL_QUALITY_FLAT | OL_QUALITY_UNUSABLE : 0;
    flags |= q->rail_uv > 0 && peak >= q->rail_uv ? OL_QUALITY_SATURATED | OL_QUALITY_UNUSABLE : 0;
    flags |= swing > CLIPPED_UV && held_ms >= CLIPPED_MS ? OL_QUALITY_SATURATED : 0;
    flags |= swing > SWING_UV || way > WAY_NOISE * seconds ? OL_QUALITY_NOISE : 0;
    flags |= tone > MAINS_UV && tone > 0.2f * swing ? OL_QUALITY_MAINS : 0;
    const float clean = 1.0f - (way / seconds - WAY_CLEAN) / (2 * (WAY_NOISE - WAY_CLEAN));
    *score = fminf(1.0f, fmaxf(0.1f, clean));
    *score *= flags & (OL_QUALITY_SATURATED | OL_QUALITY_NOISE | OL_QUALITY_MAINS) ? 0.5f : 1.0f;
    *score = flags & OL_QUALITY_UNUSABLE ? 0.0f : *score;
    return flags;
}

static void conclude(ol_quality *q, ol_quality_second *second) {
    float most = 0;
    memset(second, 0, sizeof *second);
    second->first_frame = q->frame;
    second->n_frames = q->n;
    for (uint32_t k = 0; k < q->n_leads; k++) {
        const float a = tone_uv(q, 0, k), b = tone_uv(q, 1, k), tone = fmaxf(a, b);
        const int known = q->fs_hz > 130 && q->n * 4 >= q->per_second;
        second->flags[k] = judge(q, k, known ? tone : 0, &second->score[k]);
        if (known && tone > MAINS_HEARD_UV && tone > most) {
            most = tone;
            second->mains_hz = a > b ? mains_hz[0] : mains_hz[1];
        }
    }
    begin(q);
}

static void begin_with(ol_quality *q, const float *first) {
    memcpy(q->low, first, sizeof q->low);
    memcpy(q->high, first, sizeof q->high);
    memcpy(q->base, first, sizeof q->base);
    if (!q->primed) {
        memcpy(q->before, first, sizeof q->before);
        q->primed = 1;
    }
}

int ol_quality_push(ol_quality *q, const float (*frames_uv)[8], const uint8_t *lead_off, size_t n,
                    ol_quality_second *second) {
    if (n == 0) {
        return 0;
    }
    if (q->n == 0) {
        begin_with(q, frames_uv[0]);
    }
    accumulate(q, frames_uv, lead_off, n);
    q->n += (int32_t)n;
    return q->n == q->per_second ? ol_quality_end(q, second) : 0;
}

int ol_quality_end(ol_quality *q, ol_quality_second *second) {
    const int some = q->n > 0;
    if (some) {
        conclude(q, second);
    }
    return some;
}

void ol_quality_skip(ol_quality *q, int64_t n_missing) {
    q->frame += n_missing;
    q->primed = 0;
}
