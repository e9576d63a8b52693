/* SPDX-License-Identifier: Apache-2.0 */
/* Second pass: classes by AAMI EC57 and their reasons.
 *
 * The shape of the features (RR beside the local mean, QRS beside the person's own) follows de Chazal, O'Dwyer and
 * Reilly 2004 (doi:10.1109/TBME.2004.827359) and Llamedo and Martinez 2011 (doi:10.1109/TBME.2010.2068048). Departures:
 * - ordinary QRS and P wave are learnt from the recording itself, by clusters, without anyone's labels;
 * - two questions instead of one of three classes: ectopic or not, and where an ectopic beat comes from;
 * - S is not told in atrial fibrillation, where being early is no evidence;
 * - fusion is a reason, not a class: those beats are N or V by what they are closer to. */
#include "beat_model.h"
#include "beat_review.h"
#include "ol_error.h"

#include <math.h>
#include <string.h>

static const float AF_LEAVES = 0.05f; /* of the probability of S, where AF is certain */
static const float AF_COUNTS = 0.3f;  /* less likely AF takes nothing from S: ectopy alone makes RR as irregular */
static const float PULSE = 1.05f, SURE_PULSE = 1.25f; /* of the steepest slope after it */
static const float PACED_MS = 90.0f;
/* One lead alone gives less away of P waves and shapes, so it needs more to tell S. tools/train_beats.py has the same. */
static const float TELL_V = 0.5f, TELL_S = 0.635f, TELL_S_ONE_LEAD = 0.74f;
static const float BY_SHAPE = 0.6f;

static float probability(float log_odds) {
    return 1.0f / (1.0f + expf(-log_odds));
}

static uint32_t flag(int is, uint32_t reason) {
    return is ? reason : 0u;
}

static uint32_t rhythm_reasons(const beat_review *r, size_t i) {
    const ol_beat_context *w = &r->work[i];
    const float early = review_ratio(w->rr_s, w->ordinary_s), next = review_ratio(review_near(r, i, 1)->rr_s, w->ordinary_s);
    return flag(early < -0.128f, OL_BEAT_PREMATURE) | flag(early < -0.128f && next > 0.1f, OL_BEAT_COMPENSATED) |
           flag(early > 0.182f, OL_BEAT_LATE) | flag(w->af >= 0.5f, OL_BEAT_AF_CONTEXT) |
           flag(w->run >= 3.0f && w->onset < -0.15f, OL_BEAT_IN_RUN);
}

static uint32_t shape_reasons(const beat_review *r, size_t i) {
    const ol_beat_context *w = &r->work[i];
    const float width = (float)r->list[i].width_2ms * 2.0f, p = review_p(w);
    const int expected = w->p_steady > 0.5f;
    const float best = fmaxf(w->p_best[0], w->p_best[1]);
    return flag(width >= 120.0f && width > r->cluster[w->ordinary].width + 20.0f, OL_BEAT_WIDE) |
           flag(w->distance > 0.2f, OL_BEAT_DIFFERENT) | flag(r->list[i].noise > 90, OL_BEAT_NOISY) |
           flag(expected && p < 0.3f && best < 0.6f, OL_BEAT_P_ABSENT) |
           flag(expected && p < 0.3f && best >= 0.6f, OL_BEAT_P_MOVED) | flag(r->paced[w->slot], OL_BEAT_PACED_SPIKE);
}

/* What each beat looks like by itself, and the mean of each morphology. */
static void judge(beat_review *r) {
    float features[OL_BEAT_FEATURES], e, v;
    for (size_t i = 0; i < r->n; i++) {
        ol_beat_context *w = &r->work[i];
        review_features(r, i, features);
        beat_odds(features, &e, &v);
        const float ectopic = probability(e), ventricular = ectopic * probability(v);
        w->odds_v = review_clamp(logf(ventricular + 1e-9f) - logf(1.0f - ventricular + 1e-9f), -5.0f, 5.0f);
        w->ectopic = ectopic;
        r->odds_v[w->slot] += w->odds_v / r->cluster[w->slot].n;
    }
}

