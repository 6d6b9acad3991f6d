/* Any bytes as a segment file: the reader ends, delivers only what passes its checksum, and a
 * writer goes on behind it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/segment/segment_log.h"
#include "io/segment/segment_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz_segment.XXXXXX";

static void demand(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void empty_folder(void)
{
    struct segment_folder list;

    demand(segment_folder_list(&list, folder) == RC_OK, "list");
    for (size_t i = 0; i < list.n; i++) {
        char path[SEGMENT_PATH_SIZE + 32];

        segment_folder_path(path, sizeof path, folder, list.file[i].first);
        unlink(path);
    }
    segment_folder_free(&list);
}

static void clean_up(void)
{
    empty_folder();
    rmdir(folder);
}

static void put_file(const uint8_t *data, size_t size)
{
    char path[SEGMENT_PATH_SIZE + 32];
    FILE *file;

    segment_folder_path(path, sizeof path, folder, 1);
    file = fopen(path, "wb");
    demand(file && fwrite(data, 1, size, file) == size, "writing the input");
    fclose(file);
}

/* Number of records read; *last: number of the last one. */
static uint64_t read_all(uint64_t *last)
{
    struct segment_reader reader;
    uint64_t n;

    demand(segment_reader_open(&reader, folder) == RC_OK, "open");
    *last = 0;
    while (segment_reader_next(&reader) == 1) {
        demand(reader.record.number > *last, "numbers that do not grow");
        demand(reader.record.length_b <= SEGMENT_MAX_PAYLOAD_B, "a length beyond the limit");
        *last = reader.record.number;
    }
    n = reader.n_read;
    segment_reader_close(&reader);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct segment_limits limits = {.segment_b = 1 << 16};
    static int ready;
    struct segment_log log;
    uint64_t before, after, last;

    if (!ready) {
        demand(mkdtemp(folder) != NULL, "mkdtemp");
        atexit(clean_up);
        ready = 1;
    }
    empty_folder();
    put_file(data, size);
    before = read_all(&last);
    if (last >= UINT64_MAX - 2)
        return 0;
    demand(segment_log_open(&log, folder, &limits) == RC_OK, "log open");
    demand(log.next > last, "a number given twice");
    demand(segment_log_append(&log, 1, "x", 1) == RC_OK, "append");
    demand(segment_log_close(&log) == RC_OK, "close");
    after = read_all(&last);
    demand(after == before + 1, "a record is lost, or the new one is");
    return 0;
}
