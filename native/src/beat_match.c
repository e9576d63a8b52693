/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of morphologies: leader clustering with running means.
 *
 * Distance of beat x to template t: 1 - 2 <x, t> / (|x|^2 + |t|^2), summed over the leads both have; 0 for equals, 1 for
 * nothing in common, 2 for mirrored. Unlike a correlation it also tells a small beat from a large one of one shape. */
#include "beat_match.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    SLOW = 64,   /* beats a template averages over */
    SETTLED = 8, /* it is compared with the others each so many beats */
    LOOK = 4,    /* clusters a beat is compared with closely */
};
static const float SAME = 0.12f; /* distance up to which a beat joins a cluster */
static const float MERGE = 0.05f;

typedef struct shape {
    float x[OL_BEAT_QRS + 2 * OL_BEAT_MARGIN][OL_BEAT_LANES];
    float energy[2 * OL_BEAT_MARGIN + 1][OL_BEAT_LANES]; /* of the QRS window at each shift */
} shape;

/* Sums of squares over a window that moves by one sample a time. */
static void know_energy(shape *s) {
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        float sum = 0.0f;
        for (int i = 0; i < OL_BEAT_QRS; i++) {
            sum += s->x[i][k] * s->x[i][k];
        }
        for (int shift = 0;; shift++) {
            s->energy[shift][k] = fmaxf(sum, 0.0f);
            if (shift == 2 * OL_BEAT_MARGIN) {
                break;
            }
            const float in = s->x[shift + OL_BEAT_QRS][k], out = s->x[shift][k];
            sum += in * in - out * out;
        }
    }
}

/* QRS of the window, margins too, without the mean of each lead; leads not usable are zero. */
static void take_shape(const ol_beats *b, shape *s) {
    float mean[OL_BEAT_LANES] = {0};
    for (int i = 0; i < OL_BEAT_QRS; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            mean[k] += b->window[OL_BEAT_QRS_AT + OL_BEAT_MARGIN + i][k] / (float)OL_BEAT_QRS;
        }
    }
    for (int i = 0; i < OL_BEAT_QRS + 2 * OL_BEAT_MARGIN; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            s->x[i][k] = (b->window[OL_BEAT_QRS_AT + i][k] - mean[k]) * b->usable[k];
        }
    }
    know_energy(s);
}

/* Distance at a shift, over every `step`th sample. */
static inline float distance(const shape *s, int shift, const ol_beat_template *t, int step) {
    const float(*x)[OL_BEAT_LANES] = s->x + OL_BEAT_MARGIN + shift;
    const float *own = s->energy[OL_BEAT_MARGIN + shift];
    float cross[OL_BEAT_LANES] = {0}, both = 0.0f, power = 0.0f;
    for (int i = 0; i < OL_BEAT_QRS; i += step) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            cross[k] += x[i][k] * t->qrs[i][k];
        }
    }
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        const float shared = own[k] > 0.0f && t->energy[k] > 0.0f ? 1.0f : 0.0f;
        both += shared * cross[k];
        power += shared * (own[k] + t->energy[k]);
    }
    return power > 0.0f ? 1.0f - 2.0f * (float)step * both / power : 1.0f;
}

/* Best of the distances at all shifts, walking downhill from none. */
static float nearest_shift(const shape *s, const ol_beat_template *t, int *shift) {
    float best = distance(s, 0, t, 1);
    *shift = 0;
    for (int way = -1; way <= 1; way += 2) {
        for (int k = 1; k <= OL_BEAT_MARGIN; k++) {
            const float d = distance(s, way * k, t, 1);
            if (d >= best) {
                break;
            }
            best = d;
            *shift = way * k;
        }
    }
    return best;
}

static void refresh(ol_beat_template *t) {
    float energy[OL_BEAT_LANES] = {0};
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        float mean = 0.0f;
        for (int i = 0; i < OL_BEAT_QRS; i++) {
            mean += t->wave[OL_BEAT_QRS_AT + i][k] / (float)OL_BEAT_QRS;
        }
        for (int i = 0; i < OL_BEAT_QRS; i++) {
            t->qrs[i][k] = t->wave[OL_BEAT_QRS_AT + i][k] - mean;
            energy[k] += t->qrs[i][k] * t->qrs[i][k];
        }
    }
    memcpy(t->energy, energy, sizeof energy);
}

static void update(ol_beats *b, ol_beat_template *t, int shift) {
    t->count++;
    const float all = 1.0f / (float)(t->count < SLOW ? t->count : SLOW);
    float gain[OL_BEAT_LANES];
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        gain[k] = b->usable[k] * (t->energy[k] > 0.0f ? all : 1.0f);
    }
    for (int i = 0; i < OL_BEAT_GRID; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            t->wave[i][k] += gain[k] * (b->window[i + OL_BEAT_MARGIN + shift][k] - t->wave[i][k]);
        }
    }
    refresh(t);
}

static float between(const ol_beat_template *a, const ol_beat_template *b) {
    float both = 0.0f, power = 0.0f;
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        float cross = 0.0f;
        for (int i = 0; i < OL_BEAT_QRS; i++) {
            cross += a->qrs[i][k] * b->qrs[i][k];
        }
        const float shared = a->energy[k] > 0.0f && b->energy[k] > 0.0f ? 1.0f : 0.0f;
        both += shared * cross;
        power += shared * (a->energy[k] + b->energy[k]);
    }
    return power > 0.0f ? 1.0f - 2.0f * both / power : 1.0f;
}

