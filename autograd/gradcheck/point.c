/* Opens a check, compares the derivatives of one function at one point, and leaves everything as it
 * was found.
 *
 * The function gets the caller's f64 inputs themselves. They require grad while the check runs;
 * their entries are moved without a new version of the data, and are put back bit for bit, so that
 * afterwards no trace is left. Inputs in f32, and read-only ones, are replaced by f64 copies. */
#include <math.h>

#include "checker.h"

/* -- Opening and closing */
static bool resolve(ct__check *c, const ct_gradcheck_options *options)
{
    if (options)
        c->options = *options;
    ct_gradcheck_options *o = &c->options;
    for (size_t i = 0; i < sizeof o->reserved / sizeof *o->reserved; i++)
        if (o->reserved[i])
            return ct_fail(c->cx, CT_ERROR_VALUE,
                           "gradcheck: reserved options must be 0: the options were not zeroed"),
                   false;
    if (o->order < 0 || o->order > 2)
        return ct_fail(c->cx, CT_ERROR_VALUE, "gradcheck: order must be 0, 1 or 2, got order %d",
                       o->order), false;
    if (isnan(o->rtol) || isnan(o->atol))
        return ct_fail(c->cx, CT_ERROR_VALUE, "gradcheck: rtol and atol must be numbers, got nan"),
               false;
    c->absolute = o->atol != 0;
    o->rtol = o->rtol == 0 ? 1e-6 : fmax(o->rtol, 0);
    o->atol = o->atol == 0 ? 1e-9 : fmax(o->atol, 0);
    if (o->max_entries == 0)
        o->max_entries = 1000;
    return true;
}

bool ct__check_open(ct__check *c, ct_context *cx, const ct_gradcheck_options *options,
                    ct_gradcheck_report *report)
{
    *report = (ct_gradcheck_report){ .op = "", .input = -1 };
    *c = (ct__check){ .cx = cx, .report = report, .verdict = CT_GRADCHECK_PASS, .score = -1 };
    if (!cx)
        return ct__check_invalid(c, "the context is NULL");
    c->pending = cx->error;
    memcpy(c->pending_text, cx->error_text, sizeof c->pending_text);
    ct_error_clear(cx);
    c->find_nonfinite = cx->find_nonfinite;
    c->repeating = cx->repeating;
    c->user_seed = cx->seed, c->user_draws = cx->draws;
    ct_find_nonfinite(cx, false); /* steps may leave the domain */
    cx->repeating = true;
    if (!resolve(c, options))
        return ct__check_invalid(c, "%s", ct_error_text(cx));
    report->seed = c->options.seed;
    return true;
}

static void give_back(const ct__check *c)
{
    ct_find_nonfinite(c->cx, c->find_nonfinite);
    c->cx->repeating = c->repeating;
    c->cx->seed = c->user_seed, c->cx->draws = c->user_draws;
    if (c->pending == CT_OK)
        return;
    c->cx->error = c->pending;
    memcpy(c->cx->error_text, c->pending_text, sizeof c->pending_text);
}

ct_verdict ct__check_close(ct__check *c)
{
    ct_gradcheck_report *r = c->report;
    if (c->cx && ct_error(c->cx) != CT_OK && c->verdict != CT_GRADCHECK_INVALID) {
        r->diagnosis[0] = '\0'; /* no verdict can be trusted beside an error */
        ct__check_invalid(c, "%s", ct_error_text(c->cx));
    }
    if (r->compared == 0 && c->verdict == CT_GRADCHECK_PASS)
        ct__check_invalid(c, "nothing to compare: no input is a float tensor with an element");
    if (c->verdict == CT_GRADCHECK_KINK && c->options.accept_kinks)
        c->verdict = CT_GRADCHECK_PASS;
    if (c->cx)
        give_back(c);
    return r->verdict = c->verdict;
}

/* -- The inputs */
static ct_tensor *copy_of(ct__check *c, const ct_tensor *x)
{
    ct_tensor *copy = ct_zeros(c->cx, CT_F64, ct__shape(x), x->ndim);
    if (!copy)
        return ct__check_invalid(c, "out of memory"), NULL;
    ct_to_doubles(x, (double *)(void *)copy->data, copy->count);
    return copy;
}

static void add_part(ct__check *c, ct_tensor *x, int input, bool copied)
{
    bool marked = !(x->flags & CT__REQUIRES_GRAD);
    c->targets[c->part_count] = x;
    c->parts[c->part_count++] = (ct__part){ .x = x, .input = input, .copied = copied,
                                            .marked = marked, .first = c->entries,
                                            .count = x->count };
    x->flags |= CT__REQUIRES_GRAD;
    c->entries += x->count;
}

static void extent(const ct__part *part, const double **low, const double **high)
{
    *low = *high = (const double *)(const void *)part->x->data;
    for (int d = 0; d < part->x->ndim; d++) {
        int64_t reach = (ct__shape(part->x)[d] - 1) * ct__strides(part->x)[d];
        *(reach < 0 ? low : high) += reach;
    }
}

/* Do the ranges of memory overlap in which two parts lie? Parts that interleave without a common
 * element are refused too: they are rare */
static bool overlap(const ct__part *a, const ct__part *b)
{
    if (a->count == 0 || b->count == 0 || a->x->buffer != b->x->buffer)
        return false;
    const double *low[2], *high[2];
    extent(a, &low[0], &high[0]), extent(b, &low[1], &high[1]);
    return low[0] <= high[1] && low[1] <= high[0];
}

