/* Where an instance's files are. */
#include "config/cfg.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cfg_value.h"

void cfg_runtime_dir(const struct cfg *cfg, char *path, size_t size)
{
    const char *unit = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR");

    if (cfg->runtime_dir[0])
        snprintf(path, size, "%s", cfg->runtime_dir);
    else if (unit && unit[0] == '/')
        snprintf(path, size, "%s", unit);
    else if (geteuid() == 0)
        snprintf(path, size, "/run/orbitd");
    else if (xdg && xdg[0])
        snprintf(path, size, "%s/orbitd", xdg);
    else
        snprintf(path, size, "/tmp/orbitd-%u", (unsigned) geteuid());
}

void cfg_state_dir(const struct cfg *cfg, char *path, size_t size)
{
    const char *unit = getenv("STATE_DIRECTORY");
    char folder[CFG_PATH_SIZE];

    cfg_runtime_dir(cfg, folder, sizeof folder);
    if (cfg->state_dir[0])
        snprintf(path, size, "%s", cfg->state_dir);
    else if (unit && unit[0] == '/')
        snprintf(path, size, "%s/%s", unit, cfg->instance);
    else
        snprintf(path, size, "%s/%s", folder, cfg->instance);
}

void cfg_socket_path(const struct cfg *cfg, char *path, size_t size)
{
    char folder[CFG_PATH_SIZE];

    cfg_runtime_dir(cfg, folder, sizeof folder);
    snprintf(path, size, "%s/%s.sock", folder, cfg->instance);
}

void cfg_endpoints_path(const struct cfg *cfg, char *path, size_t size)
{
    char folder[CFG_PATH_SIZE];

    cfg_runtime_dir(cfg, folder, sizeof folder);
    snprintf(path, size, "%s/%s.endpoints.json", folder, cfg->instance);
}

/* A file that does not exist (yet) is looked for where its name says. */
bool cfg_folder_of(const char *file, char *folder, size_t size)
{
    char whole[PATH_MAX], here[PATH_MAX];
    const char *slash;
    int length;

    if (!realpath(file, whole)) {
        if (file[0] != '/' && !getcwd(here, sizeof here))
            return false;
        length = snprintf(whole, sizeof whole, "%s%s%s", file[0] == '/' ? "" : here,
                          file[0] == '/' ? "" : "/", file);
        if (length < 0 || (size_t) length >= sizeof whole)
            return false;
    }
    slash = strrchr(whole, '/');
    length = slash ? snprintf(folder, size, "%.*s", (int) (slash - whole), whole) : -1;
    return length >= 0 && (size_t) length < size;
}
