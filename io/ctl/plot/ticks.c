#include "io/ctl/plot/ticks.h"

#include <math.h>
#include <stdio.h>

/* The smallest of 1, 2, 5, 10 times a power of ten that is not below `rough`. */
static double round_step(double rough)
{
    static const double nice[] = {1, 2, 5};
    double decade = pow(10, floor(log10(rough)));

    for (int i = 0; i < 3; i++)
        if (nice[i] * decade >= rough * (1 - 1e-9))
            return nice[i] * decade;
    return 10 * decade;
}

struct ticks ticks_linear(double low, double high, int most)
{
    struct ticks ticks = {0};
    double last;

    if (!(high > low) || !isfinite(high - low) || most < 2)
        return ticks;
    ticks.step = round_step((high - low) / (most - 1));
    ticks.first = ceil(low / ticks.step - 1e-9) * ticks.step;
    last = floor(high / ticks.step + 1e-9) * ticks.step;
    ticks.n = (int) lround((last - ticks.first) / ticks.step) + 1;
    ticks.decimals = (int) fmax(0, -floor(log10(ticks.step) + 1e-9));
    return ticks;
}

struct ticks ticks_decades(double low, double high, int most)
{
    struct ticks ticks = {0};
    double first, last;

    if (!(low > 0) || !(high > low) || !isfinite(high) || most < 2)
        return ticks;
    first = ceil(log10(low) - 1e-9);
    last = floor(log10(high) + 1e-9);
    ticks.step = fmax(1, ceil((last - first) / (most - 1)));
    ticks.first = first;
    ticks.n = (int) fmax(0, floor((last - first) / ticks.step) + 1);
    return ticks;
}

void ticks_label(const struct ticks *ticks, int i, char *text, size_t size)
{
    double value = ticks->first + i * ticks->step;

    if (fabs(value) < ticks->step * 1e-6)
        snprintf(text, size, "0");
    else if (ticks->decimals > 5 || fabs(value) >= 1e6)
        snprintf(text, size, "%g", value);
    else
        snprintf(text, size, "%.*f", ticks->decimals, value);
}

void ticks_decade_label(const struct ticks *ticks, int i, char *text, size_t size)
{
    int power = (int) lround(ticks->first + i * ticks->step);

    if (power >= -3 && power <= 4)
        snprintf(text, size, "%.*f", power < 0 ? -power : 0, pow(10, power));
    else
        snprintf(text, size, "1e%d", power);
}

void ticks_range(double *low, double *high, double margin, double least)
{
    double room = (*high - *low) * margin;

    if (!(*high - *low > 0)) {
        double middle = isfinite(*low) ? *low : 0;

        *low = middle - least;
        *high = middle + least;
        return;
    }
    *low -= room;
    *high += room;
}
