/* Collapsed messages about many things that can each be wrong in a few ways (PVs, BPM
 * readings).
 *
 * Faults are noted as often as one likes; faults_report() says what changed: one line per kind
 * with the number of things and the first names, and per thing a hold-off that doubles while it
 * flaps (2 s to 60 s) with the number of changes since. One thread at a time.
 */
#ifndef ORBIT_IO_GATEWAY_FAULTS_H
#define ORBIT_IO_GATEWAY_FAULTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rt/base/rc.h"

struct faults;

/* what: how a line begins, e.g. "program: PV ". words [n_kind]: what is wrong, kind 0 being
 * good. Strings are kept by pointer. */
MUST_USE enum rc faults_create(struct faults **faults, const char *what,
                               const char *const *words, unsigned n_kind);
void faults_destroy(struct faults *faults);

/* Adds a thing, good at first; *index numbers them from 0. name is copied. */
MUST_USE enum rc faults_add(struct faults *faults, const char *name, size_t *index);

void faults_note(struct faults *faults, size_t index, unsigned kind);

/* Writes what is due at now_ns (CLOCK_MONOTONIC). */
void faults_report(struct faults *faults, int64_t now_ns, FILE *stream);

/* Things that are not good now. */
size_t faults_count(const struct faults *faults);

#endif
