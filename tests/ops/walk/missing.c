/* Inputs that an operator does not expect: an error that names it, or a result, and no crash. */
#include "walk.h"

/* -- Of a sample: NULL in the place of an input, another dtype, an input more or less */
static bool is_refused(const sample *s, ct_tensor *const *x, int n, const char *what)
{
    ct_context *c = ct_context_of(s->x[0]);
    ct_tensor *y[TASK_INPUTS];
    ct_status status = ct_apply_all(s->op, s->attributes, x, n, y);
    bool named = strncmp(ct_error_text(c), s->name, strlen(s->name)) == 0;
    bool refused = status != CT_OK && ct_error(c) == status && named;
    if (!refused)
        wrong(s, "%s: status %d, %s", what, (int)status, ct_error_text(c));
    ct_error_clear(c);
    return refused;
}

bool walk_missing(const sample *s)
{
    static const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
    ct_context *c = ct_context_of(s->x[0]);
    for (int k = 0; k < s->n; k++) {
        ct_tensor *x[TASK_INPUTS];
        memcpy(x, s->x, sizeof x);
        x[k] = NULL;
        if (s->n > 1 && !is_refused(s, x, s->n, "NULL for an input"))
            return false;
        for (int i = 0; i < 4; i++) {
            sample odd = *s;
            ct_scope scope = ct_scope_begin(c);
            odd.x[k] = ct_cast(s->x[k], dtypes[i]);
            bool right = !odd.x[k] || is_right(&odd, "another dtype");
            ct_error_clear(c);
            ct_scope_end(c, scope);
            if (!right)
                return false;
        }
    }
    return s->op->inputs < 0 || is_refused(s, s->x, s->n + 1, "an input more");
}

/* -- Of the operator: any dtypes and shapes, with attributes that are zeros */
static const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
static const int64_t sizes[][3] = { { 0 }, { 1 }, { 3 }, { 0 }, { 2, 3 }, { 3, 3 }, { 2, 0 },
                                    { 2, 2, 2 } };
static const int dimensions[] = { 0, 1, 1, 1, 2, 2, 2, 3 };
enum { DTYPES = 4, SHAPES = 8, MOST = 9 };

static ct_tensor *operand(int dtype, int shape, bool wants_grad)
{
    ct_tensor *x = ct_ones(cx, dtypes[dtype], sizes[shape], dimensions[shape]);
    return wants_grad && dtypes[dtype] <= CT_F64 ? ct_variable(x) : x;
}

static bool right_number(const ct_op *op, int n)
{
    return n > 0 && (op->inputs > 0 ? n == op->inputs : n >= -op->inputs);
}

/* op on these inputs; where there is a result, backward too */
static bool try(const sample *s, const void *attributes, ct_tensor *const *x, int n)
{
    ct_tensor *y[8] = { NULL };
    ct_status status = ct_apply_all(s->op, attributes, x, n, y);
    bool complete = right_number(s->op, n) && (attributes || s->op->attributes_size == 0);
    if (!complete && status == CT_OK)
        return wrong(s, "takes %d inputs", n);
    if ((status == CT_OK) != (ct_error(cx) == CT_OK) && n > 0)
        return wrong(s, "%d inputs: status %d, %s", n, (int)status, ct_error_text(cx));
    if (!complete && n > 0 && strncmp(ct_error_text(cx), s->name, strlen(s->name)) != 0)
        return wrong(s, "the message is \"%s\"", ct_error_text(cx));
    if (status == CT_OK && y[0] && ct_requires_grad(y[0]))
        ct_backward_from(y[0], ct_ones_like(y[0]));
    ct_error_clear(cx);
    return true;
}

/* x without elements: one axis has 2^40 places, and another has none. NULL: it lacks these axes */
static ct_tensor *endless(const ct_tensor *x, int axis, int none)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    if (axis >= ndim || none >= ndim || axis == none)
        return NULL;
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    shape[axis] = (int64_t)1 << 40;
    shape[none] = 0;
    return ct_zeros(ct_context_of(x), ct_dtype_of(x), shape, ndim);
}

/* It has nothing to do, and ends at once; else this takes until the tests are killed. */
bool walk_endless(const ct_op *op)
{
    enum { AXES = 4, PAIRS = AXES * AXES };
    _Alignas(16) char attributes[ATTRIBUTES];
    sample s;
    ct_context *own = ct_context_new(&(ct_context_options){ .max_bytes = 1 << 28 });
    for (int k = 0; sample_of(&s, own, op, k / PAIRS, attributes); k++) {
        ct_scope scope = ct_scope_begin(own);
        bool all = true;
        for (int i = 0; i < s.n; i++) {
            if (ct_ndim(s.x[i]) > 1)
                s.x[i] = endless(s.x[i], k % AXES, k % PAIRS / AXES);
            all = all && s.x[i];
        }
        if (all && !(op->flags & CT_OP_UPDATE))
            walk_ask(&s);
        ct_scope_end(own, scope);
        ct_error_clear(own);
    }
    ct_context_free(own);
    return true;
}

/* Two inputs, more or less than the operator takes, in few ways; what it takes, in all: the first
 * input and the others have each pair of dtypes, and one shape, two, or each its own. */
bool walk_inputs(const ct_op *op)
{
    const char zeros[ATTRIBUTES] = { 0 };
    const sample s = { .name = op->name, .op = op };
    ct_tensor *x[MOST];
    if (op->inputs == 0)
        return wrong(&s, "takes any number of inputs");
    for (int n = 0; n <= MOST; n++)
        for (int k = 0; k < (right_number(op, n) ? DTYPES * DTYPES * SHAPES * 3 : DTYPES); k++) {
            ct_scope scope = ct_scope_begin(cx);
            int mixed = k / (DTYPES * DTYPES * SHAPES); /* no input, the second one, the others */
            for (int i = 0; i < n; i++)
                x[i] = operand(i == 0 ? k % DTYPES : k / DTYPES % DTYPES,
                               (k / DTYPES / DTYPES + (mixed == 2 ? i : mixed == 1 && i > 0)) %
                                   SHAPES, k % 2 == 0);
            bool right = try(&s, zeros, x, n) && (k >= DTYPES || try(&s, NULL, x, n));
            ct_scope_end(cx, scope);
            if (!right)
                return false;
        }
    return true;
}
