#include <stdio.h>

#include "bench/bench.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_contestant(const json_t *row, const char *name)
{
    const json_t *score = json_object_get(row, name), *us = json_object_get(score, "us");

    printf("%7.0f  %-6s %9.2f %9.2f %9.2f %9.2f %9.0f %9.0f %7.0f %8.0f\n",
           number(row, "rate_hz"), name, number(us, "p50_us"), number(us, "p99_us"),
           number(us, "p99_9_us"), number(us, "max_us"), number(score, "sent"),
           number(score, "answered"), number(score, "lost"), number(score, "dropped"));
}

void bench_print_datagrams(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf(
        "\nPositions in to set points out as datagrams, 123 BPMs in one, 112 supplies in one, "
        "us\n     Hz  through       p50       p99     p99.9       max      sent  answered    "
        "lost  dropped\n");
    json_array_foreach(rows, i, row)
    {
        print_contestant(row, "echo");
        print_contestant(row, "loop");
    }
}

/* The promise is for 1 and 10 kHz; 50 kHz is reported. */
void bench_judge_datagrams(json_t *verdicts, const json_t *rows)
{
    size_t i;
    json_t *row;

    json_array_foreach(rows, i, row)
    {
        const json_t *echo = json_object_get(json_object_get(row, "echo"), "us");
        const json_t *loop = json_object_get(json_object_get(row, "loop"), "us");
        double limit_us = number(echo, "p50_us") + 1.3 * number(row, "compute_p50_us");
        double measured_us = number(loop, "p50_us");
        const char *word = number(row, "rate_hz") > 10000 ? "reported"
                           : number(row, "priority") == 0 ? "not judged: no SCHED_FIFO"
                           : measured_us <= limit_us      ? "met"
                                                          : "missed";

        printf("datagrams %.0f Hz, p50 us %40.5g limit %8.4g  %s\n", number(row, "rate_hz"),
               measured_us, limit_us, word);
        json_array_append_new(verdicts,
                              json_pack("{s:s, s:f, s:f, s:f, s:s}", "object", "datagrams",
                                        "rate_hz", number(row, "rate_hz"), "measured",
                                        measured_us, "limit", limit_us, "verdict", word));
    }
}
