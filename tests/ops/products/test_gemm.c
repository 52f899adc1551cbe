/* ops/products/gemm.c against plain loops in long double: every kernel, odd sizes, strides,
 * offsets, epilogues. An element may be off by k + 4 roundings of its sum of magnitudes, and never
 * by more than 520. */
#include "support.h"

#include "copy.h"
#include "gemm.h"

typedef struct layout {
    int row, col; /* strides, in elements */
} layout;

enum { ROOM = 400000 };
static double a64[ROOM], b64[ROOM], c64[ROOM], before[ROOM], bias64[5000];
static float a32[ROOM], b32[ROOM], c32[ROOM], bias32[5000];

static void fill(double *x, float *y, int n)
{
    for (int i = 0; i < n; i++) {
        y[i] = (float)((double)(ct_random_u64(cx) >> 11) * 0x1p-52 - 1);
        x[i] = (double)y[i];
    }
}

static double after(ct_activation f, double x)
{
    return f == CT_RELU ? fmax(x, 0) : f == CT_TANH ? tanh(x)
           : f == CT_SIGMOID ? 1 / (1 + exp(-x)) : x;
}

/* where a rows x columns matrix begins so that it ends with the array: what reads beyond it, reads
 * beyond that */
static int64_t first_of(ct__matrix x, int64_t rows, int64_t columns)
{
    return ROOM - (rows && columns ? (rows - 1) * x.row + (columns - 1) * x.col + 1 : 0);
}

/* C in long double, and the sum of magnitudes of each of its elements. a64 and a32 hold the same
 * numbers, so one serves both dtypes and every kind of processor */
static double exact[ROOM], sizes_of[ROOM];

static void add_exactly(const ct__gemm *g)
{
    const double *a = a64 + first_of(g->a, g->m, g->k), *b = b64 + first_of(g->b, g->k, g->n);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            double start = g->adds ? before[i * g->c_row + j] : g->bias ? bias64[j] : 0;
            double size = fabs(start) + 1e-30;
            long double sum = (long double)start;
            for (int64_t p = 0; p < g->k; p++) {
                double term = a[i * g->a.row + p * g->a.col] * b[p * g->b.row + j * g->b.col];
                sum += (long double)term;
                size += fabs(term);
            }
            exact[i * g->c_row + j] = after(g->activation, (double)sum);
            sizes_of[i * g->c_row + j] = size;
        }
}

/* how far C is from what it should be, in units of its tolerance */
static double worst_of(const ct__gemm *g, bool f32)
{
    double worst = 0, unit = f32 ? 0x1p-24 : 0x1p-53;
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            int64_t at = i * g->c_row + j;
            double is = f32 ? (double)c32[at] : c64[at];
            double allowed = unit * fmin((double)g->k + 4, 520) * sizes_of[at];
            allowed += g->activation ? 4 * unit : 0;
            double off = fabs(is - exact[at]) / allowed;
            worst = off <= worst ? worst : off; /* a NaN is the worst */
        }
    return worst;
}

static bool packs;
static void *packed;

