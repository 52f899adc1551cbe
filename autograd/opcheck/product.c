/* An operator's rules, in every way in which they are called. A gradient is asked for
 *
 *   of backward or of vjp        in f64 or in f32        stored, or added to another cotangent
 *   for all inputs, or for one alone
 *   with each layout of the inputs alone, of the cotangent alone, and of all tensors
 *
 * and a rule may be wrong in one combination only: so all of them are tried, those first that
 * differ from the plain run in one thing, and a report names no more than it must. */
#include <math.h>
#include <stdio.h>

#include "trial.h"

enum {
    BY_VJP = 1,
    IN_F32 = 2,
    ADDED = 4,
    ALONE = 8,
    WAYS = 16,
    DRAWS = 4
};

typedef struct layout {
    ct__form x, gy;
    uint64_t draw;
} layout;

typedef struct product {
    ct__runs *s;
    ct_op composed; /* the operator without `backward` */
    bool both;      /* it has both rules */
    layout layouts[4 + 3 * (CT__FORMS - 1) + 2 * DRAWS];
    int layout_count;
} product;

/* -- What may be combined */
static void add_layout(product *p, ct__form x, ct__form gy, uint64_t draw)
{
    p->layouts[p->layout_count++] = (layout){ x, gy, draw };
}

/* one element lies where it lies */
static bool has_layouts(const ct__runs *s)
{
    bool any = s->outputs > 1;
    for (int i = 0; i < s->c->n; i++)
        any |= s->c->given[i]->count > 1;
    return any;
}

static void list_layouts(product *p)
{
    uint64_t seed = p->s->c->options.seed + (uint64_t)p->s->t->sample * DRAWS;
    add_layout(p, CT__ROWS, CT__ROWS, 0);
    add_layout(p, CT__ROWS, CT__FRESH, 0);
    if (!has_layouts(p->s))
        return;
    for (int form = CT__ROWS + 1; form < CT__FORMS; form++) {
        add_layout(p, CT__ROWS, (ct__form)form, 0);
        add_layout(p, (ct__form)form, CT__ROWS, 0);
        add_layout(p, (ct__form)form, (ct__form)form, 0);
    }
    for (uint64_t i = 0; i < DRAWS; i++) {
        add_layout(p, CT__DRAWN, CT__DRAWN, seed + i);
        add_layout(p, CT__DRAWN, CT__FRESH, seed + i);
    }
}

/* "vjp differs in f32, for inputs or cotangents that are not contiguous (x: reversed)" */
static void say(const layout *l, int way, int only, char *out, size_t room)
{
    bool strided = l->x != CT__ROWS || (l->gy != CT__ROWS && l->gy != CT__FRESH);
    char where[100] = "", input[24] = "";
    if (l->gy == CT__FRESH && !strided)
        snprintf(where, sizeof where, " where gx and gy are the same tensor");
    else if (strided)
        snprintf(where, sizeof where,
                 " for inputs or cotangents that are not contiguous (x %s, gy %s)",
                 ct__form_text(l->x), ct__form_text(l->gy));
    if (only >= 0)
        snprintf(input, sizeof input, " (input %d)", only);
    if (way == BY_VJP && !where[0])
        snprintf(out, room, "vjp differs from backward");
    else if (way == ADDED && !where[0])
        snprintf(out, room, "a cotangent that is added to another is added wrongly");
    else
        snprintf(out, room, "%s differs%s%s%s%s%s", way & BY_VJP ? "vjp" : "the result",
                 way & IN_F32 ? " in f32" : "", way & ADDED ? " where it is added to another" : "",
                 where, way & ALONE ? " if only one input requires grad" : "", input);
}

/* -- One combination */
static double largest_of(const double *g, int64_t n)
{
    double largest = 0;
    for (int64_t k = 0; k < n; k++)
        largest = isfinite(g[k]) ? fmax(largest, fabs(g[k])) : largest;
    return largest;
}

