#include "bench/tick.h"

#include "bench/samples.h"

enum { N_COST = 1001, CALIBRATION_NS = 20000000 };

double tick_ns(void)
{
    int64_t from_ns = clock_mono_ns(), from = tick_now(), to_ns;

    do
        to_ns = clock_mono_ns();
    while (to_ns - from_ns < CALIBRATION_NS);
    return (double) (to_ns - from_ns) / (double) (tick_now() - from);
}

double tick_cost(void)
{
    double cost[N_COST];

    for (int i = 0; i < N_COST; i++) {
        int64_t from = tick_now();

        cost[i] = (double) (tick_now() - from);
    }
    return samples_median(cost, N_COST);
}
