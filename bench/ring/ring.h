/* The virtual ring of a configuration: everything that is made before time runs. */
#ifndef ORBIT_BENCH_RING_RING_H
#define ORBIT_BENCH_RING_RING_H

#include "bench/ring/engine.h"
#include "bench/ring/floor.h"
#include "config/cfg.h"
#include "config/devices.h"

struct ring {
    struct cfg cfg;
    struct devices devices;
    struct lattice *lattice; /* the design; BPMs and correctors in the device table's order */
    struct machine *machine;
    struct readings *readings;
    struct settings *settings;                 /* at the start */
    double *reference_m;                       /* [2 n_bpm] */
    struct plant_corrector_channel *corrector; /* [n_h + n_v] */
    struct floor_result floor;
    char state_dir[CFG_PATH_SIZE], endpoints_path[CFG_PATH_SIZE];
};

/* Reads the configuration, lattice and device table, draws the errors, finds the floor.
 * RC_INPUT with one line a fault; RC_NUMERIC: this seed has no closed orbit. Close it in any
 * case. */
MUST_USE enum rc ring_open(struct ring *ring, const char *config);
void ring_close(struct ring *ring);

/* Puts the reference orbit into <state_dir>/reference.txt, as a whole or not at all. */
MUST_USE enum rc ring_write_reference(const struct ring *ring);

/* The same text. */
void ring_print_reference(const struct ring *ring, FILE *out);

uint32_t ring_bpms(const struct ring *ring);
uint32_t ring_correctors(const struct ring *ring);

#endif
