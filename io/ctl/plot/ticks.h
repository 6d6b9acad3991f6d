/* Round numbers along an axis. */
#ifndef ORBIT_IO_CTL_PLOT_TICKS_H
#define ORBIT_IO_CTL_PLOT_TICKS_H

#include <stddef.h>

struct ticks {
    double first, step; /* tick i stands at first + i step */
    int n;
    int decimals; /* that labels need so that no two are alike */
};

/* At most `most` (at least 2) ticks at multiples of 1, 2 or 5 times a power of ten within
 * low..high. A range that is empty or not finite gives n = 0. */
struct ticks ticks_linear(double low, double high, int most);

/* At most `most` powers of ten within low..high, both positive; then first and step count
 * decades. */
struct ticks ticks_decades(double low, double high, int most);

/* Label of tick i; zero is "0". Powers of ten
 * from 0.001 to 10000 read so, others "1e-4". */
void ticks_label(const struct ticks *ticks, int i, char *text, size_t size);
void ticks_decade_label(const struct ticks *ticks, int i, char *text, size_t size);

/* Widens low..high by `margin` of the range on both sides, so that no curve touches its frame;
 * an empty range becomes one of +-`least`. */
void ticks_range(double *low, double *high, double margin, double least);

#endif
