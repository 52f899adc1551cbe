#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "system.h"

ct_context *cx;
static long long live_blocks;

/* -- Allocators */
static void *count_allocate(size_t bytes, size_t alignment, void *user)
{
    void *p = NULL;
    bool absurd = (uint64_t)bytes >> 40 > 0; /* a sanitizer's allocator would end the process */
    if (absurd || posix_memalign(&p, alignment, bytes) != 0)
        return NULL;
    __atomic_add_fetch((long long *)user, 1, __ATOMIC_RELAXED);
    return p;
}

static void count_deallocate(void *p, size_t bytes, void *user)
{
    memset(p, 0xdd, bytes < 4096 ? bytes : 4096); /* who still looks there sees nonsense */
    free(p);
    __atomic_sub_fetch((long long *)user, 1, __ATOMIC_RELAXED);
}

ct_allocator counting_allocator(long long *blocks)
{
    return (ct_allocator){ count_allocate, count_deallocate, blocks };
}

ct_context_options pooled_options(void)
{
    return (ct_context_options){ .pool_bytes = (int64_t)1 << 30 };
}

void with_pool(void (*body)(void))
{
    ct_context *other = cx;
    ct_context_options options = pooled_options();
    cx = ct_context_new(&options);
    body();
    ct_context_free(cx);
    cx = other;
}

/* -- A fresh context per test */
static void setup(void)
{
    live_blocks = 0;
    cx = ct_context_new(&(ct_context_options){ .allocator = counting_allocator(&live_blocks) });
    ck_assert_ptr_nonnull(cx);
}

static void teardown(void)
{
    ct_context_free(cx);
    cx = NULL;
    ck_assert_msg(live_blocks == 0, "%lld blocks were not given back", live_blocks);
}

Suite *make_suite(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    for (; *tests; tests++) {
        TCase *one = tcase_create((*tests)->name);
        tcase_add_checked_fixture(one, setup, teardown);
        tcase_set_timeout(one, 300);
        tcase_add_test(one, *tests);
        suite_add_tcase(suite, one);
    }
    return suite;
}

/* -- Expectations */
void expect_error(ct_status code, const char *fragment, ...)
{
    const char *text = ct_error_text(cx);
    ck_assert_msg(ct_error(cx) == code, "expected a %s error, got %s: %s", ct_status_text(code),
                  ct_status_text(ct_error(cx)), text);
    va_list fragments;
    va_start(fragments, fragment);
    for (; fragment; fragment = va_arg(fragments, const char *))
        ck_assert_msg(strstr(text, fragment) != NULL, "no \"%s\" in \"%s\"", fragment, text);
    va_end(fragments);
    ct_error_clear(cx);
}

void expect_ok(void)
{
    ck_assert_msg(ct_error(cx) == CT_OK, "unexpected error: %s", ct_error_text(cx));
}

void expect_values(const ct_tensor *t, const double *want, int n, double tolerance)
{
    ck_assert_msg(t != NULL, "no tensor: %s", ct_error_text(cx));
    ck_assert_int_eq(ct_count(t), n);
    double *have = calloc((size_t)n + 1, sizeof *have);
    ck_assert_int_eq(ct_to_doubles(t, have, n), CT_OK);
    for (int i = 0; i < n; i++) {
        bool same = have[i] == want[i] || (isnan(have[i]) && isnan(want[i]));
        ck_assert_msg(same || fabs(have[i] - want[i]) <= tolerance,
                      "element %d is %.17g, not %.17g (tolerance %g)", i, have[i], want[i],
                      tolerance);
    }
    free(have);
}

void expect_close(const ct_tensor *a, const ct_tensor *b, double units)
{
    ck_assert_msg(a && b, "no tensor: %s", ct_error_text(cx));
    int64_t n = ct_count(a);
    double largest = 0, difference = ct_max_difference(a, b);
    double *values = calloc((size_t)n + 1, sizeof *values);
    ck_assert_int_eq(ct_to_doubles(a, values, n), CT_OK);
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(values[i]));
    free(values);
    double unit = ct_dtype_of(a) == CT_F32 ? FLT_EPSILON : DBL_EPSILON;
    ck_assert_msg(difference <= units * unit * largest, "%g apart, %g units in the last place",
                  difference, difference / (unit * largest));
}

void expect_shape(const ct_tensor *t, const int64_t *shape, int ndim)
{
    ck_assert_msg(t != NULL, "no tensor: %s", ct_error_text(cx));
    ck_assert_int_eq(ct_ndim(t), ndim);
    for (int d = 0; d < ndim; d++)
        ck_assert_int_eq(ct_size(t, d), shape[d]);
}

