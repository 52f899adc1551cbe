/* See 03_digits.md. Arguments: MNIST's four files; without them it learns noisy patterns. */
#include <cotangent.h>
#include <stdio.h>
typedef struct set { ct_tensor *x, *labels; } set;

static set read_set(ct_context *cx, char **path)
{
    ct_tensor *x = ct_scale(ct_read_idx(cx, path[0], CT_F32, NULL), 1.0 / 255);
    return (set){ ct_reshape(x, CT_SHAPE(ct_size(x, 0), -1)),
                  ct_read_idx(cx, path[1], CT_I64, NULL) };
}

static set make_set(ct_context *cx, ct_tensor *patterns, int64_t n)
{
    ct_tensor *labels = ct_randint(cx, 0, 10, CT_SHAPE(n));
    ct_tensor *noise = ct_randn(cx, CT_F32, CT_SHAPE(n, 784));
    return (set){ ct_add(ct_index_select(patterns, 0, labels), ct_scale(noise, 0.5)), labels };
}

static double error_rate(ct_context *cx, ct_module *net, set test)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    double accuracy = ct_accuracy(ct_module_forward(net, test.x), test.labels);
    ct_scope_end(cx, scope);
    return 100 * (1 - accuracy);
}

static void train_epoch(ct_context *cx, ct_module *net, ct_optimizer *sgd, ct_batches *batches)
{
    ct_tensor *x, *labels;
    while (ct_batches_next(batches, &x, &labels)) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward(ct_cross_entropy(ct_module_forward(net, x), labels));
        ct_optimizer_step(sgd);
        ct_scope_end(cx, scope);
    }
}

int main(int argc, char **argv)
{
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    ct_tensor *patterns = ct_rand(cx, CT_F32, CT_SHAPE(10, 784));
    set train = argc == 5 ? read_set(cx, argv + 1) : make_set(cx, patterns, 2000);
    set test = argc == 5 ? read_set(cx, argv + 3) : make_set(cx, patterns, 500);
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.1, NULL);
    ct_batches *batches = ct_batches_new(train.x, train.labels, 64, NULL);
    for (int epoch = 1; epoch <= 10 && !ct_error(cx); epoch++) {
        train_epoch(cx, net, sgd, batches);
        printf("epoch %2d: test error %.2f %%\n", epoch, error_rate(cx, net, test));
    }
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
