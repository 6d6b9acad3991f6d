#include "io/gateway/bpm_position.h"

#include <math.h>

void bpm_position(const struct devices *devices, uint64_t bpm, double *value, uint64_t *quality)
{
    const struct bpm_device *device = &devices->bpm[bpm];
    uint64_t x = bpm, y = devices->n_bpm + bpm;
    double p_x = device->gain_x * value[x] - device->offset_x_m;
    double p_y = device->gain_y * value[y] - device->offset_y_m;
    double c = cos(device->roll_rad), s = sin(device->roll_rad);
    value[x] = c * p_x + s * p_y;
    value[y] = c * p_y - s * p_x;
    if (device->roll_rad != 0) {
        uint64_t both = quality[x] | quality[y];
        quality[x] = quality[y] = both;
    }
}
