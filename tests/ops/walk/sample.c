/* Samples of operators and of functions, and whether what comes of them is right. */
#include <float.h>
#include <stdarg.h>

#include "channels.h"
#include "move_axes.h"
#include "resample.h"
#include "walk.h"

char walk_text[1000];

bool wrong(const sample *s, const char *format, ...)
{
    va_list rest;
    int n = snprintf(walk_text, sizeof walk_text, "%s: ", s->name);
    va_start(rest, format);
    vsnprintf(walk_text + n, sizeof walk_text - (size_t)n, format, rest);
    va_end(rest);
    return false;
}

bool is_float(const ct_tensor *x)
{
    return x && (ct_dtype_of(x) == CT_F32 || ct_dtype_of(x) == CT_F64);
}

bool sample_of(sample *s, ct_context *c, const ct_op *op, int k, void *attributes)
{
    *s = (sample){ .name = op->name, .op = op, .attributes = attributes };
    memset(attributes, 0, ATTRIBUTES);
    ck_assert_uint_le(op->attributes_size, ATTRIBUTES);
    ct_seed(c, 5);
    s->reference = reference_of(op->name);
    s->n = op->sample(c, k, s->x, attributes);
    s->outputs = op->flags & CT_OP_UPDATE ? s->n : op->outputs > 1 ? op->outputs : 1;
    return s->n > 0;
}

/* -- Functions */
#define COMPOSED(name, outputs, inputs, statement, ...)                                         \
    static bool call_##name(ct_tensor *const *x, ct_tensor **y)                                 \
    {                                                                                           \
        statement;                                                                              \
        return x[0] && y[0];                                                                    \
    }
#include "composed.def"

