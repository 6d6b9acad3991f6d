/* `orbit-model --print`: what was computed, for people. */
#ifndef ORBIT_MODEL_ENGINE_PRINT_H
#define ORBIT_MODEL_ENGINE_PRINT_H

#include <stdio.h>

#include "model/engine/engine.h"

void result_print(FILE *out, const struct inputs *inputs, const struct result *result);

#endif
