/* Products (m,k) x (k,n) against the best BLAS, shape by shape, as they lie (NN) and with one
 * operand transposed (NT: the layer's weights; TN: their gradient). A BLAS writes into memory it is
 * given; ours is a whole operator. The limit is 2 m n k operations at the rate of multiply-adds. */
#include "bench.h"

static const int rows[] = { 1, 32, 64, 256, 1024 };
static const int inner[][2] = { { 64, 64 }, { 784, 128 }, { 128, 10 }, { 784, 512 }, { 512, 512 },
                                { 1024, 1024 }, { 4096, 4096 } }; /* k, n */
static const char *const forms[] = { "NN", "NT", "TN" };
enum { ROWS = 5, INNER = 7, FORMS = 3, CASES = ROWS * INNER * FORMS * 2 };

typedef struct work {
    ct_tensor *a, *b;
} work;

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    ct_context *cx = ct_context_of(w->a);
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_matmul(w->a, w->b);
        ct_scope_end(cx, scope);
    }
}

/* (rows,columns), perhaps as the transposed of what lies in memory */
static ct_tensor *matrix(ct_context *cx, int64_t rows_, int64_t columns, bool transposed)
{
    return transposed ? ct_transpose(ct_rand(cx, CT_F32, CT_SHAPE(columns, rows_)))
                      : ct_rand(cx, CT_F32, CT_SHAPE(rows_, columns));
}

static bench_case make(work *w, ct_context *cx, int m, const int *kn, const char *form)
{
    int k = kn[0], n = kn[1];
    double operations = 2.0 * m * k * n;
    *w = (work){ matrix(cx, m, k, form[0] == 'T'), matrix(cx, k, n, form[1] == 'T') };
    bench_case c = { .threads = 1, .unit = "us", .run = run, .user = w };
    c.limit.operations = operations;
    snprintf(c.name, sizeof c.name, "m %d, k %d, n %d, %s", m, k, n, form);
    snprintf(c.request, sizeof c.request, "product %d %d %d %s", m, n, k, form);
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "openblas", "blis", "onednn", NULL };
    static work works[CASES];
    static bench_case cases[CASES];
    ct_context *contexts[2];
    int count = 0, failed;
    for (int t = 0; t < 2; t++) {
        contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        for (int i = 0; i < ROWS * INNER * FORMS; i++) {
            int m = rows[i / FORMS / INNER];
            const int *kn = inner[i / FORMS % INNER];
            if (t > 0 && 2.0 * m * kn[0] * kn[1] < 1e6)
                continue;
            cases[count] = make(&works[count], contexts[t], m, kn, forms[i % FORMS]);
            cases[count].threads = t + 1;
            if (t > 0)
                cases[count].request[0] = 0; /* our two threads are compared with our one */
            count++;
        }
    }
    failed = bench_main("products", peers, cases, count, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
