/* SPDX-License-Identifier: Apache-2.0 */
#include "lanes.h"
#include "ol_error.h"
#include "ol_filter.h"
#include <math.h>

#define TWO_PI 6.283185307179586
#define MIDDLE 0.2 /* of fs / half, from 3 dB to half the amplitude: by calculation, 0.198 to 0.202 from 250 to 1000 Hz */
#define TRANSITION_HZ 30.0 /* of the low-pass, at most two thirds of the cutoff */
#define TRACK_S 0.5        /* the phasor's time constant */
#define SETTLE_S 1.0       /* it never holds still before */
#define HOLD_S 0.06        /* after a step that is a QRS's */
#define QRS_STEPS 5.0f     /* a step this many times the mean one is a QRS's */

static int sound(double fs_hz, uint32_t n_leads, double f_hz) {
    return fs_hz >= 100 && fs_hz <= 2000 && n_leads >= 1 && n_leads <= 8 && f_hz > 0 && f_hz < 0.45 * fs_hz;
}

OL_INLINE void store_frame(float *out, lanes v, uint32_t n_leads) {
    float frame[8];
    store8(frame, v);
    for (uint32_t k = 0; k < n_leads; k++) {
        out[k] = frame[k];
    }
}

int ol_highpass_init(ol_highpass *f, double fs_hz, uint32_t n_leads) {
    if (!sound(fs_hz, n_leads, 0.05)) {
        return OL_E_ARGUMENT;
    }
    memset(f, 0, sizeof *f);
    f->n_leads = n_leads;
    const double w = tan(TWO_PI * 0.05 / fs_hz / 2);
    f->keep = (1 - w) / (1 + w);
    return OL_OK;
}

/* y[n] = k y[n-1] + (1 + k) / 2 (x[n] - x[n-1]); bilinear transform of s / (s + w0). */
OL_CLONES void ol_highpass_run(ol_highpass *f, const float *in, float *out, size_t n) {
    for (size_t i = 0; i < n; i++, in += f->n_leads, out += f->n_leads) {
        for (uint32_t k = 0; k < f->n_leads; k++) {
            const double x = fabsf(in[k]) < OL_LARGEST_UV ? (double)in[k] : f->before[k];
            const double step = f->started ? x - f->before[k] : 0;
            f->out[k] = f->keep * f->out[k] + 0.5 * (1 + f->keep) * step;
            f->before[k] = x;
            out[k] = (float)f->out[k];
        }
        f->started = 1;
    }
}

/* Two moving averages of L frames pass sinc^2(f L / fs): 0.293 is left, and 3 dB taken off, at f L / fs = 0.573. */
int ol_baseline_init(ol_baseline *f, double fs_hz, uint32_t n_leads, double cutoff_hz) {
    const double span = 0.573 * fs_hz / cutoff_hz;
    if (!sound(fs_hz, n_leads, cutoff_hz) || span < 2 || span > OL_FILTER_SPAN - 1) {
        return OL_E_ARGUMENT;
    }
    memset(f, 0, sizeof *f);
    f->n_leads = n_leads;
    f->span = (uint32_t)(span + 0.5) | 1; /* odd, so that the delay is whole */
    return OL_OK;
}

uint32_t ol_baseline_delay(const ol_baseline *f) {
    return f->span - 1;
}

OL_INLINE void baseline_start(ol_baseline *f, lanes first) {
    float x[8];
    store8(x, first);
    for (uint32_t i = 0; i < f->span; i++) {
        store8(f->ring[0][i], first);
        store8(f->ring[1][i], first);
    }
    for (uint32_t k = 0; k < 8; k++) {
        f->sum[0][k] = f->sum[1][k] = (double)x[k] * f->span;
    }
    f->started = 1;
}

/* m1[n] = mean of x[n-L+1..n], m2 the same of m1, y[n] = x[n-L+1] - m2[n]. Sums are of float values in double: with
 * 24 bits a value and fewer than 2^12 of them they are exact but for m1's last bits, and do not drift. */
OL_CLONES void ol_baseline_run(ol_baseline *f, const float *in, float *out, size_t n) {
    const double share = 1.0 / f->span;
    lanes before = load8(f->ring[0][f->at ? f->at - 1 : f->span - 1]);
    for (size_t i = 0; i < n; i++, in += f->n_leads, out += f->n_leads) {
        const lanes v = load_frame(in, f->n_leads, before);
        if (!f->started) {
            baseline_start(f, v);
        }
        before = v;
        float x[8], *oldest = f->ring[0][f->at], *mean = f->ring[1][f->at];
        store8(x, v);
        const uint32_t next = f->at + 1 == f->span ? 0 : f->at + 1;
        for (uint32_t k = 0; k < 8; k++) {
            f->sum[0][k] += (double)x[k] - (double)oldest[k];
            oldest[k] = x[k];
            const float m = (float)(f->sum[0][k] * share);
            f->sum[1][k] += (double)m - (double)mean[k];
            mean[k] = m;
            x[k] = f->ring[0][next][k] - (float)(f->sum[1][k] * share);
        }
        f->at = next;
        for (uint32_t k = 0; k < f->n_leads; k++) {
            out[k] = x[k];
        }
    }
}

int ol_mains_init(ol_mains *f, double fs_hz, uint32_t n_leads, double mains_hz) {
    if (!sound(fs_hz, n_leads, mains_hz)) {
        return OL_E_ARGUMENT;
    }
    memset(f, 0, sizeof *f);
    f->n_leads = n_leads;
    f->re = 1;
    f->turn_re = cos(TWO_PI * mains_hz / fs_hz);
    f->turn_im = sin(TWO_PI * mains_hz / fs_hz);
    /* the error is a difference: its gain is |1 - turn|, and the tracker's is made up for it */
    f->rate = (float)(2 / (TRACK_S * fs_hz) / (2 - 2 * f->turn_re));
    f->hold_frames = (uint32_t)(HOLD_S * fs_hz);
    f->n = (uint32_t)(SETTLE_S * fs_hz);
    return OL_OK;
}

