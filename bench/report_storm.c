#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/samples.h"

enum { MOST_BLOWS = 1000 };

/* Of all blows to one program with one signal. */
struct tally {
    int n, lost, checked;
    double written, missed, cycles;
    double recovery_s[MOST_BLOWS];
    double missed_share[MOST_BLOWS], most_quiet; /* of each blow that left the loop running */
    int n_share;
};

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));

    return !text || (value && strcmp(value, text) == 0);
}

/* Program and signal NULL: any. */
static double share(double missed, double cycles)
{
    return missed / fmax(1, missed + cycles);
}

static void count(struct tally *tally, const json_t *blows, const char *program,
                  const char *signal)
{
    size_t i;
    json_t *blow;

    *tally = (struct tally){.n = 0};
    json_array_foreach(blows, i, blow)
    {
        if (!is_text(blow, "program", program) || !is_text(blow, "signal", signal) ||
            tally->n == MOST_BLOWS)
            continue;
        tally->recovery_s[tally->n++] = number(blow, "recovery_s");
        tally->lost += !json_is_true(json_object_get(blow, "recovered"));
        tally->checked += json_is_number(json_object_get(blow, "writes_after_expiry"));
        tally->written += number(blow, "writes_after_expiry");
        tally->missed += number(blow, "missed");
        tally->cycles += number(blow, "cycles");
        tally->most_quiet = fmax(tally->most_quiet, share(number(blow, "quiet_missed"),
                                                          number(blow, "quiet_cycles")));
        if (number(blow, "cycles") > 0)
            tally->missed_share[tally->n_share++] =
                share(number(blow, "missed"), number(blow, "cycles"));
    }
}

void bench_print_storm(const json_t *result)
{
    static const char *const programs[] = {"orbit-epics", "orbitd", "orbit-model",
                                           "orbit-ring"};
    static const char *const signals[] = {"KILL", "STOP"};
    static struct tally tally;

    printf("\nPrograms of a set in closed loop at %.0f Hz killed and stopped, seed %.0f\n"
           "%-12s %-6s %6s %14s %14s %14s %20s\n",
           number(result, "rate_hz"), number(result, "seed"), "program", "signal", "times",
           "recovery s", "slowest s", "loop missed", "writes after expiry");
    for (int p = 0; p < 4; p++) {
        for (int s = 0; s < 2; s++) {
            count(&tally, json_object_get(result, "blows"), programs[p], signals[s]);
            if (tally.n == 0)
                continue;
            double median_s = samples_median(tally.recovery_s, (size_t) tally.n);

            printf("%-12s %-6s %6d %14.2f %14.2f %14.1e %8.0f in %d checks\n", programs[p],
                   signals[s], tally.n, median_s, tally.recovery_s[tally.n - 1],
                   share(tally.missed, tally.cycles), tally.written, tally.checked);
        }
    }
}

static void add(json_t *verdicts, const char *what, double measured, double limit,
                const char *not_judged)
{
    const char *word = not_judged ? not_judged : measured <= limit ? "met" : "missed";

    printf("%-34s %37.5g limit %8.4g  %s\n", what, measured, limit, word);
    json_array_append_new(verdicts, json_pack("{s:s, s:s, s:f, s:f, s:s}", "what", what,
                                              "object", "storm", "measured", measured, "limit",
                                              limit, "verdict", word));
}

void bench_judge_storm(json_t *verdicts, const json_t *result)
{
    static struct tally all;

    count(&all, json_object_get(result, "blows"), NULL, NULL);
    add(verdicts, "storm writes after expiry", all.written, 0,
        all.checked > 0 ? NULL : "not judged: neither gateway nor loop was hit");
    add(verdicts, "storm never in closed loop again", all.lost, 0, NULL);
    add(verdicts, "storm missed fraction",
        all.n_share > 0 ? samples_median(all.missed_share, (size_t) all.n_share) : 0,
        all.most_quiet, all.n_share > 0 ? NULL : "not judged: only the loop was hit");
}
