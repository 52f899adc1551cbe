/* What a program pays for the library: from its start to the end of its first training step; the
 * most memory it takes in training, beyond the data; the size of the shared library, stripped. Each
 * is that of a whole process, this program started anew: with 784-128-10 and batches of 64. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "process.h"

enum { IMAGES = 20000, PIXELS = 784 };

/* -- In the process of its own */
static void train(ct_context *cx, const float *images, int steps)
{
    int n;
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(PIXELS, 128, 10), CT_RELU, NULL);
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ct_optimizer *sgd = ct_sgd_new(parameters, n, 1e-3, NULL);
    ct_tensor *labels = ct_randint(cx, 0, 10, CT_SHAPE(64));
    for (int i = 0; i < steps; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = ct_borrow_const(cx, CT_F32, CT_SHAPE(64, PIXELS), images + i * 64 * PIXELS);
        ct_backward(ct_cross_entropy(ct_module_forward(net, x), labels));
        ct_optimizer_step(sgd);
        ct_scope_end(cx, scope);
    }
}

/* prints when the only step had been taken, or bytes beyond the images where there are all */
static int process(int images)
{
    size_t count = (size_t)images * PIXELS;
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = 1;
    ct_context *cx = ct_context_new(NULL);
    train(cx, x, images == 64 ? 1 : 100);
    printf("%.0f\n", images == 64 ? bench_now() : process_peak() - (double)(count * sizeof *x));
    free(x);
    return bench_close(cx);
}

/* -- What is measured */
static double first_step(void *user)
{
    double start = bench_now();
    return process_prints(user, "--first-step") - start;
}

static double peak_memory(void *user)
{
    return process_prints(user, "--peak-memory");
}

static double library(void *user)
{
    (void)user;
    struct stat file;
    const char *copy = "build/bench/stripped.so";
    if (system("mkdir -p build/bench && strip -o build/bench/stripped.so " BENCH_LIBRARY) != 0 ||
        stat(copy, &file) != 0)
        return 0;
    remove(copy);
    return (double)file.st_size;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    bench_case cases[] = {
        { "process start to end of first step", 1, "ms", .value = first_step, .user = argv[0],
          .limit.budget = 5e6, .request = "alone first_step" },
        { "peak memory of training, beyond data", 1, "MB", .value = peak_memory, .user = argv[0],
          .limit.budget = 6e6, .request = "alone peak_memory" },
        { "shared library, stripped", 1, "MB", .value = library, .limit.budget = 1.5e6 },
    };
    if (argc == 2 && strcmp(argv[1], "--first-step") == 0)
        return process(64);
    if (argc == 2 && strcmp(argv[1], "--peak-memory") == 0)
        return process(IMAGES);
    return bench_main("startup", peers, cases, sizeof cases / sizeof *cases, argc, argv);
}
