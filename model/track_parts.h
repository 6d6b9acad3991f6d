/* What the files of model/track.h share. */
#ifndef ORBIT_MODEL_TRACK_PARTS_H
#define ORBIT_MODEL_TRACK_PARTS_H

#include "model/track.h"

enum { X, PX, Y, PY, DELTA, CT };

/* What the kicks of an element need: kept apart from it, for the misaligned frame changes them.
 */
struct kicker {
    const struct element *element;
    double h;                /* curvature */
    double along_x, along_y; /* kick per length: windings and field errors */
};

/* Turns the frame, so that x' = cosine x + sine y. t may be NULL. */
void track_turn_frame(double z[TRACK_DIM], struct tangent *t, double cosine, double sine);

/* The body of a bend or quadrupole (order up to 1, skew gradient included): the exact solution
 * of the linear equations of motion at the particle's momentum, and the path along it. */
void track_exact_body(double z[TRACK_DIM], const struct kicker *k, struct tangent *t);

#endif
