#include "io/stream/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/stream/set_files.h"
#include "rt/base/clock.h"

enum { PATH_SIZE = SEGMENT_PATH_SIZE + 32 };

enum rc set_shelf_open(struct set_shelf *self, struct client *client, const char *records)
{
    set_shelf_close(self);
    self->client = client;
    self->records = records;
    self->next_set = 1;
    self->n_set = 0;
    if (snprintf(self->folder, sizeof self->folder, "%s/" STREAM_SETS, records) >=
        (int) sizeof self->folder)
        return err_set(RC_RANGE, "the path of folder %s is too long", records);
    if (mkdir(self->folder, 0750) != 0 && errno != EEXIST)
        return err_sys("folder %s", self->folder);
    self->image = calloc(1, client_block_b(client, SEG_SET));
    self->checkpoint = calloc(1, client_block_b(client, SEG_CHECKPOINT));
    if (!self->image || !self->checkpoint)
        return err_set(RC_NOMEM, "no memory for parameter sets and checkpoints");
    return RC_OK;
}

void set_shelf_close(struct set_shelf *self)
{
    free(self->image);
    free(self->checkpoint);
    self->image = NULL;
    self->checkpoint = NULL;
}

/* ---- sets ---- */

static void name_set(char *path, const char *folder, uint64_t set_hash)
{
    snprintf(path, PATH_SIZE, "%s/%016lx" STREAM_SET_SUFFIX, folder, set_hash);
}

static enum rc write_all(int fd, const void *data, uint64_t size_b)
{
    const char *at = data;

    while (size_b > 0) {
        ssize_t put = write(fd, at, size_b);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return err_sys("writing a parameter set");
        at += put;
        size_b -= (uint64_t) put;
    }
    return fdatasync(fd) == 0 ? RC_OK : err_sys("writing a parameter set");
}

/* Under another name until it is whole: what has the name is good. */
static enum rc store(const struct set_shelf *self)
{
    uint64_t size_b = sizeof *self->image + self->image->size_b;
    char path[PATH_SIZE], part[PATH_SIZE + 8];
    enum rc rc;
    int fd;

    name_set(path, self->folder, self->image->set_hash);
    if (access(path, F_OK) == 0) /* the time of the file: when it came into use last */
        return utimensat(AT_FDCWD, path, NULL, 0) == 0 ? RC_OK : err_sys("%s", path);
    snprintf(part, sizeof part, "%s.part", path);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_sys("%s", part);
    rc = write_all(fd, self->image, size_b);
    close(fd);
    if (rc == RC_OK && rename(part, path) != 0)
        rc = err_sys("%s", path);
    if (rc != RC_OK)
        unlink(part);
    return rc;
}

static bool is_whole(const struct set_shelf *self)
{
    uint64_t room_b = client_block_b(self->client, SEG_SET) - sizeof *self->image;

    return self->image->size_b > 0 && self->image->size_b <= room_b;
}

static void tell(struct set_shelf *self, enum rc rc)
{
    if (rc != RC_OK && !self->failing)
        fprintf(stderr, "orbit-stream: %s\n", err_text());
    self->failing = rc != RC_OK;
}

static void trim(const struct set_shelf *self)
{
    unsigned n_removed = set_files_trim(self->records, clock_utc_ns());

    if (n_removed)
        fprintf(stderr, "orbit-stream: %u old parameter sets removed\n", n_removed);
}

void set_shelf_follow(struct set_shelf *self)
{
    uint64_t next = self->next_set, lost = 0;

    while (client_read_block(self->client, SEG_SET, &next, self->image, &lost)) {
        enum rc rc = is_whole(self) ? store(self) : RC_OK;

        tell(self, rc);
        if (rc != RC_OK)
            return; /* once more with the next turn, while the ring has it */
        self->next_set = next;
        self->set[self->n_set++ % COMPANION_SETS] =
            (struct stream_set){.run_id = client_run_id(self->client),
                                .revision = self->image->revision,
                                .serial = self->image->serial,
                                .set_hash = self->image->set_hash};
        trim(self);
    }
}

static const struct stream_set *find_set(const struct set_shelf *self, uint64_t revision)
{
    uint64_t n = self->n_set < COMPANION_SETS ? self->n_set : COMPANION_SETS;

    for (uint64_t i = 0; i < n; i++)
        if (self->set[i].revision == revision)
            return &self->set[i];
    return NULL;
}

/* A second name costs no room; the file stays as long as one of them does. */
static void give_name(const struct companion *self, const struct set_shelf *shelf,
                      uint64_t set_hash)
{
    char from[PATH_SIZE], to[PATH_SIZE];

    if (!self->folder)
        return;
    name_set(from, shelf->folder, set_hash);
    name_set(to, self->folder, set_hash);
    if (link(from, to) != 0 && errno != EEXIST)
        fprintf(stderr, "orbit-stream: %s: %s\n", to, strerror(errno));
}

static void name_revision(struct companion *self, struct set_shelf *shelf,
                          struct stream_file *file, uint64_t revision)
{
    const struct stream_set *set = find_set(shelf, revision);

    if ((revision == self->revision && file->log.first == self->segment) || !set)
        return;
    stream_file_item(file, STREAM_SET, set, sizeof *set);
    give_name(self, shelf, set->set_hash);
    self->revision = revision;
    self->segment = file->log.first;
}

/* ---- checkpoints ---- */

/* A checkpoint may use a set that no record of this recording uses any more. */
static void put_checkpoint(struct companion *self, struct set_shelf *shelf,
                           struct stream_file *file)
{
    const struct checkpoint_head *head = shelf->checkpoint;
    uint64_t room_b = client_block_b(shelf->client, SEG_CHECKPOINT) - sizeof *head;

    if (head->state_b > room_b)
        return;
    give_name(self, shelf, head->set_hash);
    stream_file_item(file, STREAM_CHECKPOINT, head, sizeof *head + head->state_b);
}

void companion_follow(struct companion *self, struct set_shelf *shelf, struct stream_file *file,
                      uint64_t first_cycle, uint64_t last_cycle, uint64_t revision)
{
    uint64_t next = self->next_checkpoint, lost = 0;

    name_revision(self, shelf, file, revision);
    while (client_read_block(shelf->client, SEG_CHECKPOINT, &next, shelf->checkpoint, &lost)) {
        if (shelf->checkpoint->cycle > last_cycle)
            return;
        if (shelf->checkpoint->cycle >= first_cycle)
            put_checkpoint(self, shelf, file);
        self->next_checkpoint = next;
    }
}
