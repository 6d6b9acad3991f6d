#include "io/endpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

static void path_of(char *path, const char *endpoints_path, const char *suffix)
{
    snprintf(path, PATH_SIZE, "%s%s", endpoints_path, suffix);
}

/* An exclusive lock on a file of its own, because endpoints.json itself is replaced. */
static int lock(const char *endpoints_path)
{
    char path[PATH_SIZE];
    path_of(path, endpoints_path, ".lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0 && flock(fd, LOCK_EX)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What is there; an empty object if the file is missing or damaged. */
static json_t *load(const char *endpoints_path)
{
    char path[PATH_SIZE];
    path_of(path, endpoints_path, "");
    json_t *root = json_load_file(path, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        root = json_object();
    }
    return root;
}

static enum rc save(const char *endpoints_path, const json_t *root)
{
    char path[PATH_SIZE], next[PATH_SIZE];
    path_of(path, endpoints_path, "");
    path_of(next, endpoints_path, ".new");
    if (json_dump_file(root, next, JSON_INDENT(2) | JSON_SORT_KEYS) || rename(next, path)) {
        return err_sys("cannot write %s", path);
    }
    return RC_OK;
}

static bool is_alive(const json_t *entry)
{
    json_int_t pid = json_integer_value(json_object_get(entry, "pid"));
    return pid > 0 && (kill((pid_t) pid, 0) == 0 || errno == EPERM);
}

static json_t *make_entry(const struct endpoint_field *field, size_t n_field)
{
    json_t *entry = json_pack("{s:i}", "pid", (int) getpid());
    for (size_t i = 0; i < n_field; i++) {
        json_object_set_new(entry, field[i].name,
                            field[i].text ? json_string(field[i].text)
                                          : json_integer(field[i].number));
    }
    return entry;
}

enum rc endpoints_write(const char *endpoints_path, const char *program,
                        const struct endpoint_field *field, size_t n_field)
{
    int fd = lock(endpoints_path);
    if (fd < 0) {
        return err_sys("cannot lock %s", endpoints_path);
    }
    json_t *root = load(endpoints_path);
    json_object_set_new(root, program, make_entry(field, n_field));
    enum rc rc = save(endpoints_path, root);
    json_decref(root);
    close(fd);
    return rc;
}

void endpoints_remove(const char *endpoints_path, const char *program)
{
    int fd = lock(endpoints_path);
    if (fd < 0) {
        return;
    }
    json_t *root = load(endpoints_path);
    json_int_t pid = json_integer_value(json_object_get(json_object_get(root, program), "pid"));
    if (pid == getpid()) {
        json_object_del(root, program);
        /* At the end nobody is left to tell; a stale entry's pid shows that it is stale. */
        enum rc ignored = save(endpoints_path, root);
        (void) ignored;
    }
    json_decref(root);
    close(fd);
}

/* The field of a live entry, with the root to release; NULL if there is none. */
static const json_t *find(json_t *root, const char *program, const char *name)
{
    const json_t *entry = json_object_get(root, program);
    return entry && is_alive(entry) ? json_object_get(entry, name) : NULL;
}

bool endpoints_number(const char *endpoints_path, const char *program, const char *name,
                      long long *value)
{
    json_t *root = load(endpoints_path);
    const json_t *field = find(root, program, name);
    bool found = json_is_integer(field);
    if (found) {
        *value = json_integer_value(field);
    }
    json_decref(root);
    return found;
}

bool endpoints_text(const char *endpoints_path, const char *program, const char *name,
                    char *text, size_t size)
{
    json_t *root = load(endpoints_path);
    const json_t *field = find(root, program, name);
    bool found = json_is_string(field);
    if (found) {
        snprintf(text, size, "%s", json_string_value(field));
    }
    json_decref(root);
    return found;
}
