/* nn/layers/weight_norm.c: PyTorch's values, gradients and buffers (torch/norms.py); the module and
 * the layer inside it. */
#include "support.h"
#include "torch/figures.h"

enum { MOST = 32 };

static ct_tensor *numbers(const int64_t *shape, int ndim, int seed, double divisor)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    double *to = ct_data_mutable(x);
    for (int64_t i = 0; i < ct_count(x); i++)
        to[i] = (double)((i * 7919 + seed * 104729) % 1009 - 504) / 64 / divisor;
    return x;
}

static void expect_figures(const char *name, const char *key, const ct_tensor *t)
{
    char row[64];
    double want[MOST], is[MOST];
    snprintf(row, sizeof row, "%s.%s", name, key);
    int n = (int)ct_count(t);
    ck_assert_int_le(n, MOST);
    figures("norms.txt", row, want, n);
    ct_to_doubles(t, is, n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(is[i] - want[i]) <= 1e-10 * fmax(1, fabs(want[i])),
                      "%s[%d] is %.17g, and PyTorch's %.17g", row, i, is[i], want[i]);
}

/* the tensors of m, of which PyTorch calls the layer's own by their last name, get numbers */
static void set(ct_module *m, const char *const *names, int n, int seed)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    for (int i = 0; i < n; i++) {
        ct_tensor *t = ct_module_parameter(m, names[i]);
        ct_assign(t, numbers(ct_shape(t), ct_ndim(t), seed + i, 16));
    }
    ct_scope_end(cx, scope);
}

static const char *last(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* as `parametrized` of norms.py does */
static void compare(const char *name, ct_module *m, const int64_t *shape, int ndim, bool spectral)
{
    static const char *const weight[] = { "module.bias", "weight_g", "weight_v" };
    static const char *const norm[] = { "module.bias", "weight_orig" };
    static const char *const buffers[] = { "weight_u", "weight_v" };
    const char *const *names = spectral ? norm : weight;
    const int n = spectral ? 2 : 3;
    ct_tensor *all[4] = { ct_variable(numbers(shape, ndim, 1, 1)) }, *g[4], *y;
    char key[64];
    set(m, names, n, 20);
    set(m, buffers, spectral ? 2 : 0, 40);
    for (int i = 0; i < n; i++)
        all[1 + i] = ct_module_parameter(m, names[i]);
    for (int i = 0; i < 3; i++)
        y = ct_module_forward(m, all[0]);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ck_assert_int_eq(ct_grad(y, numbers(ct_shape(y), ct_ndim(y), 3, 1), all, 1 + n, flags, g),
                         CT_OK);
        for (int i = 0; i <= n; i++) {
            snprintf(key, sizeof key, "g%s", i == 0 ? "x" : last(names[i - 1]));
            expect_figures(name, key, g[i]);
        }
    }
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    expect_figures(name, "y", ct_module_forward(m, all[0]));
    for (int i = 0; i < 2 && spectral; i++)
        expect_figures(name, buffers[i], ct_module_parameter(m, buffers[i]));
    ct_scope_end(cx, scope);
}

START_TEST(weight_norm_is_that_of_pytorch)
{
    compare("weight_norm1", ct_weight_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), NULL, 0),
            CT_SHAPE(2, 3), false);
    compare("weight_norm2", ct_weight_norm_new(ct_conv2d_new(cx, CT_F64, 2, 3, 2, NULL), "weight",
                                               -3), CT_SHAPE(1, 2, 3, 3), false);
    expect_ok();
}
END_TEST

START_TEST(spectral_norm_is_that_of_pytorch)
{
    compare("spectral_norm1", ct_spectral_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), NULL, 0,
                                                   0), CT_SHAPE(2, 3), true);
    compare("spectral_norm2", ct_spectral_norm_new(
                ct_conv_transpose1d_new(cx, CT_F64, 2, 3, 2, NULL), NULL, 1, 2),
            CT_SHAPE(1, 2, 4), true);
    expect_ok();
}
END_TEST

START_TEST(the_layer_begins_as_it_was)
{
    ct_module *plain = ct_linear_new(cx, CT_F64, 3, 4, NULL), *copy = ct_module_clone(plain, 0);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5, 3));
    ct_module *m = ct_weight_norm_new(copy, NULL, 0);
    expect_close(ct_module_forward(m, x), ct_module_forward(plain, x), 4);
    ck_assert_int_eq(ct_module_count(m), 4 + 12 + 4);
    ck_assert(strstr(ct_module_text(m), "weight_g (4,1), weight_v (4,3)") != NULL);
    ck_assert_ptr_null(ct_module_parameter(m, "module.weight"));
    expect_error(CT_ERROR_VALUE, "module.weight", NULL);
    ct_module *twin = ct_module_clone(m, CT_F32);
    ct_tensor *y = ct_module_forward(twin, ct_cast(x, CT_F32));
    ck_assert_double_le(ct_max_difference(ct_cast(y, CT_F64), ct_module_forward(m, x)), 1e-5);
    ck_assert_ptr_null(ct_module_forward(ct_module_child(m, "module"), x));
    ck_assert_int_ne(ct_error(cx), CT_OK);
    ct_error_clear(cx);
}
END_TEST