static bool add_input(ct__check *c, int i)
{
    ct_tensor *x = c->given[i];
    if (!x || !ct__usable(x, "gradcheck") || x->cx != c->cx) {
        ct_fail(c->cx, x ? CT_ERROR_CONTEXT : CT_ERROR_NULL, "gradcheck: input %d is %s", i,
                x ? "of another context" : "NULL");
        return ct__check_invalid(c, "%s", ct_error_text(c->cx));
    }
    c->x[i] = x;
    if (!ct__is_float(x->dtype))
        return true;
    bool copied = x->dtype == CT_F32 || x->flags & CT__READ_ONLY || x->buffer->read_only;
    if (copied && !(x = c->x[i] = copy_of(c, x)))
        return false;
    add_part(c, x, i, copied);
    for (int k = 0; k + 1 < c->part_count; k++)
        if (overlap(&c->parts[k], &c->parts[c->part_count - 1]))
            return ct__check_invalid(c, "inputs %d and %d share memory", c->parts[k].input, i);
    return true;
}

bool ct__check_begin(ct__check *c, ct_tensor *const *x, int n)
{
    ct_context *cx = c->cx;
    ct__scope_push(cx, &c->scope);
    cx->recording = true;
    c->seed = cx->seed, c->draws = cx->draws;
    c->given = x, c->n = n;
    c->entries = c->part_count = 0;
    c->u = NULL, c->parts = NULL, c->remembered = false;
    c->x = ct__check_room(c, n, sizeof *c->x);
    c->targets = ct__check_room(c, n + 1, sizeof(ct_tensor *));
    c->v = ct__check_room(c, n + 1, sizeof(ct_tensor *));
    c->parts = ct__check_room(c, n + 1, sizeof *c->parts);
    if (!c->x || !c->targets || !c->v || !c->parts)
        return false;
    for (int i = 0; i < n; i++)
        if (!add_input(c, i))
            return false;
    c->inputs = c->part_count;
    return true;
}

void ct__check_end(ct__check *c)
{
    if (c->remembered) /* f may have written into its inputs, and failed then */
        ct__check_move(c, 0);
    for (int i = 0; c->parts && i < c->part_count; i++)
        if (c->parts[i].marked)
            c->parts[i].x->flags &= (uint16_t)~CT__REQUIRES_GRAD;
    ct__scope_pop(c->cx, &c->scope);
}

/* -- One function at one point */
static void find_largest(ct__check *c)
{
    for (int i = 0; i < c->part_count; i++) {
        ct__part *part = &c->parts[i];
        part->largest = 0;
        for (int64_t k = part->first; k < part->first + part->count; k++)
            if (isfinite(c->analytic[k]))
                part->largest = fmax(part->largest, fabs(c->analytic[k]));
    }
}

/* Order 2 differentiates the gradient by vjp, whatever order 1 took: the two must be the same. */
static void compare_recorded(ct__check *c)
{
    for (int64_t k = 0; k < c->outputs && c->verdict != CT_GRADCHECK_FAIL; k++) {
        double a = c->recorded[k], b = c->y[k];
        double allowed = c->options.rtol * fmax(fabs(a), fabs(b)) + 16 * c->noise[k] +
                         1e-12 * ct__check_part(c, k)->largest;
        if (!(fabs(a - b) <= allowed))
            ct__check_fail(c, k, b, a, "the gradient that is recorded (CT_CREATE_GRAPH, by vjp) is "
                                       "not the one that is not");
    }
}

static bool check_order(ct__check *c, int order)
{
    int64_t n = c->entries;
    c->order = order, c->remembered = c->named = false, c->explained = CT__UNKNOWN;
    c->unclear = c->closely = 0;
    c->start = ct__check_room(c, 6 * n, sizeof *c->start);
    c->verdicts = ct__check_room(c, n, 1);
    if (!c->start || !c->verdicts)
        return false;
    c->analytic = c->start + n, c->numeric = c->start + 2 * n, c->direction = c->start + 3 * n;
    c->again = c->start + 4 * n, c->bars = c->start + 5 * n;
    memset(c->verdicts, -1, (size_t)n);
    c->aside = NULL;
    if (!ct__check_prepare(c))
        return false;
    if (order == 2)
        compare_recorded(c);
    if (c->verdict == CT_GRADCHECK_FAIL)
        return c->report->order = 2, true;
    if (!ct__check_derive_again(c))
        return false;
    find_largest(c);
    if (!ct__check_entries(c) || !ct__check_unchanged(c))
        return false;
    if (c->verdict == CT_GRADCHECK_FAIL && c->report->order == order && !c->report->diagnosis[0])
        ct__check_diagnose(c);
    c->recorded = c->analytic;
    return true;
}

bool ct__check_orders(ct__check *c)
{
    if (c->entries == 0)
        return true;
    if (!check_order(c, 1))
        return false;
    if (!c->connected && c->verdict != CT_GRADCHECK_FAIL)
        return ct__check_invalid(c, "the function's value does not depend on its inputs");
    if (!ct__check_f32(c))
        return false;
    if (c->options.order < 2 || c->verdict == CT_GRADCHECK_FAIL)
        return true;
    if (c->u->dtype == CT_F64) /* the gradient is a function of the cotangent too */
        add_part(c, c->u, c->n, false);
    return check_order(c, 2);
}