/* One lead: e = x - (a cos + b sin); a and b follow the difference of e, as the difference of cos and sin tells them.
 * Widrow et al., "Adaptive noise cancelling", Proc IEEE 63 (1975) 1692, doi:10.1109/PROC.1975.10036. Departures: the
 * error is a difference, so that baseline and offset do not count, and it does not count within 60 ms of a step five
 * times the mean one, so that a QRS leaves no ringing behind. */
OL_INLINE float mains_lead(ol_mains *f, uint32_t k, float x, float c, float s, float dc, float ds) {
    const float estimate = f->a[k] * c + f->b[k] * s, y = x - estimate;
    const float step = x - f->before[k] - (f->a[k] * dc + f->b[k] * ds), size = fabsf(step);
    const int settled = f->n == 0, jump = settled && size > QRS_STEPS * f->way[k] + 2.0f;
    f->hold[k] = jump ? f->hold_frames : f->hold[k] ? f->hold[k] - 1 : 0;
    const float bound = settled ? fminf(size, 4 * f->way[k] + 1.0f) : size;
    f->way[k] += (bound - f->way[k]) * 0.005f;
    if (f->hold[k] == 0) {
        f->a[k] += f->rate * step * dc;
        f->b[k] += f->rate * step * ds;
    }
    f->before[k] = x;
    return y;
}

void ol_mains_run(ol_mains *f, const float *in, float *out, size_t n) {
    for (size_t i = 0; i < n; i++, in += f->n_leads, out += f->n_leads) {
        const double re = f->re * f->turn_re - f->im * f->turn_im, im = f->re * f->turn_im + f->im * f->turn_re;
        const double fix = 1.5 - 0.5 * (re * re + im * im); /* keeps the circle round */
        const float dc = (float)(re - f->re), ds = (float)(im - f->im);
        f->re = re * fix;
        f->im = im * fix;
        for (uint32_t k = 0; k < f->n_leads; k++) {
            const float x = fabsf(in[k]) < OL_LARGEST_UV ? in[k] : f->before[k];
            f->before[k] = f->started ? f->before[k] : x;
            out[k] = mains_lead(f, k, x, (float)re, (float)im, dc, ds);
        }
        f->started = 1;
        f->n -= f->n > 0;
    }
}

float ol_mains_amplitude(const ol_mains *f, uint32_t lead) {
    return lead < f->n_leads ? hypotf(f->a[lead], f->b[lead]) : 0;
}

/* h[k] = sin(2 pi fm k) / (pi k), Hamming window, unit gain at 0. Half the amplitude is left at fm, the middle of the transition,
 * which lies above the cutoff by so much that the cutoff is 3 dB down. */
int ol_lowpass_init(ol_lowpass *f, double fs_hz, uint32_t n_leads, double cutoff_hz) {
    if (!sound(fs_hz, n_leads, cutoff_hz)) {
        return OL_E_ARGUMENT;
    }
    const double transition = fmin(TRANSITION_HZ, cutoff_hz * 2 / 3), half = ceil(1.65 * fs_hz / transition);
    if (half > OL_FILTER_HALF) {
        return OL_E_ARGUMENT;
    }
    memset(f, 0, sizeof *f);
    f->n_leads = n_leads;
    f->half = (uint32_t)half;
    const double middle_hz = cutoff_hz + MIDDLE * fs_hz / half;
    double gain = 0, taps[OL_FILTER_HALF + 1];
    for (uint32_t k = 0; k <= f->half; k++) {
        const double w = 0.54 + 0.46 * cos(TWO_PI / 2 * k / f->half);
        taps[k] = w * (k ? sin(TWO_PI * middle_hz / fs_hz * k) / (TWO_PI / 2 * k) : 2 * middle_hz / fs_hz);
        gain += (k ? 2 : 1) * taps[k];
    }
    for (uint32_t k = 0; k <= f->half; k++) {
        f->taps[k] = (float)(taps[k] / gain);
    }
    return OL_OK;
}

uint32_t ol_lowpass_delay(const ol_lowpass *f) {
    return f->half;
}

/* y[n] = h0 x[n-H] + sum of h_k (x[n-H-k] + x[n-H+k]), k to H. */
OL_CLONES void ol_lowpass_run(ol_lowpass *f, const float *in, float *out, size_t n) {
    const uint32_t span = 2 * f->half + 1;
    lanes before = load8(f->ring[f->at ? f->at - 1 : span - 1]);
    for (size_t i = 0; i < n; i++, in += f->n_leads, out += f->n_leads) {
        before = load_frame(in, f->n_leads, before);
        for (uint32_t k = 0; !f->started && k < 2 * span; k++) {
            store8(f->ring[k], before);
        }
        f->started = 1;
        store8(f->ring[f->at], before);
        store8(f->ring[f->at + span], before);
        f->at = f->at + 1 == span ? 0 : f->at + 1;
        const float (*middle)[8] = (const float (*)[8])f->ring + f->at + f->half; /* the oldest is at f->at */
        lanes sum = load8(middle[0]) * f->taps[0];
        for (uint32_t k = 1; k <= f->half; k++) {
            sum += (load8(middle[k]) + load8(*(middle - k))) * f->taps[k];
        }
        store_frame(out, sum, f->n_leads);
    }
}