/* sigma: the largest singular value after many calls, and buffers that rest in use */
START_TEST(sigma_is_the_largest_singular_value)
{
    ct_module *layer = ct_linear_new(cx, CT_F64, 6, 4, NULL);
    ct_tensor *s;
    ct_svd(ct_detach(ct_module_parameter(layer, "weight")), NULL, &s, NULL);
    double largest = ct_at(s, CT_INDEX(0));
    ct_module *m = ct_spectral_norm_new(layer, NULL, 0, 200);
    ct_tensor *x = ct_eye(cx, CT_F64, 6), *w = ct_module_parameter(m, "weight_orig");
    ct_tensor *y = ct_module_forward(m, x);
    expect_close(y, ct_scale(ct_transpose(w), 1 / largest), 64);
    ct_inference(cx);
    double u = ct_at(ct_module_parameter(m, "weight_u"), CT_INDEX(0));
    ct_module_forward(m, x);
    ck_assert_double_eq(ct_at(ct_module_parameter(m, "weight_u"), CT_INDEX(0)), u);
}
END_TEST

static ct_tensor *forward(ct_context *c, ct_tensor *const *x, int n, void *module)
{
    (void)c, (void)n;
    return ct_module_forward(module, x[0]);
}

START_TEST(a_checkpoint_iterates_once)
{
    ct_module *m = ct_spectral_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), NULL, 0, 1);
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 3)));
    ct_tensor *u = ct_module_parameter(m, "weight_u");
    ct_tensor *before = ct_scale(u, 1), *y = ct_checkpoint(cx, forward, m, &x, 1);
    ct_tensor *after = ct_scale(u, 1);
    ck_assert_double_gt(ct_max_difference(before, after), 0);
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_OK);
    ck_assert_double_eq(ct_max_difference(u, after), 0);
    ct_gradcheck_report report;
    ct_verdict verdict = ct_gradcheck(cx, forward, m, &x, 1, NULL, &report);
    ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
    ck_assert_double_eq(ct_max_difference(u, after), 0);
}
END_TEST

START_TEST(a_later_call_leaves_earlier_graphs_whole)
{
    ct_module *m = ct_spectral_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), NULL, 0, 1);
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 3)));
    ct_tensor *y = ct_module_forward(m, x), *z = ct_module_forward(m, x);
    ck_assert_int_eq(ct_backward(ct_sum(ct_add(y, z))), CT_OK);
    expect_ok();
}
END_TEST

START_TEST(what_cannot_be_wrapped)
{
    ck_assert_ptr_null(ct_weight_norm_new(NULL, NULL, 0));
    ck_assert_ptr_null(ct_weight_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), "w", 0));
    expect_error(CT_ERROR_VALUE, "weight_norm_new: this linear must have a parameter 'w'", NULL);
    ck_assert_ptr_null(ct_spectral_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), "bias", 0, 1));
    expect_error(CT_ERROR_RANGE, "spectral_norm_new: 'bias' must have 2 dimensions", NULL);
    ck_assert_ptr_null(ct_weight_norm_new(ct_linear_new(cx, CT_F64, 3, 4, NULL), NULL, 2));
    expect_error(CT_ERROR_RANGE, "axis 2", NULL);
    ct_module *child = ct_linear_new(cx, CT_F64, 3, 4, NULL);
    ct_module *parent = ct_sequential_new(cx, CT_MODULES(child));
    ck_assert_ptr_null(ct_weight_norm_new(child, NULL, 0));
    expect_error(CT_ERROR_VALUE, "weight_norm_new: this linear is a child already", NULL);
    ck_assert_ptr_nonnull(ct_module_forward(parent, ct_zeros(cx, CT_F64, CT_SHAPE(1, 3))));
}
END_TEST

static void some_steps(ct_context *c)
{
    ct_tensor *x = ct_zeros(c, CT_F32, CT_SHAPE(1, 2));
    ct_module *m = ct_weight_norm_new(ct_linear_new(c, CT_F32, 2, 2, NULL), NULL, 0);
    ct_module *s = ct_spectral_norm_new(ct_linear_new(c, CT_F32, 2, 2, NULL), NULL, 0, 1);
    ct_backward(ct_sum(ct_module_forward(m, x)));
    ct_backward(ct_sum(ct_module_forward(s, x)));
    ct_module_forward(ct_module_clone(m, CT_F32), x);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(some_steps);
}
END_TEST

Suite *weight_norm_suite(void)
{
    return make_suite("weight_norm", (const TTest *const[]){
        weight_norm_is_that_of_pytorch, spectral_norm_is_that_of_pytorch,
        the_layer_begins_as_it_was, sigma_is_the_largest_singular_value,
        a_checkpoint_iterates_once, a_later_call_leaves_earlier_graphs_whole, what_cannot_be_wrapped, every_allocation_may_fail, NULL });
}
