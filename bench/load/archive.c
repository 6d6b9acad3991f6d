/* Stands in for orbit-archive: every record to disk, synchronised five times a second. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "rt/base/clock.h"
#include "rt/shm/client.h"

enum { MOST_FILE_B = 64 << 20 };
static const int64_t sync_ns = 200000000;

/* The file is started over when it is large: the load is writing, not keeping. */
static enum rc settle(FILE *file, int64_t *since_ns)
{
    if (clock_mono_ns() - *since_ns < sync_ns)
        return RC_OK;
    *since_ns = clock_mono_ns();
    if (fflush(file) != 0 || fdatasync(fileno(file)) != 0)
        return err_sys("writing records");
    if (ftell(file) > MOST_FILE_B) {
        rewind(file);
        if (ftruncate(fileno(file), 0) != 0)
            return err_sys("truncating the file of records");
    }
    return RC_OK;
}

static enum rc copy_records(const struct load *load, struct client *client, FILE *file,
                            void *record)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    size_t size_b = record_size_b(client_dims(client));
    int64_t since_ns = clock_mono_ns();
    uint64_t next = 0, lost = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK && client_alive(client)) {
        if (!client_read_record(client, &next, record, &lost)) {
            nanosleep(&pause, NULL);
            continue;
        }
        if (fwrite(record, size_b, 1, file) != 1)
            return err_sys("writing records");
        load_count(load, 1);
        rc = settle(file, &since_ns);
    }
    return rc == RC_OK ? err_set(RC_GONE, "orbitd is gone") : rc;
}

enum rc load_archive(const struct load *load)
{
    struct client *client;
    enum rc rc = client_open(&client, load->socket, ROLE_OBSERVER, "archive-load", 0);
    char path[512];
    void *record;
    FILE *file;

    if (rc != RC_OK)
        return rc;
    snprintf(path, sizeof path, "%s/records.load", load->folder);
    file = fopen(path, "we");
    record = malloc(record_size_b(client_dims(client)));
    if (!file)
        rc = err_sys("%s", path);
    else if (!record)
        rc = err_set(RC_NOMEM, "a record");
    else
        rc = copy_records(load, client, file, record);
    if (file)
        fclose(file);
    free(record);
    client_close(client);
    return rc;
}
