#include "model/engine/link.h"

#include <stdio.h>
#include <string.h>

#include "rt/base/clock.h"

enum { ANSWER_MS = 5000 };

/* ---- trouble ------------------------------------------------------------------------- */

static void back_off(struct link *link)
{
    link->backoff_ns = link->backoff_ns ? 2 * link->backoff_ns : LINK_BACKOFF_FIRST_NS;
    if (link->backoff_ns > LINK_BACKOFF_MOST_NS)
        link->backoff_ns = LINK_BACKOFF_MOST_NS;
    link->due_ns = clock_mono_ns() + link->backoff_ns;
    if (strncmp(link->said, err_text(), sizeof link->said - 1) == 0)
        return;
    snprintf(link->said, sizeof link->said, "%s", err_text());
    fprintf(stderr, "orbit-model: waiting for orbitd: %s\n", link->said);
}

static void calm_down(struct link *link)
{
    link->backoff_ns = 0;
    link->due_ns = 0;
    link->said[0] = '\0';
}

/* ---- attach and send ----------------------------------------------------------------- */

static void attach(struct link *link, const struct result *result)
{
    enum rc rc = client_open(&link->client, link->socket_path, ROLE_MODEL, "orbit-model",
                             result->head.device_hash);

    if (rc != RC_OK) {
        back_off(link);
        return;
    }
    calm_down(link);
    link->pending = true;
}

static void drop_dead(struct link *link)
{
    if (!link->client || client_alive(link->client))
        return;
    client_close(link->client);
    link->client = NULL;
    fprintf(stderr, "orbit-model: orbitd is gone\n");
}

static void say_outcome(const struct result *result, const char *outcome)
{
    const struct param_head *head = &result->head;

    fprintf(stderr,
            "orbit-model: %s: Qx %.4f, Qy %.4f, alpha_c %.3e, matrix %llu x %llu, condition "
            "%.3g / %.3g, computed in %.2f ms: %s\n",
            head->origin, head->tune_x, head->tune_y, head->alpha_c,
            (unsigned long long) dims_n_row(&head->dims),
            (unsigned long long) dims_n_col(&head->dims), head->condition[0],
            head->condition[1],
            result->optics_ms + result->orbit_ms + result->response_ms + result->inverse_ms,
            outcome);
}

static void send_set(struct link *link, const struct result *result)
{
    struct param_head head = result->head;
    struct param_matrices matrices = engine_matrices(result);
    char outcome[600];
    enum rc rc;

    head.model_revision = ++link->revision;
    rc = client_send_parameters(link->client, &head, &matrices, ANSWER_MS);
    if (rc == RC_GONE || rc == RC_TIMEOUT || rc == RC_STATE || rc == RC_SYS) {
        back_off(link); /* nothing wrong with the set: offered again */
        return;
    }
    link->pending = false;
    calm_down(link);
    snprintf(outcome, sizeof outcome, "%s%s",
             rc == RC_OK ? "accepted" : "refused: ", rc == RC_OK ? "" : err_text());
    say_outcome(result, outcome);
}

/* ---- interface ----------------------------------------------------------------------- */

void link_offer(struct link *link, const struct cfg *cfg)
{
    char path[CFG_PATH_SIZE];

    cfg_socket_path(cfg, path, sizeof path);
    if (strcmp(path, link->socket_path) != 0) {
        link_close(link);
        memcpy(link->socket_path, path, sizeof path);
    }
    link->pending = true;
    calm_down(link);
}

void link_tend(struct link *link, const struct result *result)
{
    drop_dead(link);
    if (!result || clock_mono_ns() < link->due_ns)
        return;
    if (!link->client)
        attach(link, result);
    if (link->client && link->pending)
        send_set(link, result);
    drop_dead(link);
}

int64_t link_due_ns(const struct link *link, const struct result *result, int64_t horizon_ns)
{
    bool idle = !result || (link->client && !link->pending);

    return idle || link->due_ns > horizon_ns ? horizon_ns : link->due_ns;
}

int link_fd(const struct link *link)
{
    return link->client ? client_fd(link->client) : -1;
}

void link_close(struct link *link)
{
    client_close(link->client);
    link->client = NULL;
}
