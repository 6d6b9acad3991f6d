#include "io/modbus/read_plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right, void *points)
{
    const struct map_point *point = points;
    const struct map_point *a = &point[*(const uint64_t *) left],
                           *b = &point[*(const uint64_t *) right];
    if (a->unit_id != b->unit_id) {
        return a->unit_id < b->unit_id ? -1 : 1;
    }
    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    return (a->address > b->address) - (a->address < b->address);
}

/* Takes a point into a group, if it belongs there. */
static bool join(struct read_group *group, const struct map_point *point,
                 const struct map_link *link)
{
    unsigned end = group->address + group->n;
    unsigned new_end = point->address + register_words(point->type);
    new_end = new_end > end ? new_end : end;
    if (group->unit_id != point->unit_id || group->table != point->table ||
        point->address > end + link->gap || new_end - group->address > link->max_read) {
        return false;
    }
    group->n = (uint16_t) (new_end - group->address);
    group->n_point++;
    return true;
}

static void make_groups(struct read_plan *plan, const struct register_map *map,
                        const struct map_link *link)
{
    for (size_t i = 0; i < plan->n_point; i++) {
        const struct map_point *point = &map->point[plan->point[i]];
        if (plan->n_group && join(&plan->group[plan->n_group - 1], point, link)) {
            continue;
        }
        plan->group[plan->n_group++] =
            (struct read_group){.unit_id = point->unit_id,
                                .table = point->table,
                                .address = point->address,
                                .n = (uint16_t) register_words(point->type),
                                .first = i,
                                .n_point = 1};
    }
}

enum rc read_plan_make(struct read_plan *plan, const struct register_map *map, uint64_t link)
{
    *plan = (struct read_plan){0};
    plan->point = calloc(map->n_point, sizeof *plan->point);
    plan->group = calloc(map->n_point, sizeof *plan->group);
    if (!plan->point || !plan->group) {
        read_plan_free(plan);
        return err_set(RC_NOMEM, "no memory for the reads of a link");
    }
    for (uint64_t i = 0; i < map->n_point; i++) {
        if (map->point[i].link == link) {
            plan->point[plan->n_point++] = i;
        }
    }
    qsort_r(plan->point, plan->n_point, sizeof *plan->point, compare, map->point);
    make_groups(plan, map, &map->link[link]);
    return RC_OK;
}

void read_plan_free(struct read_plan *plan)
{
    free(plan->point);
    free(plan->group);
    *plan = (struct read_plan){0};
}
