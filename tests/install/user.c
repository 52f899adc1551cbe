/* A user's program, built against the installed library: fits a line, with a module of the
 * library's and an operator of its own. */
#include <cotangent.h>
#include <stdio.h>

/* y = x^3 / 3, dy/dx = x^2 */
static ct_status cube_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    const double *in = ct_data_f64(x);
    double *out = ct_data_mutable(ct_call_y(call, 0));
    for (int64_t i = 0; in && out && i < ct_count(x); i++)
        out[i] = in[i] * in[i] * in[i] / 3;
    return in && out ? CT_OK : CT_ERROR_DTYPE;
}

static ct_status cube_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_mul(gy[0], ct_square(ct_call_x(call, 0)));
    return CT_OK;
}

static const ct_op cube = { .name = "cube", .flags = CT_OP_CONTIGUOUS, .saves = CT_SAVE_X(0),
                            .infer = ct_infer_same, .forward = cube_forward, .vjp = cube_vjp };

static double fit(ct_context *cx)
{
    ct_tensor *x = ct_linspace(cx, CT_F64, -1, 1, 21);
    ct_tensor *y = ct_shift(ct_scale(x, 3), 1);
    ct_tensor *inputs = ct_unsqueeze(x, 1), *targets = ct_unsqueeze(y, 1);
    ct_module *line = ct_linear_new(cx, CT_F64, 1, 1, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(line, &n);
    ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.3, NULL);
    for (int step = 0; step < 200; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward(ct_mse(ct_module_forward(line, inputs), targets));
        ct_optimizer_step(sgd);
        ct_scope_end(cx, scope);
    }
    return ct_item(ct_module_parameter(line, "weight"));
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    printf("slope %.6f\n", fit(cx));
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2));
    ct_backward(ct_apply(&cube, NULL, CT_TENSORS(x)));
    printf("d(x^3/3)/dx at 2: %g\n", ct_item(ct_gradient(x)));
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
