/* Evaluates the function under check: moves the point, and runs the function there. */
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
    double size = fabs(c->start[k]), scale = ct__check_part(c, k)->scale / 128;
    if (size > 0)
        return size;
    return scale > 0 && scale < 1 ? scale : 1;
}

void ct__check_aim(ct__check *c, bool even)
{
    for (int64_t k = 0; k < c->entries; k++) {
        double size = ct__check_size(c, k);
        if (even)
            size = fmax(size, ct__check_part(c, k)->scale / 128);
        c->direction[k] = ct__check_random(c) * size;
    }
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

bool ct__check_untouched(ct__check *c, const char *what)
{
    for (int i = 0; i < c->part_count; i++) {
        const ct__part *part = &c->parts[i];
        for (int64_t k = 0; k < part->count; k++)
            if (!ct__same_bits(ct__check_entry(part, k), c->start + part->first + k, 1))
                return ct__check_invalid(c, i < c->inputs ? "%s writes into input %d"
                                                          : "%s writes into the cotangent",
                                         what, part->input);
    }
    const ct_tensor *u = c->u;
    for (int64_t j = 0; c->order == 1 && u && j < u->count; j++)
        if (ct__load(u->data + (size_t)j * ct__dtype_size(u->dtype), u->dtype) != c->weights[j])
            return ct__check_invalid(c, "%s writes into the cotangent", what);
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
