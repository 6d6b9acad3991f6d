/* What the calculation engine starts from: configuration, device table, lattice, and how their
 * names match.
 *
 * Matching is by device name: every BPM and corrector of the device table must be one of the
 * lattice's, on the element that the table names. All faults are collected, so that one run
 * tells them all.
 */
#ifndef ORBIT_MODEL_ENGINE_INPUTS_H
#define ORBIT_MODEL_ENGINE_INPUTS_H

#include "config/cfg.h"
#include "config/devices.h"
#include "model/lattice.h"
#include "model/magnets/magnets.h"
#include "rt/base/rc.h"

struct inputs {
    struct cfg cfg;
    struct devices devices;
    struct lattice *lattice;
    uint32_t *bpm;    /* [n_bpm]: index in the lattice's list of BPMs */
    uint32_t *column; /* [n_h + n_v + n_rf]: column in the lattice's response matrix */
};

/* Reads a LatticeJSON file. RC_SYS, RC_INPUT (what lattice_json_parse says, or beyond its size
 * limit). */
MUST_USE enum rc lattice_load(struct lattice **lattice, const char *path);

/* Reads a table of magnets; reference: NULL for the active one. RC_SYS, RC_INPUT. */
MUST_USE enum rc magnets_load(struct magnets **magnets, const char *path,
                              const char *reference);

/* Loads and matches everything. RC_INPUT: *faults has every fault found, as far as reading got;
 * *inputs is empty then. */
MUST_USE enum rc inputs_load(struct inputs *inputs, const char *config_path,
                             struct cfg_faults *faults);

/* The part after cfg_load: inputs->cfg is given. */
MUST_USE enum rc inputs_load_machine(struct inputs *inputs, const char *config_path,
                                     struct cfg_faults *faults);

/* Frees all but the configuration; an empty one is fine. */
void inputs_free(struct inputs *inputs);

#endif
