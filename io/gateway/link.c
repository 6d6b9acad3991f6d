#include "io/gateway/link.h"

#include <stdio.h>
#include <string.h>

#include "rt/base/clock.h"

#define PAUSE_MIN_NS (NS_PER_S / 20)
#define PAUSE_MAX_NS NS_PER_S

void link_init(struct orbit_link *link, const struct link_spec *spec)
{
    *link = (struct orbit_link){.spec = *spec, .pause_ns = PAUSE_MIN_NS};
}

void link_close(struct orbit_link *link)
{
    client_close(link->client);
    link->client = NULL;
}

/* The same reason again is not news. */
static void report_failure(struct orbit_link *link)
{
    if (strcmp(link->said, err_text()) != 0) {
        snprintf(link->said, sizeof link->said, "%s", err_text());
        fprintf(stderr, "%s: %s: no connection to orbitd: %s\n", link->spec.program,
                link->spec.name, link->said);
    }
}

static void open_again(struct orbit_link *link, int64_t now_ns)
{
    const struct link_spec *spec = &link->spec;
    if (client_open(&link->client, spec->socket_path, spec->role, spec->name,
                    spec->device_hash)) {
        link->client = NULL;
        report_failure(link);
        link->next_try_ns = now_ns + link->pause_ns;
        link->pause_ns = 2 * link->pause_ns < PAUSE_MAX_NS ? 2 * link->pause_ns : PAUSE_MAX_NS;
        return;
    }
    link->pause_ns = PAUSE_MIN_NS;
    link->said[0] = '\0';
    link->n_opened++;
    fprintf(stderr, "%s: %s: connected to orbitd\n", spec->program, spec->name);
}

struct client *link_poll(struct orbit_link *link, int64_t now_ns)
{
    if (link->client && !client_alive(link->client)) {
        fprintf(stderr, "%s: %s: orbitd is gone\n", link->spec.program, link->spec.name);
        link_close(link);
        link->next_try_ns = now_ns + link->pause_ns;
    }
    if (!link->client && now_ns >= link->next_try_ns) {
        open_again(link, now_ns);
    }
    return link->client;
}
