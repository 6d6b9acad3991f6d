#include <cadef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/load.h"
#include "io/epics/repeater.h"

static const char *const names[] = {"ORBIT:X", "ORBIT:Y", "FULL:H", "FULL:V", "SP:H",
                                    "SP:V",    "RMS:X",   "RMS:Y",  "STATE",  "CYCLE"};
enum { N_NAME = sizeof names / sizeof names[0] };

static void use_server(const struct load *load)
{
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%d", load->ca_port);
    setenv("EPICS_CA_ADDR_LIST", address, 1);
    setenv("EPICS_CA_AUTO_ADDR_LIST", "NO", 1);
}

static void count_event(struct event_handler_args event)
{
    load_count(event.usr, 1);
}

static int subscribe_all(const struct load *load, const chid *channels)
{
    int status = ECA_NORMAL;

    for (int i = 0; i < N_NAME && status == ECA_NORMAL; i++)
        status = ca_create_subscription(DBR_TIME_DOUBLE, ca_element_count(channels[i]),
                                        channels[i], DBE_VALUE | DBE_ALARM, count_event,
                                        (void *) (uintptr_t) load, NULL);
    return status;
}

static _Noreturn void monitor_for_ever(const struct load *load)
{
    chid channels[N_NAME];
    char name[128];
    int status = ca_context_create(ca_disable_preemptive_callback);

    for (int i = 0; i < N_NAME && status == ECA_NORMAL; i++) {
        snprintf(name, sizeof name, "%s%s", load->prefix, names[i]);
        status = ca_create_channel(name, NULL, NULL, CA_PRIORITY_DEFAULT, &channels[i]);
    }
    if (status == ECA_NORMAL)
        status = ca_pend_io(20.0);
    if (status == ECA_NORMAL)
        status = subscribe_all(load, channels);
    if (status == ECA_NORMAL)
        (void) ca_pend_event(0.0); /* for ever */
    fprintf(stderr, "orbit-load: Channel Access: %s\n", ca_message(status));
    _exit(1);
}

enum rc load_ca(const struct load *load)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int repeater;
    enum rc rc = repeater_open(&repeater);

    use_server(load);
    for (int i = 0; rc == RC_OK && i < load->clients; i++) {
        pid_t child = load_fork_child();

        if (child == 0)
            monitor_for_ever(load);
        if (child < 0)
            rc = err_sys("a client");
    }
    while (rc == RC_OK && waitpid(-1, NULL, WNOHANG) == 0) {
        repeater_answer(repeater);
        nanosleep(&pause, NULL);
    }
    return rc == RC_OK ? err_set(RC_GONE, "a Channel Access client ended") : rc;
}

/* No other thread answers the repeater's port here: a client asks it in vain, which costs one
 * query nothing. */
enum rc load_get_pv(const struct load *load, const char *name)
{
    int repeater, status;
    enum rc rc = repeater_open(&repeater);
    double value = 0;
    chid channel;

    if (rc != RC_OK)
        return rc;
    use_server(load);
    status = ca_context_create(ca_disable_preemptive_callback);
    if (status == ECA_NORMAL)
        status = ca_create_channel(name, NULL, NULL, CA_PRIORITY_DEFAULT, &channel);
    if (status == ECA_NORMAL)
        status = ca_pend_io(5.0);
    if (status == ECA_NORMAL)
        status = ca_get(DBR_DOUBLE, channel, &value);
    if (status == ECA_NORMAL)
        status = ca_pend_io(5.0);
    if (status != ECA_NORMAL)
        return err_set(RC_TIMEOUT, "%s: %s", name, ca_message(status));
    printf("%.17g\n", value);
    return RC_OK;
}
