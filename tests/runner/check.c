/* Runs tests, each in a process of its own, so that a crash is one failure (with CK_FORK=no in the
 * environment all in this one, for a debugger; then the first failure ends it). */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct TCase {
    TCase *next;
    const TTest *test;
    void (*setup)(void), (*teardown)(void);
    unsigned timeout;
};

struct Suite {
    const char *name;
    TCase *first, **last;
    Suite *next;
};

struct SRunner {
    Suite *first, **last;
    int run, failed;
};

static const TTest *running;

/* for machines that are slow: $CK_TIMEOUT_MULTIPLIER, as Check has it */
static unsigned seconds(const TCase *one)
{
    const char *factor = getenv("CK_TIMEOUT_MULTIPLIER");
    return one->timeout * (factor ? (unsigned)atoi(factor) : 1);
}

static void *zeroed(size_t bytes)
{
    void *block = calloc(1, bytes);
    if (!block)
        abort();
    return block;
}

/* -- Gathering tests */
Suite *suite_create(const char *name)
{
    Suite *suite = zeroed(sizeof *suite);
    suite->name = name;
    suite->last = &suite->first;
    return suite;
}

void suite_add_tcase(Suite *suite, TCase *one)
{
    *suite->last = one;
    suite->last = &one->next;
}

TCase *tcase_create(const char *name)
{
    (void)name; /* which is the test's */
    return zeroed(sizeof(TCase));
}

void tcase_set_timeout(TCase *one, double seconds)
{
    one->timeout = (unsigned)seconds;
}

void tcase_add_checked_fixture(TCase *one, void (*setup)(void), void (*teardown)(void))
{
    one->setup = setup;
    one->teardown = teardown;
}

void tcase_add_test(TCase *one, const TTest *test)
{
    one->test = test;
}

SRunner *srunner_create(Suite *suite)
{
    SRunner *runner = zeroed(sizeof *runner);
    runner->last = &runner->first;
    srunner_add_suite(runner, suite);
    return runner;
}

void srunner_add_suite(SRunner *runner, Suite *suite)
{
    *runner->last = suite;
    runner->last = &suite->next;
}

/* -- Running them */
void ck_failed(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d:F:%s: ", file, line, running->name);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    fflush(stdout);
    _exit(EXIT_FAILURE);
}

static void run(const TCase *one)
{
    running = one->test;
    one->setup();
    one->test->run();
    one->teardown();
}

static int passes(const TCase *one)
{
    const char *mode = getenv("CK_FORK");
    if (mode && strcmp(mode, "no") == 0)
        return run(one), 1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(seconds(one));
        run(one);
        exit(EXIT_SUCCESS);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return perror(one->test->name), 0;
    if (WIFSIGNALED(status))
        printf("%s:%d:E:%s: signal %d\n", one->test->file, one->test->line, one->test->name,
               WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

void srunner_run_all(SRunner *runner, int verbosity)
{
    (void)verbosity;
    for (const Suite *suite = runner->first; suite; suite = suite->next) {
        printf("%s\n", suite->name);
        for (const TCase *one = suite->first; one; one = one->next) {
            runner->run++;
            runner->failed += !passes(one);
        }
    }
}

int srunner_ntests_run(const SRunner *runner)
{
    return runner->run;
}

int srunner_ntests_failed(const SRunner *runner)
{
    return runner->failed;
}

void srunner_free(SRunner *runner)
{
    for (Suite *suite = runner->first, *next; suite; suite = next) {
        next = suite->next;
        for (TCase *one = suite->first, *after; one; one = after) {
            after = one->next;
            free(one);
        }
        free(suite);
    }
    free(runner);
}
