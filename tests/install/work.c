/* work mlp|small|nodes STEPS: what ./run slow embedding counts the instructions of. */
#include <cotangent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* a chain of 10,000 nodes, recorded and reversed */
static void nodes(ct_context *cx, int steps)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 0.3));
    for (int step = 0; step < steps; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *y = x;
        for (int i = 0; i < 10000; i++)
            y = i % 2 ? ct_sin(y) : ct_mul(y, x);
        ct_backward(y);
        ct_zero_grad(x);
        ct_scope_end(cx, scope);
    }
}

/* a network of units[0] inputs, `layers` layers, in batches */
static void train(ct_context *cx, const int64_t *units, int layers, int64_t batch, int steps)
{
    ct_module *net = ct_mlp_new(cx, CT_F32, units, layers + 1, CT_RELU, NULL);
    ct_tensor *x = ct_rand(cx, CT_F32, CT_SHAPE(batch, units[0]));
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.01, NULL);
    for (int step = 0; step < steps; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward(ct_mean(ct_square(ct_module_forward(net, x))));
        ct_optimizer_step(sgd);
        ct_scope_end(cx, scope);
    }
}

int main(int argc, char **argv)
{
    ct_context *cx = ct_context_new(NULL);
    const char *what = argc > 1 ? argv[1] : "mlp";
    int steps = argc > 2 ? atoi(argv[2]) : 10;
    if (strcmp(what, "nodes") == 0)
        nodes(cx, steps);
    else if (strcmp(what, "small") == 0)
        train(cx, (const int64_t[]){ 2, 16, 16, 1 }, 3, 100, steps);
    else
        train(cx, (const int64_t[]){ 784, 128, 10 }, 2, 64, steps);
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
