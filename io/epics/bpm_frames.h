/* From BPM PVs to BPM frames: conversion, quality and loss of frames.
 *
 * The pace is the PV of the first BPM. A frame is complete when every connected PV has news
 * since the frame before; if the pace delivers again before that, the frame goes out with those
 * values marked STALE. Positions are those of io/gateway/bpm_position.h. One thread.
 */
#ifndef ORBIT_IO_EPICS_BPM_FRAMES_H
#define ORBIT_IO_EPICS_BPM_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/cfg.h"
#include "config/devices.h"
#include "io/epics/channels.h"
#include "rt/shm/layout.h"

struct bpm_frames;

/* One frame as client_publish_frame() wants it; arrays [2 n_bpm], owned by the struct
 * bpm_frames. */
struct bpm_frame {
    struct frame_head head;
    double *value, *aux;
    int64_t *t_value_ns;
    uint64_t *quality;
};

/* Adds the BPM PVs and the current's PV to channels. RC_NOMEM; RC_INPUT: no BPM has a PV. */
MUST_USE enum rc bpm_frames_create(struct bpm_frames **frames, struct channels *channels,
                                   const struct devices *devices, const struct cfg *cfg);
void bpm_frames_destroy(struct bpm_frames *frames);

/* Waits up to timeout_ns for the next frame. NULL: none came. */
const struct bpm_frame *bpm_frames_wait(struct bpm_frames *frames, int64_t timeout_ns);

/* Collapsed messages about values that are not usable. */
void bpm_frames_report(struct bpm_frames *frames, int64_t now_ns, FILE *stream);

#endif
