#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "rt/base/clock.h"

enum { PAGE_B = 4096, FORKER_B = 32 << 20, CHURN_B = 1 << 20 };

static char *touched(size_t size_b)
{
    char *memory =
        mmap(NULL, size_b, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < size_b; i += PAGE_B)
        memory[i] = 1;
    return memory;
}

enum rc load_fork(const struct load *load)
{
    int64_t since_ns = clock_mono_ns();

    if (!touched(FORKER_B))
        return err_sys("memory of the forking process");
    for (;;) {
        pid_t child = fork();

        if (child < 0)
            return err_sys("fork");
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
        load_count(load, 1);
        load_rest(&since_ns);
    }
}

enum rc load_mmap(const struct load *load)
{
    int64_t since_ns = clock_mono_ns();

    for (;;) {
        char *memory = touched(CHURN_B);

        if (!memory)
            return err_sys("mmap");
        for (size_t i = 0; i < CHURN_B; i += 16 * PAGE_B)
            if (mprotect(memory + i, PAGE_B, PROT_READ) != 0)
                return err_sys("mprotect");
        munmap(memory, CHURN_B);
        load_count(load, 1);
        load_rest(&since_ns);
    }
}
