/* train_digits IMAGES LABELS TEST_IMAGES TEST_LABELS >digits_weights.h: trains the network with
 * which the page of digits begins, on MNIST's four files, and writes its weights as bytes. It takes
 * half a minute, and prints to the error output how many test images it gets right. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "digits.h"

enum { EPOCHS = 30, BATCH = 128 };

static ct_tensor *read_images(ct_context *cx, const char *path)
{
    return ct_scale(ct_read_idx(cx, path, CT_F32, NULL), 1.0 / 255);
}

/* (n,28,28) to (n,196): the mean of every two by two pixels */
static ct_tensor *smaller(ct_tensor *x)
{
    ct_tensor *parts = ct_reshape(x, CT_SHAPE(ct_size(x, 0), SMALL, 2, SMALL, 2));
    return ct_reshape(ct_mean_over(parts, CT_AXES(2, 4), 0), CT_SHAPE(-1, PIXELS));
}

static double accuracy(ct_context *cx, ct_module *net, ct_tensor *x, ct_tensor *labels)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    double share = ct_accuracy(ct_module_forward(net, smaller(x)), labels);
    ct_scope_end(cx, scope);
    return 100 * share;
}

static void train(ct_context *cx, ct_module *net, ct_tensor *x, ct_tensor *labels)
{
    static const ct_transform moved[] = { { .kind = CT_RANDOM_SHIFT, .pixels = 2 },
                                          { .kind = CT_RANDOM_ROTATION, .degrees = 12 } };
    int count;
    ct_tensor *const *parameters = ct_module_parameters(net, &count), *images, *targets;
    ct_optimizer *adam = ct_adam_new(parameters, count, 2e-3, NULL);
    ct_batches *batches = ct_batches_new(x, labels, BATCH, &(ct_batches_options){
        .transforms = moved, .count = 2 });
    for (int epoch = 0; epoch < EPOCHS && !ct_error(cx); epoch++) {
        ct_optimizer_set_rate(adam, 1e-3 * (1 + cos(acos(-1) * epoch / EPOCHS)) + 1e-5);
        while (ct_batches_next(batches, &images, &targets)) {
            ct_scope scope = ct_scope_begin(cx);
            ct_backward(ct_cross_entropy(ct_module_forward(net, smaller(images)), targets));
            ct_optimizer_step(adam);
            ct_scope_end(cx, scope);
        }
    }
}

/* w becomes scale times bytes, and is printed as these */
static void print_bytes(ct_tensor *w, int i)
{
    int64_t n = ct_count(w);
    float *value = ct_data_mutable(w), most = 0;
    for (int64_t k = 0; k < n; k++)
        most = fmaxf(most, fabsf(value[k]));
    float scale = most / 127;
    printf("static const float digits_scale_%d = %.9gf;\n", i, (double)scale);
    printf("static const signed char digits_%d[] = {", i);
    for (int64_t k = 0; k < n; k++) {
        long byte = lrintf(value[k] / scale);
        printf("%s%ld,", k % 20 ? "" : "\n", byte);
        value[k] = (float)byte * scale;
    }
    printf("\n};\n");
}

int main(int count, char **path)
{
    if (count != 5) {
        fprintf(stderr, "train_digits IMAGES LABELS TEST_IMAGES TEST_LABELS >digits_weights.h\n");
        return 2;
    }
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    ct_tensor *x = read_images(cx, path[1]), *labels = ct_read_idx(cx, path[2], CT_I64, NULL);
    ct_tensor *tx = read_images(cx, path[3]), *tlabels = ct_read_idx(cx, path[4], CT_I64, NULL);
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(PIXELS, HIDDEN, 10), CT_RELU, NULL);
    train(cx, net, x, labels);
    double before = accuracy(cx, net, tx, tlabels);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    printf("/* Made by train_digits.c of MNIST's training images; see there. */\n");
    ct_no_grad(cx);
    for (int i = 0; i < n && !ct_error(cx); i++)
        print_bytes(parameters[i], i);
    double after = accuracy(cx, net, tx, tlabels);
    fprintf(stderr, "test images right: %.2f %%; %.2f %% by the bytes\n", before, after);
    printf("/* what it gets right of MNIST's test images, in percent */\n"
           "static const double digits_right = %.2f;\n", after);
    bool failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
