#include <cblas.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "bench/disturb.h"
#include "bench/instance.h"
#include "bench/words.h"
#include "rt/base/clock.h"
#include "rt/base/cores.h"
#include "rt/sys/host.h"

enum { MOST_COUNT = 99, MOST_SECONDS = 60 };

static const int64_t begin_ns = 42000000000;

static const char usage[] =
    "usage: orbit-bench [--json FILE] [--only PART,...] [--quick] [--core N] [--priority N]\n"
    "                   [--rounds N] [--pairs N] [--seconds S] [--load KIND,...] [--long]\n"
    "                   [--seed N]\n"
    "Measures this host and this build; prints one table with a verdict per budget, and "
    "--json\n"
    "also writes all of it to FILE. Parts:\n"
    "  matvec   matrix-vector products against OpenBLAS and against reading memory\n"
    "  wake     wake-up lateness against cyclictest\n"
    "  cycle    whole cycles of the loop, part by part\n"
    "  law      a step of each law, beside the product with its matrix\n"
    "  datagrams  positions in, set points out, by UDP: beside an empty echo\n"
    "  modbus   125 registers read and 60 written at 1 kHz, and devices that misbehave\n"
    "  exchange snapshots and parameter sets exchanged with the loop under load\n"
    "  model    orbit model against pyAT and LAPACK\n"
    "  disturb  a running loop, bare and loaded in turn; --load ca,archive,web,fork,mmap\n"
    "  storm    its programs killed and stopped at random; else only with --long\n";

/* `detail` is the array of the report, `summary` what is made of it. */
static const struct part {
    const char *name, *detail;
    enum rc (*run)(const struct bench_options *options, json_t **result);
    const char *summary;
    json_t *(*summarise)(const json_t *detail);
} parts[] = {{"matvec", "products", bench_matvec, "matvec", bench_matvec_summary},
             {"wake", "wake", bench_wake, "wakeup", bench_wake_summary},
             {"cycle", "cycle", bench_cycle, NULL, NULL},
             {"law", "laws", bench_law, NULL, NULL},
             {"exchange", "exchange", bench_exchange, NULL, NULL},
             {"model", "model", bench_model, NULL, NULL},
             {"disturb", "disturb", bench_disturb, NULL, NULL},
             {"datagrams", "datagrams", bench_datagrams, NULL, NULL},
             {"modbus", "modbus", bench_modbus, NULL, NULL},
             {"storm", "storm", bench_storm, NULL, NULL}};
enum { N_PART = sizeof(parts) / sizeof(parts[0]) };

struct request {
    struct bench_options options;
    const char *json_path, *only;
    bool everything; /* --long: the storm too */
};

static int loop_core(void)
{
    struct cores cores;

    cores_read(&cores);
    return cores_choose(&cores, -1);
}

static enum rc parse_number(const char *name, const char *text, double low, double high,
                            double *value)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || *end || !(*value >= low && *value <= high))
        return err_set(RC_INPUT, "--%s %s: wants a number from %g to %g", name, text, low,
                       high);
    return RC_OK;
}

static enum rc parse_count(const char *name, const char *text, double low, double high,
                           int *value)
{
    double number;
    enum rc rc = parse_number(name, text, low, high, &number);

    if (rc == RC_OK)
        *value = (int) number;
    return rc;
}

static enum rc take_parts(struct request *request)
{
    const char *names[N_PART];

    for (int i = 0; i < N_PART; i++)
        names[i] = parts[i].name;
    request->only = optarg;
    return words_known(optarg, names, N_PART)
               ? RC_OK
               : err_set(RC_INPUT, "--only %s: there is no such part", optarg);
}

static void be_quick(struct bench_options *options)
{
    options->rounds = 3;
    options->calls = 400;
    options->pairs = 3;
    options->seconds = 0.3;
    options->exchange_seconds = 0.25;
    options->disturb_rounds = 2;
    options->disturb_seconds = 1;
    options->blows = 5;
    options->quick = true;
}

static enum rc take_option(struct request *request, const char *name, int key)
{
    struct bench_options *options = &request->options;
    int seed = 0;
    enum rc rc;

    switch (key) {
    case 'j':
        request->json_path = optarg;
        return RC_OK;
    case 'o':
        return take_parts(request);
    case 'q':
        return RC_OK; /* be_quick(): wherever it stands, others overrule it */
    case 'c':
        return parse_count(name, optarg, 0, CPU_SETSIZE - 1, &options->core);
    case 'p':
        return parse_count(name, optarg, 0, 98, &options->priority);
    case 'r':
        rc = parse_count(name, optarg, 1, MOST_COUNT, &options->rounds);
        options->disturb_rounds = options->blows = options->rounds;
        return rc;
    case 'n':
        return parse_count(name, optarg, 1, MOST_COUNT, &options->pairs);
    case 's':
        rc = parse_number(name, optarg, 0.01, MOST_SECONDS, &options->seconds);
        options->disturb_seconds = options->exchange_seconds = options->seconds;
        return rc;
    case 'L':
        request->everything = true;
        return RC_OK;
    case 'S':
        rc = parse_count(name, optarg, 1, 2000000000, &seed);
        options->seed = (unsigned) seed;
        return rc;
    case 'l':
        options->loads = optarg;
        return disturb_knows(optarg)
                   ? RC_OK
                   : err_set(RC_INPUT, "--load %s: wants ca, archive, web, fork, mmap", optarg);
    default:
        return err_set(RC_INPUT, "unknown option or missing argument");
    }
}

