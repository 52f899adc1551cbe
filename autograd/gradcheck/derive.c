/* The derivative, as recorded: taken once, taken again, and taken at points beside. */
#include <math.h>

#include "checker.h"

enum { TIMES = 3 };

static bool derive_first(ct__check *c, ct_tensor **g)
{
    for (int i = 0; i < c->inputs; i++) {
        const ct__part *part = &c->parts[i];
        if (part->copied && !g[i])
            return ct__check_invalid(c, "the value does not depend on input %d: f32 and read-only "
                                        "inputs are copied, so use the function's arguments only",
                                     part->input);
        ct__check_store(g[i], part->count, c->analytic + part->first);
    }
    return true;
}

static bool derive_second(ct__check *c, ct_tensor **g)
{
    ct_tensor **h = ct__check_room(c, c->part_count, sizeof *h);
    if (!h)
        return false;
    for (int64_t k = 0; k < c->entries; k++)
        c->analytic[k] = 0;
    for (int i = 0; i < c->inputs; i++) {
        if (!g[i] || !(g[i]->flags & CT__REQUIRES_GRAD))
            continue;
        if (ct__grad(g[i], c->v[i], c->targets, c->part_count, CT_ZERO_PATH, h) != CT_OK)
            return ct__check_failed(c, "backward");
        for (int j = 0; j < c->part_count; j++) {
            const ct__part *part = &c->parts[j];
            ct__check_store(h[j], part->count, c->direction + part->first);
            for (int64_t k = part->first; k < part->first + part->count; k++)
                c->analytic[k] += c->direction[k];
        }
    }
    return true;
}

static bool derive_in_scope(ct__check *c)
{
    ct_tensor **g = ct__check_room(c, c->inputs, sizeof *g), *y = g ? ct__check_run(c) : NULL;
    unsigned flags = c->order == 2 ? CT_CREATE_GRAPH : 0;
    if (!y || !ct__check_gradient(c, y, flags, g))
        return false;
    c->connected = y->flags & CT__REQUIRES_GRAD;
    return c->order == 2 ? derive_second(c, g) : derive_first(c, g);
}

bool ct__check_derive(ct__check *c)
{
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    bool done = derive_in_scope(c);
    ct__scope_pop(c->cx, &scope);
    return done;
}

/* -- Again */
static bool same_again(ct__check *c)
{
    return ct__same_bits(c->analytic, c->again, c->entries) ||
           ct__check_invalid(c, "the rule is not deterministic: two gradients at one point differ");
}

/* Takes memory of the sizes that gradients have: n times, so that what is allocated next moves by
 * another number of places each time. */
static bool take_places(ct__check *c, int n)
{
    bool done = true;
    for (int i = 0; i < c->part_count; i++)
        for (int k = 0; k < n; k++)
            done = ct_empty_like(c->parts[i].x) && done;
    return done || ct__check_failed(c, "allocating");
}

/* What one time has allocated is kept until all are done, so that the next gets other memory. */
bool ct__check_derive_again(ct__check *c)
{
    ct__scope scopes[TIMES];
    int open = 0;
    bool done = true;
    for (int i = 0; i < TIMES && done; i++) {
        ct__scope_push(c->cx, &scopes[open++]);
        memcpy(c->again, c->analytic, (size_t)c->entries * sizeof *c->again);
        done = take_places(c, i) && derive_in_scope(c) &&
               ct__check_untouched(c, "the rule") && (i == 0 || same_again(c));
    }
    while (open > 0)
        ct__scope_pop(c->cx, &scopes[--open]);
    return done;
}

bool ct__check_unchanged(ct__check *c)
{
    if (!ct__check_values(c, c->plus))
        return false;
    if (!ct__same_bits(c->y, c->plus, c->outputs))
        return ct__check_invalid(c, "the function is not deterministic: it changed during the "
                                    "check");
    memcpy(c->again, c->analytic, (size_t)c->entries * sizeof *c->again);
    return ct__check_derive(c) && same_again(c);
}

/* Zeros, signs and ties stay what they are when all of x is multiplied by one number: so no kink is
 * crossed. To both sides the derivative moves by as much, but for its rounding, or for structure as
 * fine as the step. */
bool ct__check_wobble(ct__check *c, int times)
{
    static const double steps[CT__WOBBLES] = { 0x1.8p-25, 0x1.8p-45, 0x1.3p-23, 0x1.4p-28,
                                               0x1.bp-24, 0x1.3p-36, 0x1.7p-26, 0x1.9p-23 };
    int64_t n = c->entries;
    double *analytic = c->analytic, *room = ct__check_room(c, 3 * n, sizeof *room);
    if (!room)
        return false;
    double *wobble = room, *plus = room + n, *minus = room + 2 * n;
    bool done = true;
    for (int i = 0; i < times && done; i++) {
        for (int side = 0; side < 2 && done; side++) {
            memcpy(c->direction, c->start, (size_t)n * sizeof *c->start);
            ct__check_move(c, side ? steps[i] : -steps[i]);
            c->analytic = side ? plus : minus;
            done = ct__check_derive(c);
        }
        for (int64_t k = 0; k < n && done; k++)
            wobble[k] = fmax(wobble[k], fabs(plus[k] - analytic[k] + (minus[k] - analytic[k])) / 2);
    }
    ct__check_move(c, 0);
    c->analytic = analytic;
    memcpy(c->again, wobble, (size_t)n * sizeof *c->again);
    return done;
}