/* -- Headers as text */
const char *const operator_headers[] = {
    "ops/elementwise.h",
    "ops/reductions.h",
    "ops/normalization.h",
    "ops/scans.h",
    "ops/sorting.h",
    "ops/products.h",
    "ops/convolution.h",
    "ops/recurrent.h",
    "ops/attention.h",
    "ops/linear_algebra.h",
    "ops/shapes.h",
    "ops/indexing.h",
    "ops/random.h",
    "ops/updates.h",
    NULL
};

FILE *open_header(const char *name)
{
    char path[500];
    snprintf(path, sizeof path, "%s/include/cotangent/%s", CT_SOURCE_ROOT, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    return file;
}

/* -- Steps that are replayed */
ct_status fit_as_asked(ct_training *t, const ct_fit_options *options)
{
    ct_fit_options all = options ? *options : (ct_fit_options){ 0 };
    if (!all.replay)
        all.replay = step_options();
    return (ct_fit)(t, &all);
}

/* -- Skips are counted in a file, since each test runs in a process of its own */
void skip(const char *why)
{
    const char *path = getenv("TEST_SKIPS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%s\n", why);
    fclose(file);
}

bool has_long_double(void)
{
    volatile long double one = 1, more = one + LDBL_EPSILON;
    if (LDBL_MANT_DIG > DBL_MANT_DIG && more > one)
        return true;
    skip("a long double has no more digits than a double here");
    return false;
}

int wait_for(pid_t child)
{
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

const char *data_folder(const char *sub)
{
    static char path[1000];
    struct stat found;
    const char *data = getenv("COTANGENT_DATA");
    if (!data || snprintf(path, sizeof path, "%s/%s", data, sub) >= (int)sizeof path)
        return NULL;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode) ? path : NULL;
}

/* -- Faults */
typedef struct fault {
    long long live, count, fail_at;
    bool for_ever;
    bool failed;
} fault;

static void *fault_allocate(size_t bytes, size_t alignment, void *user)
{
    fault *f = user;
    f->count++;
    if (f->fail_at && (f->count == f->fail_at || (f->for_ever && f->count > f->fail_at))) {
        f->failed = true;
        return NULL;
    }
    return count_allocate(bytes, alignment, &f->live);
}

static void fault_deallocate(void *p, size_t bytes, void *user)
{
    fault *f = user;
    count_deallocate(p, bytes, &f->live);
}

static char fault_text[400];

static bool still_works(ct_context *c)
{
    ct_error_clear(c);
    return ct_item(ct_add(ct_scalar(c, CT_F64, 1), ct_scalar(c, CT_F64, 2))) == 3;
}

/* false once body runs without meeting the fault, or if fault_text says what is wrong */
static bool run_with_fault(void (*body)(ct_context *), long long n, bool for_ever)
{
    fault f = { 0, 0, 0, for_ever, false };
    ct_context_options options = { .pool_bytes = -1,
                                   .allocator = { fault_allocate, fault_deallocate, &f } };
    ct_context *c = ct_context_new(&options);
    ck_assert_ptr_nonnull(c);
    f.fail_at = f.count + n;
    body(c);
    f.fail_at = 0;
    if (f.failed)
        count_fault(FAULT_MEMORY);
    /* a plan that lacks memory says nothing: the step is an eager one */
    if (f.failed && ct_error(c) != CT_ERROR_MEMORY && !(step_options() && ct_error(c) == CT_OK))
        snprintf(fault_text, sizeof fault_text, "allocation %lld failed, but the error: %s", n,
                 ct_error(c) ? ct_error_text(c) : "none");
    else if (!still_works(c))
        snprintf(fault_text, sizeof fault_text, "the context is broken: %s", ct_error_text(c));
    ct_context_free(c);
    if (f.live != 0)
        snprintf(fault_text, sizeof fault_text, "allocation %lld failed: %lld blocks leaked", n,
                 f.live);
    return f.failed && !*fault_text;
}

const char *fault_of_allocations(void (*body)(ct_context *cx), int step)
{
    *fault_text = '\0';
    for (int for_ever = 0; for_ever < 2 && !*fault_text; for_ever++) {
        long long n = 1;
        while (run_with_fault(body, n, for_ever))
            n += step;
        if (n == 1 && !*fault_text)
            return "the body allocates nothing";
    }
    return *fault_text ? fault_text : NULL;
}

void for_some_failing_allocations(void (*body)(ct_context *cx), int step)
{
    const char *text = fault_of_allocations(body, step);
    ck_assert_msg(!text, "%s", text);
}

void for_each_failing_allocation(void (*body)(ct_context *cx))
{
    for_some_failing_allocations(body, 1);
}
