/* Reductions of many numbers to few. The limit is a plain loop that reads them. */
#include "bench.h"

typedef struct function {
    const char *name;
    ct_tensor *(*all)(ct_tensor *x);
    ct_tensor *(*over)(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
} function;

static const function functions[] = {
    { "sum", ct_sum, ct_sum_over },
    { "mean", ct_mean, ct_mean_over },
    { "max", ct_max, ct_max_over },
};
static const struct {
    const char *axes, *text;
    int rows, columns;
} shapes[] = {
    { "all", "all", 1, 10000000 },
    { "rows", "rows", 1024, 1000 },
    { "rows", "rows", 1000, 1024 },
    { "columns", "columns", 1024, 1000 },
    { "columns", "columns", 1000, 1024 },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, SHAPES = sizeof shapes / sizeof *shapes };

typedef struct work {
    const function *f;
    ct_tensor *x;
    char axes; /* its first letter */
} work;

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    ct_context *cx = ct_context_of(w->x);
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(cx);
        if (w->axes == 'a')
            w->f->all(w->x);
        else
            w->f->over(w->x, CT_AXES(w->axes == 'r'), 0);
        ct_scope_end(cx, scope);
    }
}

static bench_case make(work *w, int shape, int threads)
{
    int rows = shapes[shape].rows, columns = shapes[shape].columns;
    bench_case c = { .threads = threads, .unit = "us", .run = run, .user = w };
    c.limit.passes[0] = (bench_pass){ (int64_t)rows * columns, 1, 0, false };
    snprintf(c.name, sizeof c.name, "%s over %s, %d x %d", w->f->name, shapes[shape].axes, rows,
             columns);
    snprintf(c.request, sizeof c.request, "reduce %s %s %d %d", w->f->name, shapes[shape].axes,
             rows, columns);
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    static work works[FUNCTIONS * SHAPES * 2];
    static bench_case cases[FUNCTIONS * SHAPES * 2];
    ct_context *contexts[2];
    int count = 0, failed;
    for (int t = 0; t < 2; t++) {
        contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        for (int s = 0; s < SHAPES; s++) {
            ct_tensor *x = ct_rand(contexts[t], CT_F32,
                                   CT_SHAPE(shapes[s].rows, shapes[s].columns));
            for (int f = 0; f < FUNCTIONS; f++, count++) {
                works[count] = (work){ &functions[f], x, shapes[s].axes[0] };
                cases[count] = make(&works[count], s, t + 1);
            }
        }
    }
    failed = bench_main("reductions", peers, cases, count, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
