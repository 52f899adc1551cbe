/* Inputs in f32 are checked through f64 copies. The gradient that they get as they are, computed
 * in f32, must be the same: to three digits, or to four of the largest element. */
#include <math.h>

#include "checker.h"

static void compare_part(ct__check *c, const ct__part *part, const double *g32)
{
    const double *g64 = c->analytic + part->first;
    double largest = 0;
    for (int64_t k = 0; k < part->count; k++)
        largest = fmax(largest, fabs(g64[k]));
    for (int64_t k = 0; k < part->count && c->verdict != CT_GRADCHECK_FAIL; k++)
        if (!(fabs(g32[k] - g64[k]) <= 1e-3 * fabs(g64[k]) + 1e-4 * largest))
            ct__check_fail(c, part->first + k, g32[k], g64[k],
                           "the gradient computed in f32 is not that computed in f64");
}

/* the cotangent u in the dtype that the function's value has in f32 */
static ct_tensor *cotangent_for(const ct__check *c, const ct_tensor *y)
{
    const ct_tensor *u = c->u;
    ct_tensor *like = ct_zeros(c->cx, y->dtype, ct__shape(u), u->ndim);
    size_t from = ct__dtype_size(u->dtype), to = ct__dtype_size(y->dtype);
    for (int64_t k = 0; like && k < u->count; k++) /* both are ours: row-major */
        ct__store(like->data + (size_t)k * to, y->dtype,
                  ct__load(u->data + (size_t)k * from, u->dtype));
    return like;
}

/* narrow: the same check, of which the inputs are as the caller gave them */
static bool compare_in_scope(ct__check *c, ct__check *narrow)
{
    ct_tensor **g = ct__check_room(c, c->inputs, sizeof *g), *y = g ? ct__check_run(narrow) : NULL;
    double *g32 = ct__check_room(c, c->entries, sizeof *g32);
    if (!y || !g32)
        return false;
    if (!ct__same_shape(y, c->u))
        return ct__check_invalid(c, "the function's value has another shape in f32");
    narrow->u = cotangent_for(c, y);
    if (!narrow->u)
        return ct__check_failed(c, "copying");
    if (!ct__check_gradient(narrow, y, 0, g))
        return false;
    for (int i = 0; i < c->inputs; i++) {
        ct__check_store(g[i], c->parts[i].count, g32);
        compare_part(c, &c->parts[i], g32);
    }
    return true;
}

static bool compare(ct__check *c)
{
    ct__check narrow = *c;
    narrow.u = NULL;
    narrow.x = ct__check_room(c, c->n, sizeof *narrow.x);
    narrow.targets = ct__check_room(c, c->n, sizeof(ct_tensor *));
    if (!narrow.x || !narrow.targets)
        return false;
    for (int i = 0; i < c->n; i++)
        narrow.x[i] = ct_detach(c->given[i]);
    for (int i = 0; i < c->inputs; i++)
        narrow.targets[i] = ct_variable(narrow.x[c->parts[i].input]);
    if (ct_error(c->cx) != CT_OK)
        return ct__check_failed(c, "copying");
    if (compare_in_scope(c, &narrow))
        return true;
    c->verdict = CT_GRADCHECK_INVALID; /* it may be only in the copy */
    return false;
}

bool ct__check_f32(ct__check *c)
{
    bool any = false;
    for (int i = 0; i < c->inputs; i++)
        any |= c->given[c->parts[i].input]->dtype == CT_F32;
    if (!any || c->verdict == CT_GRADCHECK_FAIL)
        return true;
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    bool done = compare(c);
    ct__scope_pop(c->cx, &scope);
    return done;
}
