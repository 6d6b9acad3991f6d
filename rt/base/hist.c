#include "rt/base/hist.h"

#include "rt/base/words.h"

enum { SUB_BINS = 1 << HIST_SUB_BITS };

unsigned hist_bin(uint64_t ns)
{
    unsigned octave;
    unsigned bin;

    if (ns < SUB_BINS)
        return (unsigned) ns;
    octave = 63U - (unsigned) __builtin_clzll(ns) - HIST_SUB_BITS;
    bin = (octave + 1) * SUB_BINS + (unsigned) (ns >> octave & (SUB_BINS - 1));
    return octave < HIST_OCTAVES ? bin : HIST_BINS - 1;
}

uint64_t hist_bin_low_ns(unsigned bin)
{
    unsigned octave = bin / SUB_BINS;
    uint64_t sub = bin % SUB_BINS;

    return octave == 0 ? sub : (SUB_BINS + sub) << (octave - 1);
}

uint64_t hist_bin_high_ns(unsigned bin)
{
    return bin + 1 < HIST_BINS ? hist_bin_low_ns(bin + 1) - 1 : UINT64_MAX;
}

/* One writer: what it loads is what it stored, so no read-modify-write is needed. */
RT_SAFE static inline void add(uint64_t *field, uint64_t amount)
{
    __atomic_store_n(field, __atomic_load_n(field, __ATOMIC_RELAXED) + amount,
                     __ATOMIC_RELAXED);
}

void hist_record(struct hist *hist, uint64_t ns)
{
    uint64_t count = __atomic_load_n(&hist->count, __ATOMIC_RELAXED);

    if (count == 0 || ns < __atomic_load_n(&hist->min, __ATOMIC_RELAXED))
        __atomic_store_n(&hist->min, ns, __ATOMIC_RELAXED);
    if (ns > __atomic_load_n(&hist->max, __ATOMIC_RELAXED))
        __atomic_store_n(&hist->max, ns, __ATOMIC_RELAXED);
    add(&hist->sum, ns);
    add(&hist->bin[hist_bin(ns)], 1);
    __atomic_store_n(&hist->count, count + 1, __ATOMIC_RELAXED);
}

void hist_clear(struct hist *hist)
{
    for (unsigned i = 0; i < HIST_BINS; i++)
        __atomic_store_n(&hist->bin[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hist->sum, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hist->max, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hist->min, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hist->count, 0, __ATOMIC_RELAXED);
}

void hist_copy(struct hist *copy, const struct hist *live)
{
    words_load(copy, live, sizeof *live / sizeof(uint64_t));
}

/* Counts only grow, but copies are not taken at one instant: never below zero. */
static uint64_t minus(uint64_t later, uint64_t earlier)
{
    return later > earlier ? later - earlier : 0;
}

static void narrow_extremes(struct hist *hist)
{
    unsigned first = 0;
    unsigned last = HIST_BINS;

    while (first < HIST_BINS && hist->bin[first] == 0)
        first++;
    while (last > first && hist->bin[last - 1] == 0)
        last--;
    if (first == last) {
        hist->min = 0;
        hist->max = 0;
        return;
    }
    if (hist_bin_low_ns(first) > hist->min)
        hist->min = hist_bin_low_ns(first);
    if (hist_bin_high_ns(last - 1) < hist->max)
        hist->max = hist_bin_high_ns(last - 1);
}

void hist_subtract(struct hist *later, const struct hist *baseline)
{
    later->count = minus(later->count, baseline->count);
    later->sum = minus(later->sum, baseline->sum);
    for (unsigned i = 0; i < HIST_BINS; i++)
        later->bin[i] = minus(later->bin[i], baseline->bin[i]);
    narrow_extremes(later);
}

/* Records that must lie at or below the percentile: ceil(percent % of total), at least 1. */
static uint64_t rank_of(double percent, uint64_t total)
{
    double exact = (percent < 0 ? 0 : percent > 100 ? 100 : percent) / 100.0 * (double) total;
    uint64_t rank = (uint64_t) exact;

    if ((double) rank < exact)
        rank++;
    if (rank > total)
        rank = total;
    return rank ? rank : 1;
}

uint64_t hist_percentile(const struct hist *copy, double percent)
{
    uint64_t total = 0;
    uint64_t rank;
    uint64_t seen = 0;
    unsigned i = 0;

    for (unsigned j = 0; j < HIST_BINS; j++)
        total += copy->bin[j];
    if (total == 0)
        return 0;
    rank = rank_of(percent, total);
    for (seen = copy->bin[0]; seen < rank; seen += copy->bin[i])
        i++;
    return hist_bin_high_ns(i) < copy->max ? hist_bin_high_ns(i) : copy->max;
}

double hist_mean_ns(const struct hist *copy)
{
    return copy->count ? (double) copy->sum / (double) copy->count : 0.0;
}