static void check(ct__gemm g, int c_end)
{
    static _Alignas(64) char scratch[4 << 20], guard[256];
    memset(guard, 0xff, sizeof guard);
    add_exactly(&g);
    for (int f32 = 0; f32 < 2; f32++)
        for (int simd = CT_SIMD_PLAIN; simd <= (int)ct_simd_of(cx); simd++) {
            g.dtype = f32 ? CT_F32 : CT_F64;
            g.simd = (ct_simd)simd;
            int64_t a = first_of(g.a, g.m, g.k), b = first_of(g.b, g.k, g.n);
            g.a.data = f32 ? (void *)(a32 + a) : a64 + a;
            g.b.data = f32 ? (void *)(b32 + b) : b64 + b;
            g.c = f32 ? (void *)c32 : c64;
            g.bias = g.bias ? f32 ? (void *)bias32 : bias64 : NULL;
            for (int i = 0; i < c_end; i++)
                c64[i] = c32[i] = (float)before[i];
            if (packs) { /* B is only in `packed` then, of exactly that size */
                size_t all = ct__gemm_pack_bytes(&g);
                packed = realloc(packed, all + 1);
                g.packed = false;
                ck_assert(ct__gemm_packs(&g));
                ct__gemm_pack(&g, packed);
            }
            size_t bytes = ct__gemm_plan_for(&g);
            ck_assert_uint_le(bytes + sizeof guard, sizeof scratch);
            memset(scratch, 0xff, bytes + sizeof guard); /* NaN */
            ct__gemm_run(&g, scratch);
            ck_assert_mem_eq(scratch + bytes, guard, sizeof guard);
            double worst = worst_of(&g, f32);
            ck_assert_msg(worst <= 1, "%d x %d over %d, strides %d %d %d %d, adds %d: %g", (int)g.m,
                          (int)g.n, (int)g.k, (int)g.a.row, (int)g.a.col, (int)g.b.row,
                          (int)g.b.col, g.adds, worst);
            for (int64_t i = 0; i < c_end; i++)
                if (i % g.c_row >= g.n || i / g.c_row >= g.m)
                    ck_assert((f32 ? (double)c32[i] : c64[i]) == before[i]);
        }
}

/* a matrix of `rows` x `columns`, by rows or by columns, `step` apart, with a gap */
static layout stored(int rows, int columns, bool by_columns, int step)
{
    return by_columns ? (layout){ step, rows * step + 3 } : (layout){ columns * step + 1, step };
}

static void check_forms(int m, int n, int k, ct__gemm g, int step)
{
    g.m = m, g.n = n, g.k = k, g.c_row = n == 1 && step == 1 ? 1 : n + 2;
    for (int form = 0; form < 4; form++) {
        layout a = stored(m, k, form & 1, step), b = stored(k, n, form & 2, step);
        g.a.row = a.row, g.a.col = a.col;
        g.b.row = b.row, g.b.col = b.col;
        check(g, (m + 1) * (int)g.c_row);
    }
}

static void fill_all(void)
{
    fill(a64, a32, ROOM);
    fill(b64, b32, ROOM);
    fill(before, c32, ROOM);
    fill(bias64, bias32, 5000);
}

START_TEST(small_sizes)
{
    static const int sizes[] = { 0, 1, 2, 5, 6, 7, 8, 13, 16, 17, 33 };
    enum { N = sizeof sizes / sizeof *sizes };
    fill_all();
    for (int i = 0; i < N * N * N; i++) {
        int m = sizes[i % N], n = sizes[i / N % N], k = sizes[i / N / N];
        check_forms(m, n, k, (ct__gemm){ .adds = i % 3 == 1 }, 1 + i % 2);
    }
}
END_TEST

START_TEST(more_than_one_block)
{
    fill_all();
    check_forms(150, 70, 300, (ct__gemm){ 0 }, 1);
    check_forms(150, 70, 300, (ct__gemm){ .adds = true }, 1);
    check_forms(2, 1100, 130, (ct__gemm){ .adds = true }, 1);
    check_forms(1, 1030, 270, (ct__gemm){ 0 }, 1);
    check_forms(9, 1030, 270, (ct__gemm){ .bias = bias64, .activation = CT_RELU }, 1);
    check_forms(310, 1, 520, (ct__gemm){ .bias = bias64 }, 2);
}
END_TEST

/* on both sides of each depth at which a sum is cut, and more than two of its pieces. With positive
 * operands a plain sum of 22,000 terms would be off by thousands of roundings */