static const struct {
    const char *name, *inputs;
    int outputs;
    bool (*call)(ct_tensor *const *x, ct_tensor **y);
    const void *attributes;
} functions[] = {
#define COMPOSED(name, outputs, inputs, statement, ...)                                         \
    { #name, inputs, outputs, call_##name, __VA_ARGS__ },
#include "composed.def"
};
const int composed_count = sizeof functions / sizeof *functions;

/* what a letter of a row's inputs stands for */
static ct_tensor *input(ct_context *c, char letter)
{
    static const struct {
        char letter;
        int ndim;
        int64_t shape[4];
    } shapes[] = { { 'm', 2, { 3, 4 } }, { 'v', 1, { 4 } },       { 's', 2, { 3, 3 } },
                   { 'q', 2, { 4, 2 } }, { 't', 3, { 2, 3, 4 } }, { 'c', 2, { 2, 3 } },
                   { 'd', 2, { 2, 2 } }, { 'w', 3, { 2, 3, 2 } }, { 'e', 1, { 2 } },
                   { 'g', 4, { 1, 4, 2, 2 } } };
    if (letter == 'i')
        return ct_from_ints(c, CT_SHAPE(4), CT_INTS(2, 0, 1, 2));
    if (letter == 'b')
        return ct_gt(ct_randn(c, CT_F64, CT_SHAPE(3, 4)), ct_scalar(c, CT_F64, 0));
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        if (shapes[k].letter == letter)
            return ct_randn(c, CT_F64, shapes[k].shape, shapes[k].ndim);
    return NULL;
}

bool sample_of_function(sample *s, ct_context *c, int k)
{
    *s = (sample){ .name = functions[k].name, .call = functions[k].call,
                   .reference = reference_of(functions[k].name),
                   .attributes = functions[k].attributes, .outputs = functions[k].outputs };
    ct_seed(c, 5);
    for (; functions[k].inputs[s->n]; s->n++)
        s->x[s->n] = input(c, functions[k].inputs[s->n]);
    return true;
}

/* -- What comes of a sample */
ct_status apply(const sample *s, ct_tensor *const *x, ct_tensor **y)
{
    ct_context *c = ct_context_of(x[0]);
    for (int k = 0; k < TASK_INPUTS; k++)
        y[k] = NULL;
    ct_seed(c, 7);
    ct_status status = s->op ? ct_apply_all(s->op, s->attributes, x, s->n, y)
                             : s->call(x, y) ? CT_OK : ct_error(c);
    for (int k = 0; k < s->n && s->op && s->op->flags & CT_OP_UPDATE; k++)
        y[k] = x[k];
    return status;
}

static array array_of(const ct_tensor *x)
{
    array a = { .dtype = ct_dtype_of(x), .ndim = ct_ndim(x), .n = ct_count(x) };
    double *values = calloc((size_t)a.n + 1, sizeof *values);
    a.at = calloc((size_t)a.n + 1, sizeof *a.at);
    ck_assert_int_eq(ct_to_doubles(x, values, a.n), CT_OK);
    for (int d = 0; d < a.ndim; d++)
        a.shape[d] = ct_shape(x)[d];
    for (int64_t i = 0; i < a.n; i++)
        a.at[i] = values[i];
    free(values);
    return a;
}

/* the largest finite element, at least 1 */
static double size_of(const array *a)
{
    double size = 1;
    for (int64_t i = 0; i < a->n; i++)
        size = isfinite(a->at[i]) ? fmax(size, (double)fabsl(a->at[i])) : size;
    return size;
}

/* valgrind computes the reference's long doubles as doubles, and their functions of infinities wrongly */
#ifdef UNDER_VALGRIND
enum { ROUGH = 1 };
#else
enum { ROUGH = 0 };
#endif

static double tolerance_of(const ct_tensor *x)
{
    double of_f64 = ROUGH ? 1e-8 : 1e-11;
    return ct_dtype_of(x) == CT_F32 ? 2e-5 : ct_dtype_of(x) == CT_F64 ? of_f64 : 0;
}

/* what is nearly too large for the dtype may be infinite; in which order a function adds infinities
 * of both signs is its own */
static bool alike(const sample *s, const ct_tensor *of, real have, real want, double tolerance)
{
    if (ct_dtype_of(of) == CT_BOOL)
        want = want != 0;
    real large = ct_dtype_of(of) == CT_F32 ? FLT_MAX / 256 : DBL_MAX / 256;
    if (isnan(want))
        return isnan(have) || !s->op || ROUGH;
    if (fabsl(have) > large || fabsl(want) > large)
        return fabsl(have) > large && fabsl(want) > large && (have > 0) == (want > 0);
    return fabsl(have - want) <= tolerance;
}

static bool compare(const sample *s, const ct_tensor *y, const array *have, const array *want,
                    const char *oddity, const char *what)
{
    double tolerance = tolerance_of(y) * size_of(want);
    for (int64_t i = 0; i < want->n; i++)
        if (!alike(s, y, have->at[i], want->at[i], tolerance)) {
            char shape[CT_SHAPE_TEXT];
            return wrong(s, "%s, f%zu: element %lld of %s %s is %.17Lg, not %.17Lg", oddity,
                         8 * ct_dtype_size(ct_dtype_of(y)), (long long)i, what,
                         ct_shape_text(y, shape), have->at[i], want->at[i]);
        }
    return true;
}

/* An elementwise function of exact.def is its own reference, one element at a time: what these are
 * is compared with MPFR (test_reference.c). */
static bool one_by_one(const sample *s, ct_tensor *const *x, task *t)
{
    array *y = &t->y[0];
    EACH(y, i) {
        ct_tensor *each[TASK_INPUTS], *one[TASK_INPUTS];
        ct_scope scope = ct_scope_begin(ct_context_of(x[0]));
        for (int k = 0; k < s->n; k++)
            each[k] = ct_scalar_like(x[k], (double)*broadcast(&t->x[k], i, y->ndim));
        bool done = apply(s, each, one) == CT_OK;
        *element(y, i) = done ? ct_item(one[0]) : 0;
        ct_scope_end(ct_context_of(x[0]), scope);
        if (!done)
            return wrong(s, "refuses one element: %s", ct_error_text(ct_context_of(x[0])));
    }
    return true;
}

static bool is_exact(const char *name)
{
    static const char *const names[] = {
#define EXACT(name, ...)        #name,
#define EXACT_OF_TWO(name, ...) #name,
#include "exact.def"
    };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(names[k], name) == 0)
            return true;
    return false;
}

