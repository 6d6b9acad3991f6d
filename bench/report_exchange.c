#include <stdio.h>

#include "bench/bench.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_time(const json_t *row, const char *name)
{
    const json_t *time = json_object_get(row, name);

    if (json_is_object(time))
        printf(" %8.2f %8.2f", number(time, "p50_us"), number(time, "p99_us"));
    else
        printf(" %8s %8s", "-", "-");
}

void bench_print_exchange(const json_t *rows)
{
    size_t i;
    json_t *row;

    printf("\nSnapshots and parameter sets exchanged with the loop at 1 kHz, us: p50 and p99\n"
           "%-8s %17s %17s %17s %17s %10s %10s %6s %8s %8s\n",
           "beside", "publish", "correct", "whole cycle", "set in use after", "snapshots/s",
           "records/s", "lost", "swaps/s", "refused");
    json_array_foreach(rows, i, row)
    {
        printf("%-8s", json_string_value(json_object_get(row, "what")));
        print_time(row, "publish");
        print_time(row, "correct");
        print_time(row, "cycle");
        print_time(row, "swap");
        printf(" %10.0f %10.0f %6.0f %8.0f %8.0f\n", number(row, "reads_per_s"),
               number(row, "records_per_s"), number(row, "records_lost"),
               number(row, "swaps_per_s"), number(row, "swaps_refused"));
    }
}
