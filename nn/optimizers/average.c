/* Moving averages of weights: copies of the parameters, which follow them slowly (Polyak, Juditsky
 * 1992; in the exponential form of Tarvainen, Valpola 2017). */
#include "average.h"

#include <cotangent/program.h>

static void finish(void *object)
{
    const ct_average *a = object;
    for (int i = 0; i < a->n; i++) {
        ct_release(a->w[i]);
        ct_release(a->mean[i]);
    }
}

bool ct__average_alive(const ct_average *a, const char *who)
{
    return ct_object_alive(a, finish, who);
}

void ct_average_free(ct_average *a)
{
    if (ct__average_alive(a, "average_free"))
        ct_object_free(a);
}

/* a new tensor with w's values; NULL and an error */
static ct_tensor *copy_of(ct_tensor *w)
{
    ct_tensor *copy = ct_empty_like(w);
    return copy && ct_assign(copy, w) == CT_OK ? copy : NULL;
}

static bool fits(ct_context *cx, ct_tensor *const *w, int n, double decay)
{
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "average_new: n must not be negative, got %d", n), false;
    if (!(decay >= 0 && decay < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "average_new: decay must be in [0, 1), got %g", decay),
               false;
    for (int i = 0; i < n; i++)
        if (!w[i] || ct_context_of(w[i]) != cx)
            return ct_fail(cx, w[i] ? CT_ERROR_CONTEXT : CT_ERROR_NULL,
                           "average_new: parameter %d is %s", i,
                           w[i] ? "of another context" : "NULL"), false;
        else if (ct_dtype_of(w[i]) != CT_F32 && ct_dtype_of(w[i]) != CT_F64)
            return ct_fail(cx, CT_ERROR_DTYPE, "average_new: parameter %d must be f32 or f64", i),
                   false;
    return true;
}

ct_average *ct_average_new(ct_tensor *const *parameters, int n, double decay)
{
    ct_context *cx = ct__context_of("average_new", parameters, n);
    if (!cx || !fits(cx, parameters, n, decay))
        return NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_no_grad(cx);
    ct_average *a = ct_object_new(cx, sizeof *a + 2 * (size_t)n * sizeof a->room[0], finish);
    if (a) {
        a->cx = cx;
        a->decay = decay;
        a->w = a->room;
        a->mean = a->w + n;
    }
    for (int i = 0; a && i < n; i++) {
        ct_tensor *copy = copy_of(parameters[i]);
        if (copy) {
            a->mean[i] = ct_retain(copy);
            a->w[i] = ct_retain(parameters[i]);
            a->n = i + 1;
        } else {
            ct_object_free(a);
            a = NULL;
        }
    }
    ct_scope_end(cx, scope);
    return a;
}

/* The n differences come first, so that nothing has changed if there is no memory for one. Without
 * decay there are none, and no rounding: the mean is w. */
static ct_status follow(const ct_average *a, ct_tensor **by)
{
    for (int i = 0; i < a->n && a->decay > 0; i++)
        if (!(by[i] = ct_sub(a->w[i], a->mean[i])))
            return ct_error(a->cx);
    ct_status status = CT_OK;
    for (int i = 0; i < a->n && status == CT_OK; i++)
        status = a->decay > 0 ? ct_assign_add(a->mean[i], 1 - a->decay, by[i])
                              : ct_assign(a->mean[i], a->w[i]);
    return status;
}

static ct_status update_now(void *average)
{
    const ct_average *a = average;
    ct_scope scope = ct_scope_begin(a->cx);
    if (!scope)
        return ct_error(a->cx);
    ct_no_grad(a->cx);
    ct_tensor **by = ct_object_new(a->cx, (size_t)(a->n + 1) * sizeof *by, NULL);
    ct_status status = by ? follow(a, by) : ct_error(a->cx);
    ct_object_free(by);
    ct_scope_end(a->cx, scope);
    return status;
}

ct_status ct_average_update(ct_average *a)
{
    if (!ct__average_alive(a, "average_update"))
        return a ? CT_ERROR_STALE : CT_ERROR_NULL;
    return ct_call_again(a->cx, update_now, a);
}

ct_status ct_average_swap(ct_average *a)
{
    if (!ct__average_alive(a, "average_swap"))
        return a ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_scope scope = ct_scope_begin(a->cx);
    if (!scope)
        return ct_error(a->cx);
    ct_no_grad(a->cx);
    ct_tensor **old = ct_object_new(a->cx, (size_t)(a->n + 1) * sizeof *old, NULL);
    ct_status status = old ? CT_OK : ct_error(a->cx);
    for (int i = 0; i < a->n && status == CT_OK; i++)
        if (!(old[i] = copy_of(a->w[i])) || !ct_data_mutable(a->w[i]))
            status = ct_error(a->cx);
    for (int i = 0; i < a->n && status == CT_OK; i++) {
        status = ct_assign(a->w[i], a->mean[i]);
        status = status == CT_OK ? ct_assign(a->mean[i], old[i]) : status;
    }
    ct_object_free(old);
    ct_scope_end(a->cx, scope);
    return status;
}

ct_tensor *ct_average_of(const ct_average *a, int i)
{
    if (!ct__average_alive(a, "average_of"))
        return NULL;
    if (i >= 0 && i < a->n)
        return a->mean[i];
    return ct_fail(a->cx, CT_ERROR_RANGE, "average_of: there are %d averages, and no number %d",
                   a->n, i), NULL;
}