static bool compare_values(const sample *s, ct_tensor *const *x, ct_tensor *const *y, task *t,
                           const char *oddity)
{
    array have[TASK_INPUTS];
    bool right = true;
    for (int k = 0; k < s->outputs; k++) {
        t->y[k] = array_of(y[k]);
        have[k] = array_of(y[k]);
    }
    if (s->reference)
        s->reference->compute(t);
    else if (is_exact(s->name))
        right = one_by_one(s, x, t);
    else
        right = wrong(s, "there is no reference for its values: tests/ops/walk/reference.h");
    for (int k = 0; k < s->outputs; k++) {
        right = right && compare(s, y[k], &have[k], &t->y[k], oddity, "the result");
        free(have[k].at);
        free(t->y[k].at);
    }
    return right;
}

static bool has_nan(const ct_tensor *y)
{
    array a = array_of(y);
    bool found = false;
    for (int64_t i = 0; i < a.n; i++)
        found = found || isnan(a.at[i]);
    free(a.at);
    return found;
}

/* gradients by kernels and by rules; where y is NaN, they may be anything */
static bool compare_gradients(const sample *s, ct_tensor *const *x, ct_tensor *y,
                              const char *oddity)
{
    ct_tensor *by[TASK_INPUTS], *fused[TASK_INPUTS], *composed[TASK_INPUTS];
    ct_context *c = ct_context_of(y);
    int n = 0;
    for (int k = 0; k < s->n; k++)
        if (ct_requires_grad(x[k]))
            by[n++] = x[k];
    ct_tensor *gy = ct_randn(c, ct_dtype_of(y), ct_shape(y), ct_ndim(y));
    ct_status status = ct_grad(y, gy, by, n, CT_ZERO_PATH, fused);
    if (status == CT_OK)
        status = ct_grad(y, ct_variable(gy), by, n, CT_ZERO_PATH | CT_CREATE_GRAPH, composed);
    if (ct_error(c) == CT_ERROR_VALUE) { /* as of a matrix that is singular */
        ct_error_clear(c);
        return true;
    }
    if (status != CT_OK)
        return wrong(s, "%s: no gradient: %s", oddity, ct_error_text(c));
    bool right = true;
    for (int k = 0; k < n && right; k++) {
        array a = array_of(fused[k]), b = array_of(composed[k]);
        right = compare(s, fused[k], &a, &b, oddity, "the gradient by kernels");
        free(a.at), free(b.at);
    }
    return right;
}

static bool is_right_here(const sample *s, ct_context *c, const char *oddity)
{
    const unsigned flags = s->op ? s->op->flags : 0;
    ct_tensor *x[TASK_INPUTS], *y[TASK_INPUTS];
    bool right = true;
    task t = { .attributes = s->attributes, .seed = 7, .n = s->n, .outputs = s->outputs };
    for (int k = 0; k < s->n; k++) {
        t.x[k] = array_of(s->x[k]);
        bool wants = is_float(s->x[k]) && !(flags & (CT_OP_UPDATE | CT_OP_CONSTANT));
        x[k] = wants ? ct_variable(ct_detach(s->x[k])) : s->x[k];
    }
    for (int k = 0; k < s->n; k++) /* the same tensor twice remains one */
        for (int i = 0; i < k; i++)
            x[k] = s->x[k] == s->x[i] ? x[i] : x[k];
    if (apply(s, x, y) == CT_OK) {
        right = compare_values(s, x, y, &t, oddity);
        for (int k = 0; k < s->outputs && right; k++)
            if (is_float(y[k]) && ct_requires_grad(y[k]) && !has_nan(y[k]) && !t.singular)
                right = compare_gradients(s, x, y[k], oddity);
    } else if (ct_error(c) == CT_OK) {
        right = wrong(s, "%s: failed without an error", oddity);
    }
    for (int k = 0; k < s->n; k++)
        free(t.x[k].at);
    ct_error_clear(c);
    return right;
}

bool is_right(const sample *s, const char *oddity)
{
    ct_context *c = ct_context_of(s->x[0]);
    ct_scope scope = ct_scope_begin(c);
    bool right = is_right_here(s, c, oddity);
    ct_scope_end(c, scope);
    return right;
}
