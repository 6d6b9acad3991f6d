#include "io/ctl/ring/layout.h"

#include <math.h>

enum { LEGEND_DROP = 62, LEGEND_GAP = 20, SAMPLE = 12 };

/* A kind's box: height above and below the axis as shares of half the strip. */
struct look {
    const char *name;
    const struct colour *colour;
    double height;
    bool both; /* up and down, whatever the sign */
};

static const struct look looks[] = {
    [ELEMENT_DRIFT] = {0},
    [ELEMENT_MARKER] = {0},
    [ELEMENT_MONITOR] = {0},
    [ELEMENT_CORRECTOR] = {"corrector", &figure_grey, 0.45, true},
    [ELEMENT_CAVITY] = {"cavity", &figure_colours[COLOUR_ORANGE], 0.6, true},
    [ELEMENT_DIPOLE] = {"dipole", &figure_colours[COLOUR_BLUE], 0.6, true},
    [ELEMENT_QUADRUPOLE] = {"quadrupole", &figure_colours[COLOUR_VERMILION], 1, false},
    [ELEMENT_SEXTUPOLE] = {"sextupole", &figure_colours[COLOUR_GREEN], 0.75, false},
    [ELEMENT_OCTUPOLE] = {"octupole", &figure_colours[COLOUR_PURPLE], 0.75, false},
    [ELEMENT_MULTIPOLE] = {"multipole", &figure_colours[COLOUR_SKY], 0.75, true},
};
enum { N_LOOKS = sizeof looks / sizeof looks[0] };

static double strength(const struct element *element)
{
    static const int order[] = {
        [ELEMENT_QUADRUPOLE] = 1, [ELEMENT_SEXTUPOLE] = 2, [ELEMENT_OCTUPOLE] = 3};

    return element->b[order[element->kind]];
}

static struct box element_box(const struct panel *panel, const struct element *element,
                              double s_m)
{
    const struct look *look = &looks[element->kind];
    double half = panel->box.h / 2, middle = panel->box.y + half;
    double x = panel_x(panel, s_m), w = panel_x(panel, s_m + element->length_m) - x;
    struct box box = {x, middle - half * look->height, fmax(w, 1), half * look->height};

    if (look->both)
        box.h *= 2;
    else if (strength(element) < 0)
        box.y = middle;
    return box;
}

static bool in_view(const struct panel *panel, const struct lattice *ring, uint32_t i)
{
    return looks[ring->element[i].kind].name && ring->s_m[i + 1] >= panel->x.low &&
           ring->s_m[i] <= panel->x.high;
}

static void draw_boxes(struct figure *figure, const struct panel *panel,
                       const struct lattice *ring)
{
    for (uint32_t i = 0; i < ring->n_element; i++) {
        const struct element *element = &ring->element[i];

        if (!in_view(panel, ring, i))
            continue;
        figure_colour(figure, *looks[element->kind].colour, 1);
        figure_fill(figure, element_box(panel, element, ring->s_m[i]));
    }
}

static void draw_bpms(struct figure *figure, const struct panel *panel,
                      const struct lattice *ring)
{
    double y = panel->box.y + panel->box.h;

    figure_colour(figure, figure_ink, 1);
    for (uint32_t i = 0; i < ring->n_bpm; i++) {
        double x = panel_x(panel, ring->s_m[ring->bpm[i].element]);

        figure_line(figure, (double[2]){x, y - 6}, (double[2]){x, y}, 1);
    }
}

static double legend_item(struct figure *figure, const double at[2], struct colour colour,
                          const char *name)
{
    figure_colour(figure, colour, 1);
    figure_fill(figure, (struct box){at[0], at[1] - SAMPLE / 2., SAMPLE, SAMPLE});
    figure_colour(figure, figure_ink, 1);
    return SAMPLE + 6 + LEGEND_GAP +
           figure_text(figure, (double[2]){at[0] + SAMPLE + 6, at[1]}, ANCHOR_LEFT, FIGURE_TEXT,
                       name);
}

static void draw_legend(struct figure *figure, const struct panel *panel,
                        const struct lattice *ring)
{
    bool seen[N_LOOKS] = {false};
    double at[2] = {panel->box.x, panel->box.y + panel->box.h + LEGEND_DROP};

    for (uint32_t i = 0; i < ring->n_element; i++)
        seen[ring->element[i].kind] |= in_view(panel, ring, i);
    for (int k = N_LOOKS - 1; k >= 0; k--)
        if (seen[k])
            at[0] += legend_item(figure, at, *looks[k].colour, looks[k].name);
    if (ring->n_bpm > 0)
        figure_text(figure, at, ANCHOR_LEFT, FIGURE_TEXT, "tick at the bottom: BPM");
}

void layout_draw(struct figure *figure, const struct panel *panel, const struct lattice *ring)
{
    struct panel strip = *panel;
    double y = panel->box.y + panel->box.h / 2;

    strip.y = (struct axis){0};
    panel_draw(figure, &strip);
    figure_clip(figure, panel->box);
    figure_colour(figure, figure_grey, 1);
    figure_line(figure, (double[2]){panel->box.x, y},
                (double[2]){panel->box.x + panel->box.w, y}, 1);
    draw_boxes(figure, panel, ring);
    draw_bpms(figure, panel, ring);
    figure_unclip(figure);
    draw_legend(figure, panel, ring);
}
