/* Running out of memory, at each allocation in turn, in what the other suites do not fail. */
#include "support.h"

/* -- An operator with everything: two outputs, one an integer, an auxiliary, scratch, ten inputs */
static ct_status rich_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct_call_set_y(call, 0, CT_F64, ct_shape(x), ct_ndim(x));
    if (status == CT_OK)
        status = ct_call_set_y(call, 1, CT_I64, NULL, 0);
    return status == CT_OK ? ct_call_set_aux(call, 0, CT_F64, CT_SHAPE(100)) : status;
}

static ct_status rich_forward(ct_call *call)
{
    if (!ct_call_scratch(call, 1000))
        return CT_ERROR_MEMORY;
    ct_tensor *sum = ct_call_x(call, 0);
    for (int i = 1; i < ct_call_inputs(call); i++)
        sum = ct_add(sum, ct_call_x(call, i));
    if (ct_fill(ct_call_y(call, 1), 3) != CT_OK || ct_fill(ct_call_aux(call, 0), 1) != CT_OK)
        return CT_ERROR_MEMORY;
    return sum ? ct_assign(ct_call_y(call, 0), sum) : CT_ERROR_MEMORY;
}

static ct_status rich_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    for (int i = 0; i < ct_call_inputs(call); i++)
        gx[i] = i == 3 ? ct_call_zero(call, i) : ct_mul(gy[0], ct_call_y(call, 0));
    return ct_error(ct_call_context(call));
}

static const ct_op rich = { .name = "rich", .flags = CT_OP_CONTIGUOUS, .outputs = 2,
                            .saves = CT_SAVE_Y(0) | CT_SAVE_Y(1) | CT_SAVE_AUX,
                            .infer = rich_infer, .forward = rich_forward, .vjp = rich_vjp };

static void with_everything(ct_context *c)
{
    enum { N = 10 };
    ct_tensor *square = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 2))), *x[N], *y[2], *g[N];
    for (int i = 0; i < N; i++)
        x[i] = i % 2 ? ct_transpose(square) : square;
    if (ct_apply_all(&rich, NULL, x, N, y) != CT_OK)
        return;
    ct_tensor *top = ct_sum(y[0]);
    if (top)
        ct_backward(top);
    if (top && ct_grad(top, NULL, x, N, CT_CREATE_GRAPH | CT_ZERO_PATH, g) == CT_OK)
        ct_backward(ct_sum(g[0]));
}

/* -- Hooks that allocate and walk */
static ct_tensor *walk_in(ct_tensor *gy, void *user)
{
    ct_context *c = ct_context_of(gy);
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 2)), *g = NULL;
    (void)user;
    return x && ct_grad(x, NULL, &x, 1, 0, &g) == CT_OK ? ct_mul(gy, g) : NULL;
}

static void with_hooks(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3))), *h = ct_square(x);
    if (!h || ct_on_cotangent(h, walk_in, NULL) != CT_OK)
        return;
    ct_tensor *y = ct_sum(ct_add(h, ct_broadcast_to(h, CT_SHAPE(2, 3))));
    if (!y)
        return;
    ct_backward(y);
    ct_backward(y); /* again: now with a gradient there */
    ct_tensor *g = ct_gradient(x);
    if (g)
        ct_backward_from(x, g); /* which must be copied */
}

/* a failed walk leaves every gradient as it was */
static void all_or_nothing(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2)));
    ct_tensor *b = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2)));
    ct_tensor *y = ct_sum(ct_add(ct_mul(a, b), ct_add(ct_broadcast_to(a, CT_SHAPE(3, 2)), b)));
    if (!y)
        return;
    ct_status status = ct_backward(y);
    ck_assert(status == CT_OK || (!ct_gradient(a) && !ct_gradient(b)));
    if (status != CT_OK)
        return;
    double before = ct_at(ct_gradient(a), CT_INDEX(0));
    status = ct_backward(y);
    ck_assert_double_eq(ct_at(ct_gradient(a), CT_INDEX(0)), status == CT_OK ? 2 * before : before);
    ck_assert_double_eq(ct_at(ct_gradient(b), CT_INDEX(0)), status == CT_OK ? 2 * before : before);
}

/* -- Memory of all kinds */
static void finish(void *object)
{
    ct_release(*(ct_tensor **)object);
}

static void with_objects(ct_context *c)
{
    double mine[4] = { 1, 2, 3, 4 };
    ct_scope scope = ct_scope_begin(c);
    ct_tensor **slot = ct_object_new(c, sizeof *slot, finish);
    if (slot)
        ct_keep(slot, ct_randn(c, CT_F32, CT_SHAPE(40)));
    ct_object_free(slot);
    slot = ct_object_new(c, sizeof *slot, finish);
    ct_tensor *x = ct_borrow(c, CT_F64, CT_SHAPE(2, 2), mine, NULL);
    ct_assign(x, ct_transpose(x));
    ct_assign_add(x, 2, ct_transpose(x));
    if (slot && x)
        ct_keep(slot, ct_share(c, x));
    ct_named(ct_named(x, "once"), "twice");
    ct_graph_text(ct_exp(ct_variable(ct_detach(x))));
    ct_text(ct_randperm(c, 50));
    ct_randint(c, 0, 5, CT_SHAPE(9));
    ct_scope_end(c, scope);
}

START_TEST(operators)
{
    for_each_failing_allocation(with_everything);
}
END_TEST

START_TEST(hooks)
{
    for_each_failing_allocation(with_hooks);
}
END_TEST

START_TEST(gradients)
{
    for_each_failing_allocation(all_or_nothing);
}
END_TEST

START_TEST(objects)
{
    for_each_failing_allocation(with_objects);
}
END_TEST

START_TEST(contexts)
{
    long long blocks = 0;
    ct_allocator allocator = counting_allocator(&blocks);
    for (int64_t most = 1; most < 20000; most = most * 5 / 4 + 1) { /* live bytes run out instead */
        ct_context *c = ct_context_new(&(ct_context_options){ .max_bytes = most,
                                                              .allocator = allocator });
        ck_assert_ptr_nonnull(c);
        with_hooks(c);
        ck_assert(ct_error(c) == CT_OK || ct_error(c) == CT_ERROR_MEMORY);
        ct_memory memory;
        ct_memory_stats(c, &memory);
        ck_assert_int_le(memory.peak_bytes, most);
        ct_context_free(c);
        ck_assert_int_eq(blocks, 0);
    }
}
END_TEST

Suite *faults_suite(void);
Suite *faults_suite(void)
{
    return make_suite("autograd/faults", (const TTest *[]){
        operators, hooks, gradients, objects, contexts, NULL });
}
