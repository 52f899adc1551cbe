/* The walk; and a test of it: an operator that each oddity finds wrong in its turn. */
#include "walk.h"
#include "ways.h"

/* -- The walk */
static bool walk_sample(const sample *s)
{
    static bool (*const oddities[])(const sample *s) = { walk_values, walk_layouts, walk_numbers };
    for (size_t k = 0; k < sizeof oddities / sizeof *oddities; k++)
        if (!oddities[k](s))
            return false;
    return !s->op || (walk_shapes(s) && walk_missing(s));
}

/* as it is, and in f32 */
static bool walk_both(const sample *s)
{
    sample single = *s;
    for (int k = 0; k < s->n; k++)
        if (is_float(s->x[k]))
            single.x[k] = ct_cast(s->x[k], CT_F32);
    return walk_sample(s) && walk_sample(&single);
}

static bool walk_samples(const ct_op *op)
{
    _Alignas(16) char attributes[ATTRIBUTES];
    bool right = true, more = true;
    for (int k = 0; right && more; k++) {
        sample s;
        ct_scope scope = ct_scope_begin(cx);
        more = sample_of(&s, cx, op, k, attributes);
        right = !more || walk_both(&s);
        ct_scope_end(cx, scope);
    }
    return right;
}

static void walk_operators(bool (*walk)(const ct_op *op))
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    ck_assert_int_gt(n, 150);
    for (int i = 0; i < n; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ck_assert_msg(walk(list[i]), "%s", walk_text);
        expect_ok();
        ct_scope_end(cx, scope);
    }
}

START_TEST(samples)
{
    walk_operators(walk_samples);
}
END_TEST

START_TEST(functions)
{
    for (int k = 0; k < composed_count; k++) {
        sample s;
        ct_scope scope = ct_scope_begin(cx);
        sample_of_function(&s, cx, k);
        ck_assert_msg(walk_both(&s), "%s", walk_text);
        ct_scope_end(cx, scope);
    }
}
END_TEST

START_TEST(inputs)
{
    walk_operators(walk_inputs);
}
END_TEST

START_TEST(places)
{
    walk_operators(walk_places);
}
END_TEST

START_TEST(without_elements)
{
    walk_operators(walk_endless);
}
END_TEST

START_TEST(derivatives)
{
    walk_operators(walk_derivatives);
}
END_TEST

START_TEST(faults)
{
    walk_operators(walk_faults);
    ck_assert_msg(walk_faults(NULL), "%s", walk_text);
}
END_TEST

START_TEST(threads)
{
    walk_operators(walk_threads);
    ck_assert_int_gt(jobs_of_host(), 100);
}
END_TEST

/* -- y = a + 2 b, with one thing wrong */
static enum planted {
    NOTHING, VALUE, STRIDES, SAME_TENSOR, NUMBERS, DIMENSIONS, DTYPES, SLOPE, MEMORY, REPEATED,
    THREADS, ALONE, PLANTED
} planted;

static ct_status planted_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    if (planted != DTYPES || ct_dtype_of(a) == ct_dtype_of(ct_call_x(call, 1)))
        return ct_infer_same(call);
    return ct_call_set_y(call, 0, ct_dtype_of(a), ct_shape(a), ct_ndim(a));
}

static double factor(ct_context *c, ct_tensor *a, ct_tensor *b)
{
    static int calls;
    switch (planted) {
    case VALUE:
        return 3;
    case STRIDES:
        return ct_is_contiguous(b) ? 2 : 3;
    case SAME_TENSOR:
        return ct_data(a) == ct_data(b) ? 3 : 2;
    case DIMENSIONS:
        return ct_ndim(a) == CT_MAX_DIMS ? 3 : 2;
    case REPEATED:
        return 2 + 1e-14 * calls++; /* seen in bits only */
    case ALONE:
        return ct_count(a) == 1 ? 3 : 2;
    case THREADS:
        return ct_threads_of(c) > 1 ? 3 : 2;
    default:
        return 2;
    }
}

