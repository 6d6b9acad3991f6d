#include "io/replay/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/stream/stream_reader.h"

enum { PATH_SIZE = 720 };

void sets_begin(struct sets *self, const char *path)
{
    struct stat status;
    char *slash;

    *self = (struct sets){0};
    snprintf(self->folder, sizeof self->folder, "%s", path);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return;
    slash = strrchr(self->folder, '/');
    if (slash)
        *slash = '\0';
    else
        snprintf(self->folder, sizeof self->folder, ".");
}

void sets_end(struct sets *self)
{
    free(self->set);
    self->set = NULL;
    self->n = 0;
}

const struct stream_set *sets_find(const struct sets *self, uint64_t run_id, uint64_t revision)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->set[i].run_id == run_id && self->set[i].revision == revision)
            return &self->set[i];
    return NULL;
}

enum rc sets_add(struct sets *self, const struct stream_set *set)
{
    struct stream_set *grown;

    if (sets_find(self, set->run_id, set->revision))
        return RC_OK;
    grown = realloc(self->set, (self->n + 1) * sizeof *grown);
    if (!grown)
        return err_set(RC_NOMEM, "no memory for %zu parameter sets", self->n + 1);
    self->set = grown;
    self->set[self->n++] = *set;
    return RC_OK;
}

static enum rc take(struct sets *self, const struct stream_reader *reader, int kind)
{
    const struct checkpoint_head *head = reader->checkpoint;

    if (kind == STREAM_SET)
        return sets_add(self, &reader->set);
    if (kind != STREAM_CHECKPOINT)
        return RC_OK;
    return sets_add(self, &(struct stream_set){.run_id = head->run_id,
                                               .revision = head->revision,
                                               .serial = head->serial,
                                               .set_hash = head->set_hash});
}

enum rc sets_scan(struct sets *self, const char *path)
{
    struct stream_reader reader;
    enum rc rc = stream_reader_open(&reader, path);
    int kind = 1;

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (kind = stream_reader_next(&reader)) > 0)
        rc = take(self, &reader, kind);
    stream_reader_close(&reader);
    return kind < 0 ? (enum rc) kind : rc;
}

/* Beside the recording, or in the folder that all recordings share. */
static FILE *open_set(const struct sets *self, uint64_t set_hash, char *path)
{
    FILE *file;

    snprintf(path, PATH_SIZE, "%s/%016lx" STREAM_SET_SUFFIX, self->folder, set_hash);
    file = fopen(path, "re");
    if (file)
        return file;
    snprintf(path, PATH_SIZE, "%s/../" STREAM_SETS "/%016lx" STREAM_SET_SUFFIX, self->folder,
             set_hash);
    return fopen(path, "re");
}

static enum rc read_image(FILE *file, const char *path, struct set_head **image)
{
    struct stat status;
    struct set_head *made;

    if (fstat(fileno(file), &status) != 0)
        return err_sys("%s", path);
    if ((uint64_t) status.st_size < sizeof *made + sizeof(struct param_head))
        return err_set(RC_INPUT, "%s: too short for a parameter set", path);
    made = malloc((size_t) status.st_size);
    if (!made)
        return err_set(RC_NOMEM, "no memory for %s", path);
    if (fread(made, (size_t) status.st_size, 1, file) != 1 ||
        made->size_b != (uint64_t) status.st_size - sizeof *made) {
        free(made);
        return err_set(RC_INPUT, "%s: not as long as it says", path);
    }
    *image = made;
    return RC_OK;
}

enum rc sets_load(const struct sets *self, uint64_t set_hash, struct set_head **image)
{
    char path[PATH_SIZE];
    FILE *file = open_set(self, set_hash, path);
    enum rc rc;

    *image = NULL;
    if (!file)
        return err_sys("parameter set %016lx: neither beside the recording nor %s", set_hash,
                       path);
    rc = read_image(file, path, image);
    fclose(file);
    return rc;
}