/* A beat is ventricular by itself and more so by its morphology; what is ectopic and not ventricular is S. */
static void decide(const beat_review *r, size_t i, ol_beat_label *label) {
    const ol_beat_context *w = &r->work[i];
    const float ventricular = probability(w->odds_v + BY_SHAPE * (r->odds_v[w->slot] - w->odds_v));
    const float tell_s = r->beats->n_leads > 1 ? TELL_S : TELL_S_ONE_LEAD;
    const float rest = w->ectopic > ventricular ? w->ectopic - ventricular : 0.0f;
    const float fibrillating = review_clamp((w->af - AF_COUNTS) / (1.0f - AF_COUNTS), 0.0f, 1.0f);
    const float supra = rest * (1.0f - (1.0f - AF_LEAVES) * fibrillating);
    float told = 1.0f - ventricular - supra;
    label->beat_class = OL_BEAT_N;
    if (ventricular > supra && ventricular > TELL_V) {
        label->beat_class = OL_BEAT_V;
        told = ventricular;
    } else if (supra >= ventricular && supra > tell_s) {
        label->beat_class = OL_BEAT_S;
        told = supra;
    }
    label->confidence = (uint8_t)lrintf(100.0f * review_clamp(told, 0.0f, 1.0f));
}

static void label_beat(const beat_review *r, size_t i, ol_beat_label *label) {
    const ol_beat_context *w = &r->work[i];
    memset(label, 0, sizeof *label);
    label->frame = r->list[i].frame;
    label->cluster = w->slot;
    label->width_2ms = r->list[i].width_2ms;
    label->reasons = rhythm_reasons(r, i) | shape_reasons(r, i);
    decide(r, i, label);
    if (label->beat_class == OL_BEAT_S && label->reasons & OL_BEAT_DIFFERENT) {
        label->reasons |= OL_BEAT_ABERRANT;
    }
    if (w->distance > 0.12f && w->distance < 0.45f && label->reasons & OL_BEAT_WIDE && !(label->reasons & OL_BEAT_PREMATURE)) {
        label->reasons |= OL_BEAT_FUSION_LIKE;
    }
    if (r->paced[w->slot]) {
        label->beat_class = OL_BEAT_PACED;
    }
    if (r->list[i].flags & OL_BEAT_NO_SIGNAL) {
        label->beat_class = OL_BEAT_Q;
        label->confidence = 0;
    }
}

/* A morphology is paced when most of its beats have a pulse and are not narrow; and there are none of these unless one
 * is beyond doubt. */
static void find_paced(beat_review *r) {
    float spike[OL_BEAT_CLUSTERS] = {0};
    int sure = 0;
    for (size_t i = 0; i < r->n; i++) {
        spike[r->work[i].slot] += fminf((float)r->list[i].spike, 128.0f) / (64.0f * r->cluster[r->work[i].slot].n);
    }
    for (int s = 0; s < OL_BEAT_CLUSTERS; s++) {
        const int pulse = spike[s] > PULSE && r->cluster[s].width >= PACED_MS && r->cluster[s].n >= 5.0f;
        sure |= pulse && spike[s] > SURE_PULSE && r->cluster[s].n >= 20.0f;
        r->paced[s] = (uint8_t)pulse;
    }
    for (int s = 0; s < OL_BEAT_CLUSTERS; s++) {
        r->paced[s] = (uint8_t)(r->paced[s] && sure);
    }
}

static void review(beat_review *r) {
    review_rhythm(r);
    review_shapes(r);
    review_p_waves(r);
    review_context(r);
    find_paced(r);
}

static int begin(beat_review *r, const ol_beats *beats, double fs_hz, const ol_beat_record *list, size_t n, ol_beat_context *work) {
    if (!beats || !(fs_hz > 0.0) || (n && (!list || !work))) {
        return OL_E_ARGUMENT;
    }
    memset(r, 0, sizeof *r);
    r->beats = beats;
    r->fs_hz = fs_hz;
    r->list = list;
    r->work = work;
    r->n = n;
    if (n) {
        review(r);
    }
    return OL_OK;
}

int ol_beats_label(const ol_beats *beats, double fs_hz, const ol_beat_record *list, size_t n, ol_beat_context *work,
                   ol_beat_label *labels) {
    beat_review r;
    const int error = begin(&r, beats, fs_hz, list, n, work);
    if (!error) {
        judge(&r);
    }
    for (size_t i = 0; !error && i < n; i++) {
        label_beat(&r, i, &labels[i]);
    }
    return error;
}

int ol_beats_features(const ol_beats *beats, double fs_hz, const ol_beat_record *list, size_t n, ol_beat_context *work,
                      float *features) {
    beat_review r;
    const int error = begin(&r, beats, fs_hz, list, n, work);
    for (size_t i = 0; !error && i < n; i++) {
        review_features(&r, i, features + i * OL_BEAT_FEATURES);
    }
    return error;
}
