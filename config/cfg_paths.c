/* Where an instance's files are. */
#include "config/cfg.h"

#include <stdlib.h>
#include <unistd.h>

void cfg_runtime_dir(const struct cfg *cfg, char *path, size_t size)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");

    if (cfg->runtime_dir[0])
        snprintf(path, size, "%s", cfg->runtime_dir);
    else if (geteuid() == 0)
        snprintf(path, size, "/run/orbitd");
    else if (xdg && xdg[0])
        snprintf(path, size, "%s/orbitd", xdg);
    else
        snprintf(path, size, "/tmp/orbitd-%u", (unsigned) geteuid());
}

void cfg_state_dir(const struct cfg *cfg, char *path, size_t size)
{
    if (cfg->state_dir[0])
        snprintf(path, size, "%s", cfg->state_dir);
    else
        cfg_runtime_dir(cfg, path, size);
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
