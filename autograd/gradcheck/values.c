/* The function under check, evaluated: moving the point, its values there, and their derivative as
 * recorded. */
#include <math.h>
#include <stdio.h>

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

const ct__part *ct__check_part(const ct__check *c, int64_t entry)
{
    const ct__part *part = c->parts;
    while (entry >= part->first + part->count)
        part++;
    return part;
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
static bool failed(ct__check *c, const char *what)
{
    if (ct_error(c->cx) == CT_OK)
        ct_fail(c->cx, CT_ERROR_CALLBACK, "gradcheck: the function failed without saying why");
    return ct__check_invalid(c, "%s failed: %s", what, ct_error_text(c->cx));
}

ct_tensor *ct__check_run(ct__check *c)
{
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    c->report->evaluations++;
    ct_tensor *y = c->f(c->cx, c->x, c->n, c->user);
    if (!y || !ct__usable(y, "gradcheck") || ct_error(c->cx) != CT_OK)
        return failed(c, "the function"), NULL;
    if (y->cx != c->cx || !ct__is_float(y->dtype))
        return ct__check_invalid(c, y->cx != c->cx ? "its value is of another context"
                                                   : "its value is not f32 or f64"),
               NULL;
    if (c->u && (y->dtype != c->u->dtype || !ct__same_shape(y, c->u)))
        return ct__check_invalid(c, "its value changes in shape or dtype"), NULL;
    return y;
}

/* g: d <u, y> / d input, NULL where there is no path */
static bool gradient(ct__check *c, ct_tensor *y, unsigned flags, ct_tensor **g)
{
    for (int i = 0; i < c->inputs; i++)
        g[i] = NULL;
    if (!(y->flags & CT__REQUIRES_GRAD))
        return true;
    return ct__grad(y, c->u, c->targets, c->inputs, flags, g) == CT_OK || failed(c, "backward");
}

static void store(const ct_tensor *g, int64_t count, double *out)
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
        return store(y, c->outputs, out), true;
    if (!gradient(c, y, CT_CREATE_GRAPH, g))
        return false;
    for (int i = 0; i < c->inputs; i++)
        store(g[i], c->parts[i].count, out + c->parts[i].first);
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
                                        "inputs go in as copies, to be reached as arguments only",
                                     part->input);
        store(g[i], part->count, c->analytic + part->first);
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
            return failed(c, "backward");
        for (int j = 0; j < c->part_count; j++) {
            const ct__part *part = &c->parts[j];
            store(h[j], part->count, c->direction + part->first);
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
    bool done = y && gradient(c, y, flags, g);
    c->connected = done && y->flags & CT__REQUIRES_GRAD;
    if (done)
        done = c->order == 2 ? derive_second(c, g) : derive_first(c, g);
    ct__scope_pop(c->cx, &scope);
    return done;
}

/* -- f32 inputs as they are */
/* of an f32 gradient three digits are asked, or four of the largest element */
static void compare_part(ct__check *c, const ct__part *part, const double *g32)
{
    double largest = 0;
    int64_t end = part->first + part->count;
    for (int64_t k = part->first; k < end; k++)
        largest = fmax(largest, fabs(c->analytic[k]));
    for (int64_t k = part->first; k < end && c->verdict != CT_GRADCHECK_FAIL; k++) {
        double wide = c->analytic[k];
        if (fabs(g32[k] - wide) <= 1e-3 * fabs(wide) + 1e-4 * largest)
            continue;
        ct_gradcheck_report *r = c->report;
        c->verdict = CT_GRADCHECK_FAIL;
        ct__check_place(c, k);
        r->order = 1, r->wrong++;
        r->analytic = g32[k], r->numeric = r->left = r->right = wide, r->bar = r->step = 0;
        snprintf(r->diagnosis, sizeof r->diagnosis,
                 "the gradient computed in f32 is not that computed in f64");
    }
}

static bool compare_f32(ct__check *c, double *g32)
{
    ct_tensor **g = ct__check_room(c, c->inputs, sizeof *g), *y = g ? ct__check_run(c) : NULL;
    if (!y || !gradient(c, y, 0, g))
        return false;
    for (int i = 0; i < c->inputs; i++) {
        const ct__part *part = &c->parts[i];
        store(g[i], part->count, g32 + part->first);
        compare_part(c, part, g32);
    }
    return true;
}

static ct_tensor *rounded(ct__check *c, const ct_tensor *x)
{
    ct_tensor *y = ct_zeros(c->cx, CT_F32, ct__shape(x), x->ndim);
    for (int64_t k = 0; y && k < y->count; k++) /* a copy of ours: row-major */
        ((float *)(void *)y->data)[k] = (float)((double *)(void *)x->data)[k];
    return y;
}

bool ct__check_f32(ct__check *c)
{
    bool any = false;
    for (int i = 0; i < c->inputs; i++)
        any |= c->given[c->parts[i].input]->dtype == CT_F32;
    if (!any || c->verdict == CT_GRADCHECK_FAIL)
        return true;
    ct__check f32 = *c;
    f32.x = ct__check_room(c, c->n, sizeof *f32.x);
    f32.targets = ct__check_room(c, c->n, sizeof(ct_tensor *));
    double *g = ct__check_room(c, c->entries, sizeof *g);
    if (!f32.x || !f32.targets || !g)
        return false;
    f32.u = c->u->dtype == CT_F64 ? rounded(c, c->u) : c->u;
    for (int i = 0; i < c->n; i++)
        f32.x[i] = ct_detach(c->given[i]);
    for (int i = 0; i < c->inputs; i++)
        f32.targets[i] = ct_variable(f32.x[c->parts[i].input]);
    bool done = ct_error(c->cx) == CT_OK ? compare_f32(&f32, g) : failed(c, "copying");
    c->verdict = f32.verdict;
    return done;
}
