/* The real loop on the virtual machine: parameter store, segments and a set of parameters whose
 * inverse belongs to the machine's response. */
#ifndef ORBIT_TESTS_SUPPORT_LOOP_RIG_H
#define ORBIT_TESTS_SUPPORT_LOOP_RIG_H

#include "rt/loop/loop.h"
#include "rt/shm/slot_ring.h"
#include "tests/support/virtual_machine.h"

enum { RIG_EVENTS = 64 };

struct loop_rig {
    struct virtual_machine vm;
    struct params_store *params;
    struct segment status_segment, snapshot_segment, record_segment, event_segment;
    struct slot_ring snapshots, records, events;
    struct slot_reader snapshot_reader, record_reader, event_reader;
    uint64_t next_event;
    struct segment checkpoint_segment;
    struct slot_ring checkpoints;
    struct slot_reader checkpoint_reader;
    struct set_head *set_image; /* of the set published last */
    struct status_block *status;
    struct loop *loop;
    void *snapshot; /* copy of the newest, after rig_step */
    void *record;
    double r_model[VM_MAX_ROW * VM_MAX_COL], k[VM_MAX_ROW * VM_MAX_COL];
    double metric[VM_MAX_COL * VM_MAX_COL];
    /* From the next rig_publish on, if they are there: matrices of two classes, and the law's
     * own. */
    double *offload, *law_k;
    uint64_t fast[VM_MAX_COL];
    double fast_pole_hz;
    double limit_rad; /* of every corrector, from the next rig_publish on */
};

/* A tuning that suits the virtual machine: 10 law steps a second, generous ages. */
struct tuning rig_tuning(void);

/* Machine of the given sizes, loop at period_ns; aborts the test on failure. The model is the
 * machine's own response; mu: Tikhonov parameter. */
void rig_create(struct loop_rig *rig, const struct orbit_dims *dims, int64_t period_ns,
                double mu);
/* The same with cycles started as `timer` says (the virtual clock spins and sleeps alike). */
void rig_create_timed(struct loop_rig *rig, const struct orbit_dims *dims, int64_t period_ns,
                      double mu, enum timer_mode timer);
void rig_destroy(struct loop_rig *rig);

/* A new set: the present r_model, its inverse, and this tuning. */
void rig_publish(struct loop_rig *rig, const struct tuning *tuning, double mu);

/* n cycles; the gateway sees the loop's arm_id as the real one does. */
void rig_step(struct loop_rig *rig, unsigned n);

/* Posts a request and steps once. */
enum answer rig_request(struct loop_rig *rig, enum request request, uint64_t *unmet);

/* The next event that was not read yet; false: there is none. */
bool rig_next_event(struct loop_rig *rig, struct event_record *event);

const struct snapshot_head *rig_head(const struct loop_rig *rig);
const double *rig_vector(const struct loop_rig *rig, enum snapshot_vector vector);
const uint64_t *rig_bits(const struct loop_rig *rig, enum snapshot_vector vector);

#endif
