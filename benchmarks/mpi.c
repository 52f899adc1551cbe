/* bench-mpi: training steps on several ranks, each with a whole batch of its own (weak scaling), in
 * three networks. Run it by ./run bench mpi, on as many ranks as there are cores.
 *
 *   alone     a step of rank 0, while the others rest: the processor's time
 *   apart     a step of each rank, all at once, without exchange: they share memory and caches
 *   together  ct_mpi_backward and a step; of it `waited` for the exchange, when backward had ended
 *   late      the same, where the exchange begins when backward has ended: what there is to hide
 *
 * The network between the ranks is slowed down by a shim on MPI's profiling interface: a sum of b
 * bytes takes 2 log2 N L + 2 (N - 1) / N b G on a link that takes one at a time (Rabenseifner's
 * algorithm in LogGP, where o is part of L), and is not said to be done before.
 *
 * From the first row of each network follows what N ranks would do: docs/mpi.md. */
#define _POSIX_C_SOURCE 200809L
#include <cotangent/mpi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nets.h"

int MPI_Iallreduce(const void *x, void *y, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c,
                   MPI_Request *r);
int MPI_Testall(int n, MPI_Request *r, int *flag, MPI_Status *s);

/* -- The network */
typedef struct link {
    const char *name;
    double latency, gap;        /* L in seconds; G in seconds for a byte. 0: as it is */
} link;

static const link links[] = {
    { "memory", 0, 0 }, { "10 Gbit/s", 20e-6, 0.8e-9 }, { "1 Gbit/s", 50e-6, 8e-9 }
};
enum { LINKS = sizeof links / sizeof *links };
static const link *now_on = &links[0];
static double busy_until;
static int rank, ranks;

static double sum_time(const link *l, double n, double bytes)
{
    return 2 * ceil(log2(n)) * l->latency + 2 * (n - 1) / n * bytes * l->gap;
}

int MPI_Iallreduce(const void *x, void *y, int n, MPI_Datatype t, MPI_Op op, MPI_Comm c,
                   MPI_Request *r)
{
    int size = 0;
    const double now = MPI_Wtime();
    MPI_Type_size(t, &size);
    busy_until = fmax(busy_until, now) + sum_time(now_on, ranks, (double)size * n);
    return PMPI_Iallreduce(x, y, n, t, op, c, r);
}

/* what waits for all that has begun is told the truth; nobody else looks at the flag */
int MPI_Testall(int n, MPI_Request *r, int *flag, MPI_Status *s)
{
    int code = PMPI_Testall(n, r, flag, s);
    *flag = *flag && MPI_Wtime() >= busy_until;
    return code;
}

/* -- A step */
typedef struct work {
    net a;
    ct_mpi *m;                  /* NULL: alone */
    double backward;            /* seconds in it, summed up */
} work;

