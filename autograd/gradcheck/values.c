/* Evaluates the function under check: moves the point, runs the function there, and takes the
 * derivative that was recorded. */
#include <math.h>

#include "checker.h"

double *ct__check_entry(const ct__part *part, int64_t k)
{
    const ct_tensor *x = part->x;
    int64_t offset = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        offset += k % ct__shape(x)[d] * ct__strides(x)[d];
        k /= ct__shape(x)[d];
    }
    return (double *)(void *)x->data + offset;
}

/* -- Moving the point */
double ct__check_size(const ct__check *c, int64_t k)
{
    double size = fmax(fabs(c->start[k]), ct__check_part(c, k)->scale / 128);
    return size > 0 ? size : 1;
}

void ct__check_aim(ct__check *c)
{
    for (int64_t k = 0; k < c->entries; k++)
        c->direction[k] = ct__check_random(c) * ct__check_size(c, k);
}

void ct__check_move(const ct__check *c, double t)
{
    for (int i = 0; i < c->part_count; i++) {
        const ct__part *part = &c->parts[i];
        const double *start = c->start + part->first, *direction = c->direction + part->first;
        double *x = (double *)(void *)part->x->data;
        bool straight = part->x->flags & CT__CONTIGUOUS;
        for (int64_t k = 0; k < part->count; k++)
            *(straight ? x + k : ct__check_entry(part, k)) =
                t == 0 ? start[k] : start[k] + t * direction[k];
    }
}

/* -- One evaluation */
ct_tensor *ct__check_run(ct__check *c)
{
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    c->report->evaluations++;
    ct_tensor *y = c->f(c->cx, c->x, c->n, c->user);
    if (!y || !ct__usable(y, "gradcheck") || ct_error(c->cx) != CT_OK)
        return ct__check_failed(c, "the function"), NULL;
    if (y->cx != c->cx || !ct__is_float(y->dtype))
        return ct__check_invalid(c, y->cx != c->cx
                                        ? "the function's value belongs to another context"
                                        : "the function's value is not f32 or f64"),
               NULL;
    if (c->u && (y->dtype != c->u->dtype || !ct__same_shape(y, c->u)))
        return ct__check_invalid(c, "the function's value changes in shape or dtype"), NULL;
    return y;
}

bool ct__check_gradient(ct__check *c, ct_tensor *y, unsigned flags, ct_tensor **g)
{
    for (int i = 0; i < c->inputs; i++)
        g[i] = NULL;
    if (!(y->flags & CT__REQUIRES_GRAD))
        return true;
    return ct__grad(y, c->u, c->targets, c->inputs, flags, g) == CT_OK ||
           ct__check_failed(c, "backward");
}

void ct__check_store(const ct_tensor *g, int64_t count, double *out)
{
    if (g)
        ct_to_doubles(g, out, count);
    for (int64_t k = 0; !g && k < count; k++)
        out[k] = 0;
}

static bool values_in_scope(ct__check *c, double *out)
{
    ct_tensor *y = ct__check_run(c), **g = ct__check_room(c, c->inputs, sizeof *g);
    if (!y || !g)
        return false;
    if (c->order == 1)
        return ct__check_store(y, c->outputs, out), true;
    if (!ct__check_gradient(c, y, CT_CREATE_GRAPH, g))
        return false;
    for (int i = 0; i < c->inputs; i++)
        ct__check_store(g[i], c->parts[i].count, out + c->parts[i].first);
    return true;
}

bool ct__check_values(ct__check *c, double *out)
{
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    bool done = values_in_scope(c, out);
    ct__scope_pop(c->cx, &scope);
    return done;
}

/* -- The derivative, as recorded */
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

bool ct__check_derive(ct__check *c)
{
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    ct_tensor **g = ct__check_room(c, c->inputs, sizeof *g), *y = g ? ct__check_run(c) : NULL;
    unsigned flags = c->order == 2 ? CT_CREATE_GRAPH : 0;
    bool done = y && ct__check_gradient(c, y, flags, g);
    c->connected = done && y->flags & CT__REQUIRES_GRAD;
    if (done)
        done = c->order == 2 ? derive_second(c, g) : derive_first(c, g);
    ct__scope_pop(c->cx, &scope);
    return done;
}
