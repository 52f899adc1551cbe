/* The random stream: the same numbers everywhere, and the right ones. */
#include "support.h"

/* Philox as the paper gives it: high and low halves of a product of the counter's words 0 and 2 */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4], k[2] = { key[0], key[1] };
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t a = 0xD2511F53u * (uint64_t)c[0], b = 0xCD9E8D57u * (uint64_t)c[2];
        uint32_t next[] = { (uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                            (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a };
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

/* the answers for philox4x32-10 that Random123 publishes: counter, key, result */
static const uint32_t answers[][10] = {
    { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
    { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
      0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
    { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
      0x94fdcceb, 0x5001e420, 0x24126ea1 }
};

/* the key is the seed, the counter's low half the number of the block, two draws to a block */
START_TEST(known_answers)
{
    uint32_t out[4];
    for (int k = 0; k < 3; k++) {
        philox(answers[k], answers[k] + 4, out);
        ck_assert_int_eq(memcmp(out, answers[k] + 6, sizeof out), 0);
    }
    const uint64_t seeds[] = { 0, 1, 0x0123456789abcdefu, UINT64_MAX };
    const uint64_t draws[] = { 0, 1, 2, 3, (uint64_t)1 << 33, ((uint64_t)1 << 33) + 1, UINT64_MAX };
    for (int s = 0; s < 4; s++)
        for (int d = 0; d < 7; d++) {
            uint64_t block = draws[d] / 2;
            int odd = (int)(draws[d] % 2);
            philox((uint32_t[]){ (uint32_t)block, (uint32_t)(block >> 32), 0, 0 },
                   (uint32_t[]){ (uint32_t)seeds[s], (uint32_t)(seeds[s] >> 32) }, out);
            ck_assert_uint_eq(ct_random_at(seeds[s], draws[d]),
                              (uint64_t)out[2 * odd + 1] << 32 | out[2 * odd]);
        }
}
END_TEST

/* written down once: another machine, compiler or build must make the same, bit for bit */
START_TEST(the_same_everywhere)
{
    ct_seed(cx, 42);
    expect_values(ct_randn(cx, CT_F64, CT_SHAPE(4)),
                  CT_DOUBLES(-0x1.371e09f80c7dep-1, 0x1.e46d16bfae948p-1, -0x1.b510d5acb221cp-1,
                             0x1.020a3f1760d4bp-2), 0);
    expect_values(ct_rand(cx, CT_F64, CT_SHAPE(2)),
                  CT_DOUBLES(0x1.510ebb97a6d8p-1, 0x1.8c134ab3349adp-1), 0);
    expect_values(ct_rand(cx, CT_F32, CT_SHAPE(2)), CT_DOUBLES(0x1.575e1ap-1, 0x1.84399cp-2), 0);
    expect_values(ct_randint(cx, -5, 5, CT_SHAPE(8)), CT_DOUBLES(-3, 2, -4, -5, -3, 2, -4, 1), 0);
    expect_values(ct_randperm(cx, 8), CT_DOUBLES(3, 2, 5, 0, 1, 7, 6, 4), 0);
    ck_assert_uint_eq(ct_random_u64(cx), 0x2c42e4d261722e9du);
}
END_TEST

/* however many at once, from an odd draw or an even one */
START_TEST(many_are_as_one_by_one)
{
    for (int64_t n = 1, start = 0; n < 1000; start += n, n = n * 3 / 2 + 1) {
        ct_seed(cx, 9);
        for (int64_t i = 0; i < start; i++)
            ct_random_u64(cx);
        const double *many = ct_data_f64(ct_rand(cx, CT_F64, CT_SHAPE(n)));
        for (int64_t i = 0; i < n; i++) {
            uint64_t bits = ct_random_at(9, (uint64_t)(start + i));
            ck_assert_double_eq(many[i], (double)(bits >> 11) * 0x1p-53);
        }
    }
}
END_TEST

/* the same numbers from any kernel and any number of threads: rand, randn, a dropout's mask */
static void make_all(ct_simd simd, int threads, int64_t n, ct_dtype dtype, double *out)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .simd = simd, .threads = threads,
                                                          .seed = 3 });
    for (int64_t i = 0; i < n % 3; i++)
        ct_random_u64(c);
    ct_tensor *made[] = { ct_rand(c, dtype, CT_SHAPE(n)), ct_randn(c, dtype, CT_SHAPE(n)),
                          ct_dropout(ct_ones(c, dtype, CT_SHAPE(n)), 0.3) };
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(ct_to_doubles(made[k], out + k * n, n), CT_OK);
    ct_context_free(c);
}

START_TEST(the_same_from_any_kernel)
{
    enum { MOST = 40000 };
    static double want[3 * MOST], got[3 * MOST];
    const int64_t sizes[] = { 1, 2, 63, 64, 65, 129, 4095, 8193, MOST };
    for (int k = 0; k < 9; k++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            make_all(CT_SIMD_PLAIN, 1, sizes[k], dtype, want);
            for (int threads = 1; threads < 4; threads++) {
                make_all(0, threads, sizes[k], dtype, got);
                ck_assert_int_eq(memcmp(got, want, (size_t)sizes[k] * 3 * sizeof *got), 0);
            }
        }
}
END_TEST

/* Box and Muller by libm */
START_TEST(normals_are_by_the_formula)
{
    enum { N = 1001 };
    ct_seed(cx, 11);
    const double *normals = ct_data_f64(ct_randn(cx, CT_F64, CT_SHAPE(N)));
    for (int i = 0; i < N; i++) {
        double u = (double)(ct_random_at(11, (uint64_t)(i / 2 * 2)) >> 11) * 0x1p-53;
        double v = (double)(ct_random_at(11, (uint64_t)(i / 2 * 2 + 1)) >> 11) * 0x1p-53;
        double angle = 2 * acos(-1) * v, radius = sqrt(-2 * log(1 - u));
        double want = radius * (i % 2 ? sin(angle) : cos(angle));
        ck_assert_double_le(fabs(normals[i] - want), 1e-14 * (1 + radius));
    }
}
END_TEST

START_TEST(a_seed_restarts)
{
    ct_seed(cx, 7);
    ct_tensor *a = ct_randn(cx, CT_F32, CT_SHAPE(5)), *b = ct_randn(cx, CT_F32, CT_SHAPE(5));
    ct_seed(cx, 7);
    ck_assert_double_eq(ct_max_difference(a, ct_randn(cx, CT_F32, CT_SHAPE(5))), 0);
    ck_assert_double_gt(ct_max_difference(a, b), 0);
    ct_seed(cx, 8);
    ck_assert_double_gt(ct_max_difference(a, ct_randn(cx, CT_F32, CT_SHAPE(5))), 0);
}
END_TEST

/* the largest distance of n sorted values to a distribution function, times sqrt n: above 1.95 with
 * a probability of 1e-3 (Kolmogorov, Smirnov); seeds are fixed, so it is below or not for ever */
static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double distance(ct_tensor *t, double (*cdf)(double))
{
    enum { N = 100000 };
    static double x[N];
    double worst = 0;
    ck_assert_int_eq(ct_to_doubles(t, x, N), CT_OK);
    qsort(x, N, sizeof *x, ascending);
    for (int i = 0; i < N; i++) {
        double p = cdf(x[i]);
        double gap = fmax(fabs(p - (double)i / N), fabs(p - (double)(i + 1) / N));
        worst = gap > worst ? gap : worst;
    }
    return worst * sqrt(N);
}

static double uniform_cdf(double x)
{
    return x;
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

START_TEST(distributions)
{
    ck_assert_double_lt(distance(ct_rand(cx, CT_F64, CT_SHAPE(100000)), uniform_cdf), 1.95);
    ck_assert_double_lt(distance(ct_rand(cx, CT_F32, CT_SHAPE(100000)), uniform_cdf), 1.95);
    ck_assert_double_lt(distance(ct_randn(cx, CT_F64, CT_SHAPE(100000)), normal_cdf), 1.95);
    ck_assert_double_lt(distance(ct_randn(cx, CT_F32, CT_SHAPE(100000)), normal_cdf), 1.95);
    ct_tensor *x = ct_rand(cx, CT_F32, CT_SHAPE(100000));
    ck_assert(ct_item(ct_min(x)) >= 0 && ct_item(ct_max(x)) < 1);
}
END_TEST

START_TEST(integers_are_uniform)
{
    enum { N = 60000, FACES = 6 };
    const int64_t *dice = ct_data_i64(ct_randint(cx, 0, FACES, CT_SHAPE(N)));
    double count[FACES] = { 0 }, chi2 = 0;
    for (int i = 0; i < N; i++)
        count[dice[i]]++;
    for (int k = 0; k < FACES; k++)
        chi2 += (count[k] - N / FACES) * (count[k] - N / FACES) / (N / FACES);
    ck_assert_double_lt(chi2, 20.5); /* 5 degrees of freedom: a probability of 1e-3 */
    /* 3 2^62 does not divide 2^64: without rejection the first third had half of all */
    int64_t third = (int64_t)1 << 62, first = 0;
    const int64_t *far = ct_data_i64(ct_randint(cx, INT64_MIN, third, CT_SHAPE(3000)));
    for (int i = 0; i < 3000; i++)
        first += far[i] < INT64_MIN + third;
    ck_assert(first > 900 && first < 1100);
    ct_tensor *wide = ct_randint(cx, INT64_MIN, INT64_MAX, CT_SHAPE(100));
    ck_assert(ct_item(ct_min(wide)) < 0 && ct_item(ct_max(wide)) > 0);
}
END_TEST

START_TEST(a_permutation_has_each_once)
{
    bool seen[1000] = { false };
    const int64_t *p = ct_data_i64(ct_randperm(cx, 1000));
    for (int i = 0; i < 1000; i++) {
        ck_assert(p[i] >= 0 && p[i] < 1000 && !seen[p[i]]);
        seen[p[i]] = true;
    }
    ck_assert_int_eq(ct_count(ct_randperm(cx, 0)), 0);
}
END_TEST

START_TEST(bad_arguments)
{
    ck_assert_ptr_null(ct_randint(cx, 5, 5, CT_SHAPE(2)));
    expect_error(CT_ERROR_RANGE, "randint", "[5, 5)", NULL);
    ck_assert_ptr_null(ct_randn(cx, CT_I64, CT_SHAPE(2)));
    expect_error(CT_ERROR_DTYPE, "randn", "i64", NULL);
    ck_assert_ptr_null(ct_rand(cx, CT_F32, CT_SHAPE(-1)));
    expect_error(CT_ERROR_SHAPE, "rand", NULL);
    ck_assert_ptr_null(ct_randperm(cx, -1));
    expect_error(CT_ERROR_SHAPE, "randperm", NULL);
}
END_TEST

Suite *random_suite(void);
Suite *random_suite(void)
{
    return make_suite("autograd/random", (const TTest *[]){
        known_answers, the_same_everywhere, many_are_as_one_by_one,
        the_same_from_any_kernel, normals_are_by_the_formula, a_seed_restarts, distributions,
        integers_are_uniform, a_permutation_has_each_once, bad_arguments, NULL });
}
