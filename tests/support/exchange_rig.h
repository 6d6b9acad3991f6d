/* A small orbitd without a loop: all segments, and a server on a socket in a folder of its own.
 *
 * 5 BPMs, 2 + 3 correctors, 1 RF; sources "bpm" (n_row values) and "act" (n_col values). The
 * callbacks record what they get. Served by rig_poll() or, between rig_start and rig_stop, by a
 * thread.
 */
#ifndef ORBIT_TESTS_SUPPORT_EXCHANGE_RIG_H
#define ORBIT_TESTS_SUPPORT_EXCHANGE_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "rt/shm/frame.h"
#include "rt/shm/server.h"
#include "rt/shm/slot_ring.h"

enum { RIG_BPM, RIG_ACT, RIG_SOURCES };

#define RIG_DEVICES 0xdeadbeefULL

struct rig {
    char folder[64], socket_path[96];
    struct server_config config;
    struct server *server;
    struct segment shared[SEG_INPUT], input[RIG_SOURCES];
    struct slot_ring ring[SEG_INPUT]; /* SEG_STATUS is none */

    /* What the callbacks saw. */
    _Atomic uint64_t generation[RIG_SOURCES]; /* 0: detached */
    uint64_t generations;
    struct server_peer peer;
    char line[ORBIT_TEXT_SIZE];
    unsigned n_command, n_parameters;
    double r_sum, k_sum;
    enum rc verdict;    /* returned by both */
    const char *answer; /* text of the reply; NULL: leave it empty */

    pthread_t thread;
    atomic_bool stop;
};

/* Creates everything, or fails the test. */
void rig_create(struct rig *rig);
void rig_destroy(struct rig *rig);

/* Serves until nothing has come for some rounds. */
void rig_poll(struct rig *rig);

void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* Descriptors this process has open. */
unsigned rig_n_fd(void);

#endif