/* Join cluster `from` into `into`; the last one takes its place. */
static void join(ol_beats *b, uint32_t into, uint32_t from) {
    ol_beat_template *a = &b->clusters[into];
    const ol_beat_template *c = &b->clusters[from];
    const float part = (float)c->count / (float)(a->count + c->count);
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        const float gain = c->energy[k] > 0.0f ? (a->energy[k] > 0.0f ? part : 1.0f) : 0.0f;
        for (int i = 0; i < OL_BEAT_GRID; i++) {
            a->wave[i][k] += gain * (c->wave[i][k] - a->wave[i][k]);
        }
    }
    a->count += c->count;
    refresh(a);
    const uint32_t last = --b->n_clusters;
    for (uint32_t i = 0; i < b->n_serials; i++) {
        b->slot_of[i] = b->slot_of[i] == from ? (uint8_t)into : b->slot_of[i];
    }
    if (from != last) {
        b->clusters[from] = b->clusters[last];
        for (uint32_t i = 0; i < b->n_serials; i++) {
            b->slot_of[i] = b->slot_of[i] == last ? (uint8_t)from : b->slot_of[i];
        }
    }
}

/* Make room: the smallest cluster joins its nearest. */
static void evict(ol_beats *b) {
    uint32_t least = 0, near = 0;
    for (uint32_t i = 1; i < b->n_clusters; i++) {
        least = b->clusters[i].count < b->clusters[least].count ? i : least;
    }
    float best = FLT_MAX;
    for (uint32_t i = 0; i < b->n_clusters; i++) {
        const float d = i == least ? FLT_MAX : between(&b->clusters[least], &b->clusters[i]);
        near = d < best ? i : near;
        best = d < best ? d : best;
    }
    /* the joined one must not be the last that moves into the hole */
    join(b, near, least);
}

/* A cluster that has come close to another joins it. */
static void merge_near(ol_beats *b, uint32_t changed) {
    if (b->clusters[changed].count % SETTLED) {
        return;
    }
    for (uint32_t i = 0; i < b->n_clusters; i++) {
        if (i != changed && between(&b->clusters[changed], &b->clusters[i]) < MERGE) {
            const uint32_t into = b->clusters[i].count > b->clusters[changed].count ? i : changed;
            join(b, into, into == i ? changed : i);
            return;
        }
    }
}

static uint32_t begin_cluster(ol_beats *b) {
    if (b->n_clusters == OL_BEAT_CLUSTERS) {
        evict(b);
    }
    const uint32_t slot = b->n_clusters++;
    memset(&b->clusters[slot], 0, sizeof b->clusters[slot]);
    b->clusters[slot].serial = (uint16_t)b->n_serials;
    b->slot_of[b->n_serials++] = (uint8_t)slot;
    return slot;
}

/* The clusters that may be nearest, best first. Returns how many. */
static uint32_t candidates(const ol_beats *b, const shape *s, uint32_t *list) {
    float far[LOOK];
    uint32_t n = 0;
    for (uint32_t c = 0; c < b->n_clusters; c++) {
        const float d = distance(s, 0, &b->clusters[c], 2);
        if (n == LOOK && d >= far[LOOK - 1]) {
            continue;
        }
        uint32_t at = n < LOOK ? n++ : LOOK - 1;
        for (; at && far[at - 1] > d; at--) {
            far[at] = far[at - 1];
            list[at] = list[at - 1];
        }
        far[at] = d;
        list[at] = c;
    }
    return n;
}

static uint32_t nearest(const ol_beats *b, const shape *s, float *least, int *shift) {
    uint32_t list[LOOK], best = 0;
    const uint32_t n = candidates(b, s, list);
    for (uint32_t i = 0; i < n; i++) {
        int at = 0;
        const float d = nearest_shift(s, &b->clusters[list[i]], &at);
        if (d < *least) {
            *least = d;
            *shift = at;
            best = list[i];
        }
    }
    return best;
}

int beat_match(ol_beats *b, ol_beat_record *out) {
    shape s;
    float least = FLT_MAX;
    int shift = 0, alive = 0;
    take_shape(b, &s);
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        alive |= b->usable[k] > 0.0f;
    }
    uint32_t best = nearest(b, &s, &least, &shift);
    if (!b->n_clusters || (least > SAME && alive && b->n_serials < OL_BEAT_SERIALS)) {
        best = begin_cluster(b);
        shift = 0;
        least = 0.0f;
    }
    out->flags = (uint8_t)(out->flags | (alive ? 0 : OL_BEAT_NO_SIGNAL));
    out->cluster = b->clusters[best].serial;
    out->distance = (uint8_t)fminf(fmaxf(256.0f * least, 0.0f), 255.0f);
    if (alive) {
        update(b, &b->clusters[best], shift);
        merge_near(b, best);
    }
    return shift;
}

float beat_template_distance(const ol_beat_template *a, const ol_beat_template *b) {
    shape s;
    int shift = 0;
    for (int i = 0; i < OL_BEAT_QRS + 2 * OL_BEAT_MARGIN; i++) {
        for (int k = 0; k < OL_BEAT_LANES; k++) {
            const int at = OL_BEAT_QRS_AT - OL_BEAT_MARGIN + i;
            s.x[i][k] = a->energy[k] > 0.0f ? a->wave[at][k] - (a->wave[OL_BEAT_QRS_AT][k] - a->qrs[0][k]) : 0.0f;
        }
    }
    know_energy(&s);
    return nearest_shift(&s, b, &shift);
}

uint32_t ol_beats_slot(const ol_beats *b, uint32_t serial) {
    return serial < b->n_serials ? b->slot_of[serial] : 0;
}

uint32_t ol_beats_template(const ol_beats *b, uint32_t slot, float *wave) {
    if (slot >= b->n_clusters) {
        return 0;
    }
    memcpy(wave, b->clusters[slot].wave, sizeof b->clusters[slot].wave);
    return b->clusters[slot].count;
}