static void fail_if(ct_context *cx)
{
    if (ct_error(cx) == CT_OK)
        return;
    fprintf(stderr, "rank %d: %s\n", rank, ct_error_text(cx));
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Alone, the processor's time counts: what else the machine does falls on others. Ranks wait for
   each other, and so the clock counts */
static double now(const work *w)
{
    struct timespec t = { 0, 0 };
    clock_gettime(w->m || ranks > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void step(work *w)
{
    ct_context *cx = w->a.cx;
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_module_forward(w->a.module, w->a.x), *loss;
    loss = ct_dtype_of(w->a.y) == CT_I64 ? ct_cross_entropy(y, w->a.y) : ct_mse(y, w->a.y);
    const double begun = now(w);
    if (w->m)
        ct_mpi_backward(w->m, loss, ct_size(w->a.x, 0));
    else
        ct_backward(loss);
    w->backward += now(w) - begun;
    ct_optimizer_step(w->a.rule);
    ct_scope_end(cx, scope);
    fail_if(cx);
}

enum { ROUNDS = 7 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* the median over rounds of the mean of `steps` steps */
static double measure(work *w, int steps)
{
    double all[ROUNDS];
    step(w);
    w->backward = 0;
    for (int k = 0; k < ROUNDS; k++) {
        if (w->m || ranks > 1)
            step(w); /* the ranks begin together */
        const double begun = now(w);
        for (int i = 0; i < steps; i++)
            step(w);
        all[k] = (now(w) - begun) / steps;
    }
    w->backward /= ROUNDS * (steps + (w->m || ranks > 1));
    qsort(all, ROUNDS, sizeof *all, by_size);
    return all[ROUNDS / 2];
}

static void rest_until_all_are_here(void)
{
    MPI_Request r;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &r);
    while (!done) {
        MPI_Test(&r, &done, MPI_STATUS_IGNORE);
        struct timespec nap = { 0, 100000 };
        nanosleep(&nap, NULL);
    }
}

/* -- What many ranks would do */
typedef struct figures {
    double alone, backward, bytes; /* of a step without exchange, and of its walk */
    double mebi;                /* the size of buckets; or a quarter of all */
} figures;

/* Buckets become ready at even distances in backward, and the link takes one at a time. Last comes
   an agreement of 64 bytes */
static double model(const figures *f, const link *l, double n)
{
    const double buckets = fmax(4, ceil(f->bytes / (f->mebi * 1048576)));
    double end = 0;
    for (double k = 1; k <= buckets; k++) {
        double ready = f->alone - f->backward * (1 - k / buckets);
        end = fmax(end, ready) + sum_time(l, n, f->bytes / buckets);
    }
    return fmax(end, f->alone) + sum_time(l, n, 64);
}

static const link fast[] = { { "1 Gbit/s", 25e-6, 8e-9 }, { "10 Gbit/s", 10e-6, 0.8e-9 },
                             { "100 Gbit/s", 2e-6, 0.08e-9 } };

static void print_model(const char *name, const figures *f)
{
    for (int k = 0; k < 3; k++) {
        printf("| %s | %s |", name, fast[k].name);
        for (int n = 2; n <= 1024; n *= 2)
            printf(" %.0f |", 100 * f->alone / model(f, &fast[k], n));
        printf("\n");
    }
}

/* Seconds of a step as PyTorch publishes them, on 1, 2, 4, 8 and 16 GPUs: `without` DDP, `with` it
   (benchmarks/distributed/ddp/README.md: PyTorch 1.4, NCCL, DGX machines with 8 V100, 32 images
   each). The numbers of parameters are torchvision's; backward is taken to be two thirds */
static void print_published(void)
{
    static const struct { const char *name; double millions, without, with[5]; } nets[] = {
        { "resnet50", 25.56, 0.097, { 0.100, 0.103, 0.103, 0.104, 0.104 } },
        { "resnet101", 44.55, 0.162, { 0.171, 0.176, 0.176, 0.179, 0.179 } },
        { "resnext50_32x4d", 25.03, 0.145, { 0.147, 0.153, 0.153, 0.157, 0.157 } },
        { "resnext101_32x8d", 88.79, 0.415, { 0.425, 0.438, 0.439, 0.447, 0.450 } },
    };
    printf("\n| network | | 1 | 2 | 4 | 8 | 16 |\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < 4; i++) {
        const double t = nets[i].without;
        const figures f = { t, 2 * t / 3, 4e6 * nets[i].millions, 25 };
        printf("| %s | DDP |", nets[i].name);
        for (int k = 0; k < 5; k++)
            printf(" %.0f |", 100 * t / nets[i].with[k]);
        printf("\n| | the model |");
        for (int k = 0; k < 5; k++)
            printf(" %.0f |", k == 0 ? 100 : 100 * t / model(&f, &fast[2], 1 << k));
        printf("\n");
    }
}

/* -- The table */
static work begin(net_kind kind, bool together, bool late)
{
    work w = { .a = net_new(ct_context_new(NULL), kind) };
    fail_if(w.a.cx);
    if (!together)
        return w;
    w.m = ct_mpi_new(w.a.cx, MPI_COMM_WORLD, &(ct_mpi_options){ .late = late });
    ct_mpi_add_module(w.m, w.a.module);
    fail_if(w.a.cx);
    return w;
}

static void end(work *w)
{
    ct_mpi_free(w->m);
    ct_context_free(w->a.cx);
}

/* seconds of waiting in a step */
static double waited(const work *w)
{
    const ct_mpi_report r = ct_mpi_report_of(w->m);
    return r.waited / (double)r.steps;
}

static void measure_net(net_kind kind, int steps, figures *f)
{
    double alone = 0;
    if (rank == 0) {
        const int others = ranks;
        work w = begin(kind, false, false);
        ranks = 1;
        alone = measure(&w, steps);
        ranks = others;
        f->alone = alone;
        f->backward = w.backward;
        f->bytes = (double)ct_module_count(w.a.module) * sizeof(float);
        f->mebi = 4;
        end(&w);
    }
    rest_until_all_are_here();
    work w = begin(kind, false, false);
    const double apart = ranks > 1 ? measure(&w, steps) : alone;
    end(&w);
    for (int k = 0; k < LINKS; k++) {
        double time[2], wait[2], bytes = 0;
        for (int late = 0; late < 2; late++) {
            w = begin(kind, true, late);
            now_on = &links[k];
            time[late] = measure(&w, steps);
            now_on = &links[0];
            wait[late] = waited(&w);
            const ct_mpi_report r = ct_mpi_report_of(w.m);
            bytes = (double)r.bytes / (double)r.steps;
            end(&w);
        }
        if (rank == 0)
            printf("| %s | %s | %.2f | %.2f | %.2f | %.2f | %.1f | %.0f | %.2f |\n",
                   net_names[kind], links[k].name, 1e3 * alone, 1e3 * apart, 1e3 * time[0],
                   1e3 * time[1], 100 * wait[0] / time[0],
                   100 * fmax(0, 1 - wait[0] / wait[1]), bytes / 1e6);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static const net_kind kinds[] = { NET_LENET, NET_MLP, NET_RESIDUAL };
    static const int steps[] = { 12, 20, 3 };
    figures f[3];
    const bool quick = argc > 1; /* to see whether it works */
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (rank == 0)
        printf("%d ranks, times in ms\n\n| network | link | alone | apart | together | late | "
               "waited %% | hidden %% | MB |\n|---|---|---|---|---|---|---|---|---|\n", ranks);
    for (int k = 0; k < 3; k++)
        measure_net(kinds[k], quick ? 1 : steps[k], &f[k]);
    if (rank == 0) {
        printf("\nweak-scaling efficiency, %%, by LogGP\n\n| network | link |");
        for (int n = 2; n <= 1024; n *= 2)
            printf(" %d |", n);
        printf("\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for (int k = 0; k < 3; k++)
            print_model(net_names[kinds[k]], &f[k]);
        printf("\n| network | step, ms | its backward, ms | MB |\n|---|---|---|---|\n");
        for (int k = 0; k < 3; k++)
            printf("| %s | %.1f | %.1f | %.1f |\n", net_names[kinds[k]], 1e3 * f[k].alone,
                   1e3 * f[k].backward, f[k].bytes / 1e6);
        print_published();
    }
    MPI_Finalize();
    return 0;
}