static bool compare(product *p, const layout *l, int way, const ct__part *only, const double *plain)
{
    ct__runs *s = p->s;
    ct__check *c = s->c;
    char wrong[256];
    int64_t first = only ? only->first : 0, count = only ? only->count : s->entries;
    say(l, way, only ? only->input : -1, wrong, sizeof wrong);
    const ct__variant v = { .wrong = wrong, .op = way & BY_VJP ? &p->composed : NULL, .x = l->x,
                            .gy = l->gy, .draw = l->draw, .twice = way & ADDED,
                            .only = only ? only->input + 1 : 0,
                            .dtype = way & IN_F32 ? CT_F32 : 0, .u = s->u,
                            .relative = way & IN_F32 ? 1e-3 : 0,
                            .absolute = way & IN_F32 ? 1e-4 : 0,
                            .size = largest_of(s->g + first, count) };
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = s->skipped ? -1 : ct__run_differs(&v, s->g2, plain + first, count);
    double should = k >= 0 ? plain[first + k] * (v.twice ? 2 : 1) : 0;
    if (k >= 0 && !ct__runs_steady(s))
        return false;
    if (k >= 0)
        ct__check_fail(c, first + k, s->g2[k], should, wrong);
    bool same_values = l->x == CT__ROWS || l->x == CT__GAPS || l->x == CT__COLUMNS ||
                       l->x == CT__REVERSED;
    if (k < 0 && !s->skipped && same_values && !v.twice &&
        ct__run_differs(&v, s->y2, s->y, s->outputs) >= 0)
        ct__check_fail_value(c, wrong);
    return true;
}

/* The gradient that the variants with this layout must have; s->skipped: there is none. At repeated
 * inputs it may be ill-conditioned (of a matrix, say), so there f32 is compared with f32. */
static bool wanted(product *p, const layout *l, int way, const double **plain)
{
    ct__runs *s = p->s;
    *plain = s->g;
    s->skipped = false;
    bool other = l->x == CT__REPEATED || l->x == CT__DRAWN || l->gy == CT__REPEATED;
    if (!other)
        return true;
    const ct__variant v = { .wrong = "the operator failed", .x = l->x, .gy = l->gy,
                            .draw = l->draw, .flat = true, .u = s->u,
                            .dtype = way & IN_F32 && l->x != CT__ROWS ? CT_F32 : 0 };
    *plain = s->g3;
    if (!ct__run(s, &v, NULL, s->g3))
        return false;
    for (int64_t k = 0; k < s->entries && !s->skipped; k++)
        s->skipped = !isfinite(s->g3[k]); /* no such values belong into the operator */
    return true;
}

static bool compare_layout(product *p, const layout *l, int way)
{
    ct__check *c = p->s->c;
    const double *plain;
    if (!wanted(p, l, way, &plain))
        return false;
    if (p->s->skipped)
        return true;
    if (!(way & ALONE))
        return compare(p, l, way, NULL, plain);
    for (int i = 0; i < c->inputs && c->verdict != CT_GRADCHECK_FAIL; i++)
        if (!compare(p, l, way, &c->parts[i], plain))
            return false;
    return true;
}

/* does this way exist, and is it another one than a simpler way? */
static bool exists(const product *p, int way)
{
    return (p->both || !(way & BY_VJP)) && (p->s->c->inputs > 1 || !(way & ALONE));
}

static int count_bits(int way)
{
    return (way & 1) + (way >> 1 & 1) + (way >> 2 & 1) + (way >> 3 & 1);
}

/* ways that differ in `things` from the plain one, a layout other than rows counting as one */
static bool compare_ways(product *p, int things)
{
    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < p->layout_count; i++) {
            const layout *l = &p->layouts[i];
            bool alone_drawn = way & ALONE && i > 0 && l->x != CT__DRAWN;
            if (!exists(p, way) || count_bits(way) + (i > 0) != things || alone_drawn)
                continue;
            if (!compare_layout(p, l, way))
                return false;
            if (p->s->c->verdict == CT_GRADCHECK_FAIL)
                return true;
        }
    return true;
}

bool ct__check_product(ct__runs *s)
{
    const ct_op *op = s->t->op;
    product p = { .s = s, .composed = *op, .both = op->vjp && op->backward };
    p.composed.backward = NULL;
    list_layouts(&p);
    for (int things = 1; things <= 5 && s->c->verdict != CT_GRADCHECK_FAIL; things++)
        if (!compare_ways(&p, things))
            return false;
    return true;
}
