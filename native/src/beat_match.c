/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of morphologies: leader clustering with running means.
 *
 * Distance of beat x to template t: 1 - 2 <x, t> / (|x|^2 + |t|^2), summed over the leads both have; 0 for equals, 1 for
 * nothing in common, 2 for mirrored. Unlike a correlation it also tells a small beat from a large one of one shape. */
#include "beat_match.h"
#include "lanes.h"

#include <float.h>
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
OL_INLINE void know_energy(shape *s) {
    lanes sum = {0};
    const lanes none = {0};
    for (int i = 0; i < OL_BEAT_QRS; i++) {
        sum += load8(s->x[i]) * load8(s->x[i]);
    }
    for (int shift = 0;; shift++) {
        store8(s->energy[shift], lanes_max(sum, none));
        if (shift == 2 * OL_BEAT_MARGIN) {
            break;
        }
        const lanes in = load8(s->x[shift + OL_BEAT_QRS]), out = load8(s->x[shift]);
        sum += in * in - out * out;
    }
}

/* QRS of the window, margins too, without the mean of each lead; leads not usable are zero. */
OL_CLONES static void take_shape(const ol_beats *b, shape *s) {
    const float(*window)[OL_BEAT_LANES] = b->window + OL_BEAT_QRS_AT;
    const lanes usable = load8(b->usable);
    lanes mean = {0};
    for (int i = 0; i < OL_BEAT_QRS; i++) {
        mean += load8(window[OL_BEAT_MARGIN + i]);
    }
    mean /= (float)OL_BEAT_QRS;
    for (int i = 0; i < OL_BEAT_QRS + 2 * OL_BEAT_MARGIN; i++) {
        // cppcheck-suppress uninitvar ; it is filled here
        store8(s->x[i], (load8(window[i]) - mean) * usable);
    }
    know_energy(s);
}

/* Distance from the sums of products of each lead, and the energies of both. */
OL_INLINE float distance_of(lanes cross, const float *own, const float *other) {
    const lanes x = load8(own), t = load8(other);
    const lane_mask shared = (x > 0.0f) & (t > 0.0f);
    const float both = lanes_sum((lanes)((lane_mask)cross & shared));
    const float power = lanes_sum((lanes)((lane_mask)(x + t) & shared));
    return power > 0.0f ? 1.0f - 2.0f * both / power : 1.0f;
}

OL_INLINE lanes products(const float (*x)[OL_BEAT_LANES], const float (*t)[OL_BEAT_LANES], int step) {
    lanes even = {0}, odd = {0};
    int i = 0;
    for (; i + step < OL_BEAT_QRS; i += 2 * step) {
        even += load8(x[i]) * load8(t[i]);
        odd += load8(x[i + step]) * load8(t[i + step]);
    }
    return even + odd + load8(x[i]) * load8(t[i]);
}

/* Distance at a shift, over every `step`th sample. */
OL_INLINE float distance(const shape *s, int shift, const ol_beat_template *t, int step) {
    const lanes cross = products(s->x + OL_BEAT_MARGIN + shift, t->qrs, step);
    return distance_of(cross * (float)step, s->energy[OL_BEAT_MARGIN + shift], t->energy);
}

/* Best of the distances at all shifts, walking downhill from none. */
OL_CLONES static float nearest_shift(const shape *s, const ol_beat_template *t, int *shift) {
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

OL_INLINE void refresh(ol_beat_template *t) {
    lanes mean = {0}, energy = {0};
    for (int i = 0; i < OL_BEAT_QRS; i++) {
        mean += load8(t->wave[OL_BEAT_QRS_AT + i]);
    }
    mean /= (float)OL_BEAT_QRS;
    for (int i = 0; i < OL_BEAT_QRS; i++) {
        const lanes x = load8(t->wave[OL_BEAT_QRS_AT + i]) - mean;
        store8(t->qrs[i], x);
        energy += x * x;
    }
    store8(t->energy, energy);
}

/* wave += gain * (other - wave) */
OL_CLONES static void blend(ol_beat_template *t, const float (*other)[OL_BEAT_LANES], const float *gain) {
    const lanes part = load8(gain);
    for (int i = 0; i < OL_BEAT_GRID; i++) {
        const lanes x = load8(t->wave[i]);
        store8(t->wave[i], x + part * (load8(other[i]) - x));
    }
    refresh(t);
}

static void update(ol_beats *b, ol_beat_template *t, int shift) {
    t->count++;
    const float all = 1.0f / (float)(t->count < SLOW ? t->count : SLOW);
    float gain[OL_BEAT_LANES];
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        gain[k] = b->usable[k] * (t->energy[k] > 0.0f ? all : 1.0f);
    }
    blend(t, (const float(*)[OL_BEAT_LANES])b->window + OL_BEAT_MARGIN + shift, gain);
}

OL_CLONES static float between(const ol_beat_template *a, const ol_beat_template *b) {
    return distance_of(products((const float(*)[OL_BEAT_LANES])a->qrs, b->qrs, 1), a->energy, b->energy);
}

/* Join cluster `from` into `into`; the last one takes its place. */
static void join(ol_beats *b, uint32_t into, uint32_t from) {
    ol_beat_template *a = &b->clusters[into];
    const ol_beat_template *c = &b->clusters[from];
    const float part = (float)c->count / (float)(a->count + c->count);
    float gain[OL_BEAT_LANES];
    for (int k = 0; k < OL_BEAT_LANES; k++) {
        gain[k] = c->energy[k] > 0.0f ? (a->energy[k] > 0.0f ? part : 1.0f) : 0.0f;
    }
    a->count += c->count;
    blend(a, c->wave, gain);
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
OL_CLONES static uint32_t candidates(const ol_beats *b, const shape *s, uint32_t *list) {
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
    out->distance = (uint8_t)(least <= 0.0f ? 0.0f : 256.0f * least >= 255.0f ? 255.0f : 256.0f * least);
    if (alive) {
        update(b, &b->clusters[best], shift);
        merge_near(b, best);
    }
    return shift;
}

OL_CLONES static void template_shape(const ol_beat_template *a, shape *s) {
    const lanes energy = load8(a->energy), mean = load8(a->wave[OL_BEAT_QRS_AT]) - load8(a->qrs[0]);
    const lanes known = lanes_one_if(energy > 0.0f);
    for (int i = 0; i < OL_BEAT_QRS + 2 * OL_BEAT_MARGIN; i++) {
        // cppcheck-suppress uninitvar ; it is filled here
        store8(s->x[i], (load8(a->wave[OL_BEAT_QRS_AT - OL_BEAT_MARGIN + i]) - mean) * known);
    }
    know_energy(s);
}

float beat_template_distance(const ol_beat_template *a, const ol_beat_template *b) {
    shape s;
    int shift = 0;
    template_shape(a, &s);
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