START_TEST(deep_sums)
{
    if (!has_long_double())
        return;
    static const int sizes[][2] = { { 1, 3 }, { 1, 17 }, { 5, 7 }, { 2, 8 }, { 13, 1 }, { 9, 16 } };
    static const int depths[] = { 319, 321, 640, 10240, 10241, 22000 };
    fill_all();
    for (int i = 0; i < ROOM; i++) {
        a64[i] = a32[i] = 0.1f;
        b64[i] = b32[i] = (float)(1.25 + 0.001 * (i % 7));
    }
    for (int i = 0; i < 36; i++) {
        const int *size = sizes[i % 6];
        if (size[1] * depths[i / 6] < ROOM - 100 && size[0] * depths[i / 6] < ROOM - 100)
            check_forms(size[0], size[1], depths[i / 6], (ct__gemm){ .adds = i % 4 == 1,
                        .bias = i % 4 == 2 ? bias64 : NULL }, 1);
    }
    for (int k = 511; k < 1300; k += k < 513 ? 1 : 512) {
        check_forms(1, 300, k, (ct__gemm){ .bias = bias64, .activation = CT_TANH }, 1);
        check_forms(1, 300, k, (ct__gemm){ .adds = true }, 1);
    }
    ct__gemm wide = { .m = 2, .n = 1100, .k = 10300, .a = { NULL, 7, 1 }, .b = { NULL, 30, 1 },
                      .c_row = 1100, .bias = bias64, .activation = CT_RELU };
    check(wide, 2 * 1100);
}
END_TEST

/* rows and columns on both sides of tiles, blocks of A and of k, and the panels kept at once */
START_TEST(packed_once)
{
    static const int sizes[][3] = { { 4, 1, 9 }, { 5, 17, 33 }, { 16, 80, 20 }, { 13, 33, 321 },
                                    { 16, 1040, 40 }, { 230, 40, 330 }, { 6, 16, 0 } };
    fill_all();
    packs = true;
    for (int i = 0; i < 7; i++) {
        const int *size = sizes[i];
        check_forms(size[0], size[1], size[2], (ct__gemm){ .adds = i % 2 == 1 }, 1 + i % 2);
        check_forms(size[0], size[1], size[2], (ct__gemm){ .bias = bias64 }, 1);
    }
    packs = false;
    free(packed);
    packed = NULL;
    ck_assert(!ct__gemm_packs(&(ct__gemm){ .m = 3, .k = 5 }));
    ck_assert(!ct__gemm_packs(&(ct__gemm){ .m = 9, .k = 10241 }));
}
END_TEST

/* B is a panel as it lies, or a vector's part of one, for one kind of processor or another, in one
 * block and in several, and sometimes packed before */
START_TEST(as_wide_as_a_panel)
{
    fill_all();
    for (int n = 2; n <= 32; n *= 2)
        for (int m = 5; m < 400; m *= 6)
            for (int k = 7; k < 800; k *= 100) {
                ct__gemm g = { .m = m, .n = n, .k = k, .a = { NULL, k, 1 }, .b = { NULL, n, 1 },
                               .c_row = n + 1, .adds = k > 7 };
                check(g, m * (n + 1));
                g.a = (ct__matrix){ NULL, 1, m };
                packs = k == 107;
                check(g, m * (n + 1));
                packs = false;
            }
    free(packed);
    packed = NULL;
}
END_TEST

START_TEST(epilogue)
{
    static const ct_activation all[] = { CT_IDENTITY, CT_RELU, CT_TANH, CT_SIGMOID };
    fill_all();
    for (int i = 0; i < 8; i++) {
        ct__gemm g = { .bias = i < 4 ? bias64 : NULL, .activation = all[i % 4] };
        check_forms(7, 19, 5, g, 1);
        check_forms(13, 16, 0, g, 1);
        check_forms(1, 9, 4, g, 1);
        check_forms(9, 1, 4, g, 1);
        check_forms(20, 35, 260, g, 1);
    }
}
END_TEST

/* one row for all rows, as a broadcast operand has it, and rows from the last to the first */
START_TEST(strides_of_zero_and_below)
{
    fill_all();
    for (int m = 1; m < 20; m += 6)
        for (int n = 1; n < 40; n += 19) {
            ct__gemm g = { .m = m, .n = n, .k = 9, .a.col = 1, .b = { NULL, n, 1 }, .c_row = n };
            check(g, m * n);
            g.a.row = 9, g.b.row = g.b.col = 0;
            check(g, m * n);
        }
    double x[] = { 1, 2, 3, 4 }, y[] = { 1, 10 }, z[2];
    ct__gemm g = { .dtype = CT_F64, .m = 2, .n = 1, .k = 2, .a = { x + 3, -2, -1 },
                   .b = { y, 1, 1 }, .c = z, .c_row = 1, .simd = CT_SIMD_PLAIN };
    _Alignas(64) char scratch[256];
    ck_assert_uint_le(ct__gemm_plan_for(&g), sizeof scratch);
    ct__gemm_run(&g, scratch);
    ck_assert(z[0] == 34 && z[1] == 12);
}
END_TEST