static ct_status planted_forward(ct_call *call)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_context *c = ct_call_context(call);
    if (planted == DTYPES && ct_dtype_of(a) != ct_dtype_of(b))
        return ct_fill(y, 100);
    ct_tensor *sum = ct_add(a, ct_scale(b, factor(c, a, b)));
    if (planted == NUMBERS)
        sum = ct_nan_to_num(sum, 0, 1, -1);
    ct_status status = ct_assign(y, sum);
    if (planted == MEMORY && ct_error(c) == CT_ERROR_MEMORY) {
        ct_error_clear(c);
        status = ct_fill(y, 0);
    }
    return status;
}

static ct_status planted_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    gx[1] = ct_scale(gy[0], planted == SLOPE ? 3 : 2);
    return CT_OK;
}

static int planted_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(2, 3));
    x[1] = ct_randn(c, CT_F64, CT_SHAPE(2, 3));
    return k < 1 ? 2 : 0;
}

static void planted_compute(task *t)
{
    for (int64_t i = 0; i < t->y[0].n; i++)
        t->y[0].at[i] = t->x[0].at[i] + 2 * t->x[1].at[i];
}

static bool at_sample(bool (*walk)(const sample *s), const ct_op *op)
{
    static const reference right = { "planted", planted_compute };
    _Alignas(16) char attributes[ATTRIBUTES];
    sample s;
    sample_of(&s, cx, op, 0, attributes);
    s.reference = &right;
    return walk(&s);
}

/* the first oddity that finds it wrong, by its number below; 0: none does */
static int found_by(const ct_op *op)
{
    bool right[] = { true,
                     at_sample(walk_values, op),
                     at_sample(walk_layouts, op),
                     at_sample(walk_numbers, op),
                     at_sample(walk_shapes, op),
                     at_sample(walk_missing, op),
                     walk_derivatives(op),
                     walk_faults(op),
                     walk_threads(op) };
    for (int k = 1; k < (int)(sizeof right / sizeof *right); k++)
        if (!right[k])
            return k;
    return 0;
}

START_TEST(each_oddity_finds_what_is_wrong_there)
{
    static const int by[PLANTED] = { [VALUE] = 1, [STRIDES] = 2, [SAME_TENSOR] = 2, [NUMBERS] = 3,
                                     [DIMENSIONS] = 4, [DTYPES] = 5, [SLOPE] = 6, [MEMORY] = 7,
                                     [REPEATED] = 6, [THREADS] = 8, [ALONE] = 4 };
    static ct_op op = { .name = "planted", .inputs = 2, .infer = planted_infer,
                        .forward = planted_forward, .vjp = planted_vjp,
                        .sample = planted_sample };
    for (planted = NOTHING; planted < PLANTED; planted++) {
        int found = found_by(&op);
        ck_assert_msg(found == by[planted], "fault %d is found by oddity %d: %s",
                      (int)planted, found, walk_text);
        ct_error_clear(cx);
        ck_assert(planted != REPEATED || !walk_threads(&op)); /* finds it too */
    }
    op.flags = CT_OP_KERNELS; /* of which walk_places asks for places */
    planted = ALONE;
    ck_assert(!walk_places(&op));
    planted = NOTHING;
    ck_assert(walk_places(&op));
    op.flags = 0;
    ck_assert(walk_inputs(&op));
    op.inputs = 0;
    ck_assert(!walk_inputs(&op));
    op.inputs = 2;
    ck_assert(!walk_samples(&op)); /* no reference */
    ck_assert_ptr_nonnull(strstr(walk_text, "no reference"));
}
END_TEST

Suite *operators_suite(void);
Suite *operators_suite(void)
{
    return make_suite("operators", (const TTest *const[]){
        each_oddity_finds_what_is_wrong_there, samples, functions, inputs, places, without_elements,
        derivatives, faults, NULL });
}

/* a suite of its own, for a sanitizer of threads */
Suite *determinism_suite(void);
Suite *determinism_suite(void)
{
    return make_suite("determinism", (const TTest *const[]){ threads, NULL });
}
