#include "bench/folders.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum rc bench_folder(char *folder, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", folder, size - 1);

    if (n <= 0)
        return err_sys("cannot find the own program");
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return RC_OK;
}

enum rc bench_ring_folder(const char *ring, char *folder, size_t size)
{
    char own[FOLDER_PATH];
    enum rc rc;

    snprintf(folder, size, ORBIT_BENCH_SOURCE "/lattices/%s", ring);
    if (access(folder, R_OK) == 0)
        return RC_OK;
    rc = bench_folder(own, sizeof own);
    if (rc != RC_OK)
        return rc;
    snprintf(folder, size, "%s/../share/orbitd/lattices/%s", own, ring);
    return access(folder, R_OK) == 0 ? RC_OK : err_sys("%s", folder);
}

enum rc bench_ring_lattice(const char *ring, char *path, size_t size)
{
    char folder[2 * FOLDER_PATH];
    enum rc rc = bench_ring_folder(ring, folder, sizeof folder);

    if (rc == RC_OK)
        snprintf(path, size, "%s/lattice.json", folder);
    return rc;
}
