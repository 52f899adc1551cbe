/* What every test file uses: a fresh context per test, and words for what is expected. */
#ifndef SUPPORT_H
#define SUPPORT_H
#include <check.h>
#include <cotangent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "step.h"

/* Check writes the place of every assertion that holds into a file, which takes longer than most
 * assertions do. These write nothing unless they fail. */
#undef ck_assert_msg
#define ck_assert_msg(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))
#undef ck_assert
#define ck_assert(condition) ck_assert_msg(condition, "%s does not hold", #condition)

/* fresh for each test; its end asserts that every block came back to the allocator */
extern ct_context *cx;

/* a suite of the tests (START_TEST names) up to NULL, each with a fresh `cx` */
Suite *make_suite(const char *name, const TTest *const *tests);

/* the pending error has that code and its text holds each fragment, up to NULL; it is cleared */
void expect_error(ct_status code, const char *fragment, ...);
void expect_ok(void); /* no error is pending */
/* t has these n values, in row-major order, each within tolerance (NaN matches NaN) */
void expect_values(const ct_tensor *t, const double *want, int n, double tolerance);
/* a and b, of one shape and dtype, differ by at most that many units in the last place of the
 * largest element: what another order of the same operations may change */
void expect_close(const ct_tensor *a, const ct_tensor *b, double units);
void expect_shape(const ct_tensor *t, const int64_t *shape, int ndim);

/* the headers that ops.h includes, below include/cotangent/; NULL after the last */
extern const char *const operator_headers[];
/* opens that header below include/cotangent/, to be read as text */
FILE *open_header(const char *name);

/* the test ends here as skipped; return after it */
void skip(const char *why);
/* Where long doubles have no more digits than doubles, this skips the test, and returns false: on
 * some processors, and under valgrind, which computes them as doubles. */
bool has_long_double(void);
int wait_for(pid_t child); /* how it ended, as waitpid says it */
/* the folder `sub` of $COTANGENT_DATA; NULL if it is not there */
const char *data_folder(const char *sub);

/* -- COTANGENT_TESTS=replay: every step is replayed, and one that stays eager is an error. Those of
 * tests' own loops are run by step_run (nets/step.h), and ct_fit gets an option */
ct_status fit_as_asked(ct_training *t, const ct_fit_options *options);
#define ct_fit(t, ...) fit_as_asked(t, __VA_ARGS__)

/* -- Allocators */
/* counts what is out; `user` of the options is a long long */
ct_allocator counting_allocator(long long *live_blocks);
/* options of a context whose pool is on whatever the build, so that reuse can be seen */
ct_context_options pooled_options(void);
/* runs body while `cx` is a context whose pool is on: there a stale handle can be seen */
void with_pool(void (*body)(void));
/* Runs body in contexts (pool off) whose n-th allocation fails: alone, and with all after it; for
 * every n until body gets by without failure. Each time it asserts that an error was reported, that
 * the context still works, and that nothing leaked. */
void for_each_failing_allocation(void (*body)(ct_context *cx));
/* the same for n = 1, 1 + step, 1 + 2 step, ... */
void for_some_failing_allocations(void (*body)(ct_context *cx), int step);
/* the same, but what is wrong is returned as a text; NULL: nothing is */
const char *fault_of_allocations(void (*body)(ct_context *cx), int step);
#endif
