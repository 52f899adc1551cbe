/* As much of Check (libcheck.github.io/check) as our tests use, for machines that have no Check:
 * cross builds, above all. */
#ifndef CHECK_H
#define CHECK_H
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct TTest {
    const char *name;
    void (*run)(void);
    const char *file;
    int line;
} TTest;
typedef struct Suite Suite;
typedef struct TCase TCase;
typedef struct SRunner SRunner;
enum { CK_ENV };

#define START_TEST(id)                                                                         \
    static void id##_run(void);                                                                \
    static const TTest id##_test = { #id, id##_run, __FILE__, __LINE__ };                      \
    static const TTest *const id = &id##_test;                                                 \
    static void id##_run(void)
#define END_TEST

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *one);
TCase *tcase_create(const char *name);
void tcase_set_timeout(TCase *one, double seconds);
void tcase_add_checked_fixture(TCase *one, void (*setup)(void), void (*teardown)(void));
void tcase_add_test(TCase *one, const TTest *test);
SRunner *srunner_create(Suite *suite);
void srunner_add_suite(SRunner *runner, Suite *suite);
void srunner_run_all(SRunner *runner, int verbosity);
int srunner_ntests_run(const SRunner *runner);
int srunner_ntests_failed(const SRunner *runner);
void srunner_free(SRunner *runner);

/* prints where and why, and ends the test */
__attribute__((noreturn, format(printf, 3, 4)))
void ck_failed(const char *file, int line, const char *format, ...);

#define ck_abort_msg(...) ck_failed(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(expression, ...) \
    ((expression) ? (void)0 : ck_failed(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(expression) ck_assert_msg(expression, "'%s' is false", #expression)

#define CK_COMPARE(type, format, a, operation, b)                                              \
    do {                                                                                       \
        type ck_a = (a);                                                                       \
        type ck_b = (b);                                                                       \
        ck_assert_msg(ck_a operation ck_b, "'%s' is false: " format " and " format,            \
                      #a " " #operation " " #b, ck_a, ck_b);                                   \
    } while (0)
#define ck_assert_int_eq(a, b) CK_COMPARE(intmax_t, "%jd", a, ==, b)
#define ck_assert_int_ne(a, b) CK_COMPARE(intmax_t, "%jd", a, !=, b)
#define ck_assert_int_lt(a, b) CK_COMPARE(intmax_t, "%jd", a, <, b)
#define ck_assert_int_le(a, b) CK_COMPARE(intmax_t, "%jd", a, <=, b)
#define ck_assert_int_gt(a, b) CK_COMPARE(intmax_t, "%jd", a, >, b)
#define ck_assert_int_ge(a, b) CK_COMPARE(intmax_t, "%jd", a, >=, b)
#define ck_assert_uint_eq(a, b) CK_COMPARE(uintmax_t, "%ju", a, ==, b)
#define ck_assert_uint_ne(a, b) CK_COMPARE(uintmax_t, "%ju", a, !=, b)
#define ck_assert_uint_lt(a, b) CK_COMPARE(uintmax_t, "%ju", a, <, b)
#define ck_assert_uint_le(a, b) CK_COMPARE(uintmax_t, "%ju", a, <=, b)
#define ck_assert_double_eq(a, b) CK_COMPARE(double, "%.17g", a, ==, b)
#define ck_assert_double_ne(a, b) CK_COMPARE(double, "%.17g", a, !=, b)
#define ck_assert_float_eq(a, b)  CK_COMPARE(float, "%.9g", a, ==, b)
#define ck_assert_float_ne(a, b)  CK_COMPARE(float, "%.9g", a, !=, b)
#define ck_assert_double_lt(a, b) CK_COMPARE(double, "%.17g", a, <, b)
#define ck_assert_double_le(a, b) CK_COMPARE(double, "%.17g", a, <=, b)
#define ck_assert_double_gt(a, b) CK_COMPARE(double, "%.17g", a, >, b)
#define ck_assert_double_ge(a, b) CK_COMPARE(double, "%.17g", a, >=, b)
#define ck_assert_double_eq_tol(a, b, tolerance)                                               \
    do {                                                                                       \
        double ck_x = (a), ck_y = (b), ck_t = (tolerance);                                     \
        ck_assert_msg(fabs(ck_y - ck_x) < ck_t, "'%s' is %.17g, not %.17g within %g", #a,      \
                      ck_x, ck_y, ck_t);                                                       \
    } while (0)
#define ck_assert_ptr_eq(a, b) CK_COMPARE(const void *, "%p", a, ==, b)
#define ck_assert_ptr_ne(a, b) CK_COMPARE(const void *, "%p", a, !=, b)
#define ck_assert_ptr_null(a) ck_assert_ptr_eq(a, NULL)
#define ck_assert_ptr_nonnull(a) ck_assert_ptr_ne(a, NULL)
#define ck_assert_str_eq(a, b)                                                                 \
    do {                                                                                       \
        const char *ck_a = (a), *ck_b = (b);                                                   \
        ck_assert_msg(ck_a && ck_b && strcmp(ck_a, ck_b) == 0, "'%s' is \"%s\", not \"%s\"",   \
                      #a, ck_a ? ck_a : "NULL", ck_b ? ck_b : "NULL");                         \
    } while (0)
#define ck_assert_mem_eq(a, b, bytes) ck_assert(memcmp(a, b, bytes) == 0)
#define ck_assert_mem_ne(a, b, bytes) ck_assert(memcmp(a, b, bytes) != 0)
#endif
