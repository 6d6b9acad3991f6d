/* Everything of one run of orbitd, made before the loop starts and taken down after it. */
#ifndef ORBIT_RT_MANAGER_MACHINE_H
#define ORBIT_RT_MANAGER_MACHINE_H

#include <stdatomic.h>
#include <stdint.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "config/streams.h"
#include "rt/hal/hal_shm.h"
#include "rt/loop/loop.h"
#include "rt/loop/params.h"
#include "rt/manager/check.h"
#include "rt/manager/owner.h"
#include "rt/shm/segment.h"
#include "rt/shm/server.h"
#include "rt/shm/slot_ring.h"
#include "rt/sys/host.h"

struct machine {
    const char *config_path;
    struct cfg cfg;
    struct devices devices;
    struct streams streams;
    struct orbit_dims dims;
    uint64_t run_id;
    unsigned n_source; /* BPM sources, then the actuator source */

    struct segment shared[SEG_INPUT];
    struct segment input[ORBIT_MAX_SOURCE];
    struct slot_ring checkpoints, sets;
    struct set_head *set_image; /* where one is packed */
    struct slot_ring texts, snapshots, records, setpoints, events;
    struct status_block *status;

    struct owner owner;
    struct check check, measured; /* kept; being put together by a client */
    struct excite_plan plan;      /* being staged by a client */
    bool staged;
    struct params_store *params;
    struct hal_shm hal;
    struct loop *loop;
    struct host_wish wish;
    struct host_grant grant;
    void *frame_memory[ORBIT_MAX_SOURCE];
};

/* Reads configuration and devices, allocates, maps and prefaults everything. Nothing runs yet.
 * Faults of the configuration are printed to stderr, all of them. It may wait for the reference
 * orbit: RC_GONE when stop becomes true meanwhile. */
MUST_USE enum rc machine_create(struct machine *machine, const char *config_path,
                                const atomic_bool *stop);
/* Publishes a slot of the parameter store, and what is in it in SEG_SET. The manager's thread.
 */
void machine_publish(struct machine *machine, struct params *params);

void machine_destroy(struct machine *machine);

/* As configured. */
const char *machine_source_name(const struct machine *machine, uint64_t source);

#endif
