/* Power spectral densities by Welch's method: P. D. Welch, IEEE Trans. Audio Electroacoust. 15
 * (1967) 70. Segments of 2^k samples, half overlapping, without their mean, under a Hann
 * window; one-sided, so that the sum of power times df is the variance. Any thread; plans of
 * FFTW are made and destroyed within a call, one at a time in a process.
 */
#ifndef ORBIT_IO_SPECTRA_SPECTRA_H
#define ORBIT_IO_SPECTRA_SPECTRA_H

#include <stdint.h>

#include "rt/base/rc.h"

struct spectra {
    uint64_t n_signal, n_freq; /* frequencies df, 2 df, ... n_freq df */
    double df_hz;
    uint64_t n_average; /* segments */
    double *power;      /* [n_signal][n_freq], unit^2/Hz */
};

/* signal: [n][n_signal], one row per sample, fs_hz samples a second. most: length of a segment
 * at most. RC_RANGE: fewer than 16 samples, or no rate; RC_NOMEM. */
MUST_USE enum rc spectra_compute(struct spectra *spectra, const double *signal, uint64_t n,
                                 uint64_t n_signal, double fs_hz, uint64_t most);
void spectra_free(struct spectra *spectra);

/* rms between two frequencies, both included. */
double spectra_rms(const struct spectra *spectra, uint64_t signal, double from_hz,
                   double to_hz);

#endif