#if defined(CT_BLAS_FROM) /* a BLAS may add up fewer rows in another order */
static const ct_simd own_kernels = CT_SIMD_PLAIN;
#else
static const ct_simd own_kernels = CT_SIMD_AVX512;
#endif

/* where a sum begins and in which order it runs does not depend on what is packed */
START_TEST(same_bits_for_a_row_alone)
{
    static _Alignas(64) char scratch[4 << 20];
    float whole[40 * 100], part[40 * 100];
    fill_all();
    int most = (int)(ct_simd_of(cx) < own_kernels ? ct_simd_of(cx) : own_kernels);
    for (int simd = CT_SIMD_PLAIN; simd <= most; simd++) {
        ct__gemm g = { .dtype = CT_F32, .m = 40, .n = 100, .k = 700, .a = { a32, 700, 1 },
                       .b = { b32, 100, 1 }, .c = whole, .c_row = 100, .simd = (ct_simd)simd };
        ck_assert_uint_le(ct__gemm_plan_for(&g), sizeof scratch);
        ct__gemm_run(&g, scratch);
        g.c = part;
        for (g.m = 4; g.m <= 8; g.m++) {
            ck_assert_uint_le(ct__gemm_plan_for(&g), sizeof scratch);
            ct__gemm_run(&g, scratch);
            ck_assert_mem_eq(whole, part, (size_t)g.m * 100 * sizeof *whole);
        }
    }
}
END_TEST

/* a few rows or columns, more columns than rows, more than one block of these */
START_TEST(thin_and_turned)
{
    static const int sizes[][3] = { { 1, 10, 128 }, { 2, 40, 64 }, { 3, 33, 70 }, { 1, 70, 9 },
                                    { 40, 9, 100 }, { 25, 1, 77 }, { 20, 300, 90 },
                                    { 37, 530, 150 }, { 1, 300, 67 }, { 20, 300, 50 } };
    static const ct_activation all[] = { CT_IDENTITY, CT_RELU, CT_TANH };
    fill_all();
    for (int i = 0; i < 10; i++) {
        const int *size = sizes[i];
        check_forms(size[0], size[1], size[2], (ct__gemm){ .adds = true }, 1);
        for (int f = 0; f < 3; f++)
            check_forms(size[0], size[1], size[2],
                        (ct__gemm){ .bias = bias64, .activation = all[f] }, 1 + (i + f) % 2);
    }
}
END_TEST

/* rows that would meet in one set of the cache are moved */
START_TEST(rows_a_power_of_two_apart)
{
    fill_all();
    for (int m = 5; m < 20; m += 7) {
        ct__gemm g = { .m = m, .n = 300, .k = 130, .a = { NULL, 512, 1 }, .b = { NULL, 301, 1 },
                       .c_row = 300, .bias = bias64 };
        check(g, m * 300);
        g.a = (ct__matrix){ NULL, 1, 512 };
        check(g, m * 300);
    }
}
END_TEST

/* 0 times what is not there would show */
START_TEST(infinity_stays)
{
    fill_all();
    for (int n = 1; n < 300; n += 13)
        for (int k = 1; k < 40; k += 3)
            for (int simd = CT_SIMD_PLAIN; simd <= (int)ct_simd_of(cx); simd++) {
                static _Alignas(64) char scratch[1 << 17];
                float last = b32[(k - 1) * n + n - 1], y[300];
                b32[(k - 1) * n + n - 1] = INFINITY;
                ct__gemm g = { .dtype = CT_F32, .m = 1, .n = n, .k = k, .a = { bias32, 1, 1 },
                               .b = { b32, n, 1 }, .c = y, .c_row = n, .simd = (ct_simd)simd };
                ck_assert_uint_le(ct__gemm_plan_for(&g), sizeof scratch);
                ct__gemm_run(&g, scratch);
                b32[(k - 1) * n + n - 1] = last;
                ck_assert(isinf(y[n - 1]));
                for (int j = 0; j < n - 1; j++)
                    ck_assert(isfinite(y[j]));
            }
}
END_TEST