static enum rc parse(int argc, char **argv, struct request *request)
{
    static const struct option known[] = {
        {"json", required_argument, NULL, 'j'},     {"only", required_argument, NULL, 'o'},
        {"quick", no_argument, NULL, 'q'},          {"core", required_argument, NULL, 'c'},
        {"priority", required_argument, NULL, 'p'}, {"rounds", required_argument, NULL, 'r'},
        {"pairs", required_argument, NULL, 'n'},    {"seconds", required_argument, NULL, 's'},
        {"load", required_argument, NULL, 'l'},     {"long", no_argument, NULL, 'L'},
        {"seed", required_argument, NULL, 'S'},     {0}};
    int key, index = 0;

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--quick") == 0)
            be_quick(&request->options);
    opterr = 0;
    while ((key = getopt_long(argc, argv, "", known, &index)) != -1) {
        enum rc rc = take_option(request, known[index].name, key);

        if (rc != RC_OK)
            return rc;
    }
    return optind == argc ? RC_OK : err_set(RC_INPUT, "unexpected argument '%s'", argv[optind]);
}

static enum rc measure_part(const struct part *part, const struct bench_options *options,
                            json_t *report)
{
    json_t *detail = NULL;
    enum rc rc = part->run(options, &detail);

    if (part->summary && rc == RC_OK)
        json_object_set_new(report, part->summary, part->summarise(detail));
    if (rc == RC_OK && detail)
        json_object_set(report, part->detail, detail);
    json_decref(detail);
    return rc;
}

/* The storm takes a quarter of an hour: only where it is asked for. */
static bool is_wanted(const struct request *request, const struct part *part)
{
    if (request->only)
        return words_have(request->only, part->name);
    return request->everything || strcmp(part->name, "storm") != 0;
}

/* A quick run of everything ends within a minute: what would begin too late is left out. */
static bool is_too_late(const struct request *request, int64_t since_ns)
{
    return request->options.quick && !request->only && clock_mono_ns() - since_ns > begin_ns;
}

/* A part that fails takes the others' results with it as little as it can: it is told, and the
 * next one goes on. */
static enum rc measure(const struct request *request, json_t *report)
{
    struct cpu_time from, to;
    json_t *errors = json_object(), *left_out = json_array();
    int64_t since_ns = clock_mono_ns();
    enum rc rc = RC_OK;

    cpu_time_read(&from);
    for (int i = 0; i < N_PART && !bench_stopped(); i++) {
        if (is_wanted(request, &parts[i]) && is_too_late(request, since_ns)) {
            json_array_append_new(left_out, json_string(parts[i].name));
            fprintf(stderr, "orbit-bench: %s: left out, the minute is nearly over\n",
                    parts[i].name);
            continue;
        }
        if (!is_wanted(request, &parts[i]) ||
            measure_part(&parts[i], &request->options, report) == RC_OK)
            continue;
        rc = RC_STATE;
        fprintf(stderr, "orbit-bench: %s: %s\n", parts[i].name, err_text());
        json_object_set_new(errors, parts[i].name, json_string(err_text()));
    }
    cpu_time_read(&to);
    json_object_set_new(report, "errors", errors);
    json_object_set_new(report, "left_out", left_out);
    json_object_set_new(report, "cpu_time", cpu_time_shares(&from, &to));
    return rc;
}

static json_t *open_report(const struct bench_options *options)
{
    char utc[32];
    time_t now = time(NULL);
    struct tm date;

    strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &date));
    return json_pack("{s:s, s:s, s:b, s:{s:i, s:i, s:i, s:i, s:i, s:f}, s:o}", "format",
                     "orbit-bench 2", "utc", utc, "quick", options->quick, "options", "core",
                     options->core, "priority", options->priority, "rounds", options->rounds,
                     "calls", options->calls, "pairs", options->pairs, "seconds",
                     options->seconds, "host", bench_host());
}

static enum rc write_json(const json_t *report, const char *path)
{
    if (json_dump_file(report, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0)
        return err_sys("%s", path);
    return RC_OK;
}

/* Found out now, not after minutes of measuring. */
static enum rc try_json(const char *path)
{
    FILE *file = path ? fopen(path, "we") : NULL;

    if (!path)
        return RC_OK;
    return file && fclose(file) == 0 ? RC_OK : err_sys("--json: %s", path);
}

int main(int argc, char **argv)
{
    struct request request = {.options = {.core = loop_core(),
                                          .priority = 80,
                                          .rounds = 9,
                                          .calls = 2000,
                                          .pairs = 7,
                                          .seconds = 3,
                                          .exchange_seconds = 1,
                                          .disturb_rounds = 10,
                                          .disturb_seconds = 5,
                                          .blows = 100}};
    enum rc rc = parse(argc, argv, &request);

    if (rc != RC_OK) {
        fprintf(stderr, "orbit-bench: %s\n%s", err_text(), usage);
        return 2;
    }
    rc = try_json(request.json_path);
    if (rc != RC_OK) {
        fprintf(stderr, "orbit-bench: %s\n", err_text());
        return 1;
    }
    openblas_set_num_threads(1);
    json_t *report = open_report(&request.options);

    host_leave_core(request.options.core);
    rc = measure(&request, report);
    bench_report(report);
    if (request.json_path) {
        enum rc written = write_json(report, request.json_path);

        if (written != RC_OK)
            fprintf(stderr, "orbit-bench: %s\n", err_text());
        rc = rc == RC_OK ? written : rc;
    }
    json_decref(report);
    return rc == RC_OK ? 0 : 1;
}
