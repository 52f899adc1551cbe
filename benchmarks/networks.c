/* Whole training steps of networks, forward to update. Of those with convolutions the time: the
 * limit is the operations of the products, forward and twice backward, at the rate of multiply-adds;
 * once backward for the first, since x has no gradient. Of all, the most memory of a process that
 * takes 20 steps: the program started anew. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "nets.h"
#include "process.h"

static void run(void *user, int64_t repeats)
{
    for (int64_t r = 0; r < repeats; r++)
        net_step(user);
}

/* of a convolution with y of so many pixels, or of a linear layer, for each image */
static double layer(double pixels, double inputs, double outputs, double kernel, double passes)
{
    return 2 * passes * pixels * inputs * outputs * kernel * kernel;
}

static double operations(net_kind kind)
{
    if (kind == NET_LENET)
        return 64 * (layer(24 * 24, 1, 20, 5, 2) + layer(8 * 8, 20, 50, 5, 3) +
                     layer(1, 800, 500, 1, 3) + layer(1, 500, 10, 1, 3));
    double sum = layer(14 * 14, 1, 16, 5, 2) + 2 * layer(14 * 14, 16, 16, 3, 3);
    sum += layer(7 * 7, 16, 32, 3, 3) + layer(7 * 7, 32, 32, 3, 3) + layer(7 * 7, 16, 32, 1, 3);
    sum += layer(4 * 4, 32, 64, 3, 3) + layer(4 * 4, 64, 64, 3, 3) + layer(4 * 4, 32, 64, 1, 3);
    return 128 * (sum + layer(1, 64, 10, 1, 3));
}

static bench_case time_of(net *a, net_kind kind, int threads)
{
    *a = net_new(ct_context_new(&(ct_context_options){ .seed = 1, .threads = threads }), kind);
    bench_case c = { .threads = threads, .unit = "us", .run = run, .user = a,
                     .limit.operations = operations(kind) };
    snprintf(c.name, sizeof c.name, "%s, step", net_names[kind]);
    snprintf(c.request, sizeof c.request, "network %s", net_names[kind]);
    return c;
}

/* -- Memory */
static char *self;

static double peak_of(void *user)
{
    return process_prints(self, user);
}

static bench_case memory_of(net_kind kind)
{
    bench_case c = { .threads = 1, .unit = "MB", .value = peak_of,
                     .user = (void *)(uintptr_t)net_names[kind] };
    snprintf(c.name, sizeof c.name, "%s, memory of the process", net_names[kind]);
    snprintf(c.request, sizeof c.request, "alone network_memory %s", net_names[kind]);
    return c;
}

/* in the process of its own */
static int print_peak(net_kind kind)
{
    ct_context *cx = ct_context_new(NULL);
    net a = net_new(cx, kind);
    run(&a, 20);
    printf("%.0f\n", process_peak());
    return bench_close(cx);
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned",
                                         "libtorch-installed", "libtorch-tuned", NULL };
    enum { TIMED = 2 };
    net nets[2 * TIMED];
    bench_case cases[2 * TIMED + NETS];
    int n = 0;
    self = argv[0];
    for (int k = 0; k < NETS && argc == 2; k++)
        if (strcmp(argv[1], net_names[k]) == 0)
            return print_peak((net_kind)k);
    for (; n < 2 * TIMED; n++)
        cases[n] = time_of(&nets[n], (net_kind)(n % TIMED), 1 + n / TIMED);
    for (int k = 0; k < NETS; k++)
        cases[n++] = memory_of((net_kind)k);
    int failed = bench_main("networks", peers, cases, n, argc, argv);
    for (int i = 0; i < 2 * TIMED; i++)
        failed |= bench_close(nets[i].cx);
    return failed;
}