static void run_in(ct__gemm g, ct_context *threads, void *c)
{
    g.cx = threads;
    void *scratch = aligned_alloc(64, (ct__gemm_plan_for(&g) + 127) / 64 * 64);
    g.c = c;
    memset(c, 0xff, (size_t)(g.m * g.c_row) * ct_dtype_size(g.dtype));
    ct__gemm_run(&g, scratch);
    free(scratch);
}

static void check_threads(ct__gemm g)
{
    double *alone = c64, *together = before;
    for (int f64 = 0; f64 < 2; f64++)
        for (int simd = CT_SIMD_PLAIN; simd <= (int)ct_simd_of(cx); simd++) {
            g.dtype = f64 ? CT_F64 : CT_F32;
            g.a.data = f64 ? (void *)a64 : a32;
            g.b.data = f64 ? (void *)b64 : b32;
            g.bias = f64 ? (void *)bias64 : bias32;
            g.simd = (ct_simd)simd;
            run_in(g, NULL, alone);
            for (int threads = 2; threads <= 8; threads *= 2) {
                ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads });
                run_in(g, c, together);
                ct_context_free(c);
                ck_assert_mem_eq(alone, together,
                                 (size_t)(g.m * g.c_row) * ct_dtype_size(g.dtype));
            }
        }
}

START_TEST(same_bits_for_any_number_of_threads)
{
    fill_all();
    for (int form = 0; form < 4; form++) {
        ct__gemm g = { .m = 300, .n = 290, .k = 70, .c_row = 290 };
        g.a = form & 1 ? (ct__matrix){ NULL, 1, 300 } : (ct__matrix){ NULL, 70, 1 };
        g.b = form & 2 ? (ct__matrix){ NULL, 1, 70 } : (ct__matrix){ NULL, 290, 1 };
        check_threads(g);
        g.m = 60, g.n = 1100, g.k = 250, g.c_row = 1100; /* turned, where form is 2 */
        g.a.row = form & 1 ? 1 : 250, g.a.col = form & 1 ? 60 : 1;
        g.b.row = form & 2 ? 1 : 1100, g.b.col = form & 2 ? 250 : 1;
        g.activation = CT_SIGMOID;
        check_threads(g);
    }
    ct__gemm row = { .m = 1, .n = 5000, .k = 1000, .a = { NULL, 1, 1 }, .b = { NULL, 64, 1 },
                     .c_row = 5000 };
    check_threads(row);
    row.n = row.c_row = 2100; /* a large part and a narrow one */
    check_threads(row);
    row.b = (ct__matrix){ NULL, 1, 64 };
    check_threads(row);
    check_threads((ct__gemm){ .m = 1100, .n = 7, .k = 300, .a = { NULL, 64, 1 },
                              .b = { NULL, 1, 64 }, .c_row = 7 });
    check_threads((ct__gemm){ .m = 1100, .n = 7, .k = 6000, .a = { NULL, 64, 1 },
                              .b = { NULL, 1, 64 }, .c_row = 7 });
    check_threads((ct__gemm){ .m = 20, .n = 130, .k = 10300, .a = { NULL, 7, 1 },
                              .b = { NULL, 5, 1 }, .c_row = 130 });
    check_threads((ct__gemm){ .m = 20, .n = 130, .k = 10300, .a = { NULL, 7, 1 },
                              .b = { NULL, 1, 5 }, .c_row = 130, .activation = CT_TANH });
}
END_TEST

Suite *gemm_suite(void)
{
    const TTest *const tests[] = { small_sizes, more_than_one_block, packed_once,
                                   as_wide_as_a_panel, deep_sums, epilogue,
                                   strides_of_zero_and_below, same_bits_for_a_row_alone,
                                   thin_and_turned, rows_a_power_of_two_apart, infinity_stays,
                                   same_bits_for_any_number_of_threads, NULL };
    return make_suite("gemm", tests);
}
