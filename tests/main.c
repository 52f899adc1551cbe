/* Runs the suites named on the command line, or all. The last line is "N passed, N failed, N
 * skipped"; each test runs in a process of its own, so a crash is one failure. */
#define _POSIX_C_SOURCE 200809L
#include <check.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

#define SUITE(name) Suite *name##_suite(void);
#include "suites.def"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) { #name, name##_suite },
#include "suites.def"
#undef SUITE
};
enum { COUNT = sizeof suites / sizeof *suites };

/* a file whose name is in the environment, for what tests tell: each runs in a process of its own */
static void make_file(const char *variable, char *path)
{
    int file = mkstemp(path);
    if (file < 0) {
        perror(path);
        exit(2);
    }
    close(file);
    setenv(variable, path, 1);
}

static void print_faults(const char *path)
{
    static const char *const kinds[FAULT_COUNT] = { "allocations", "calls that replace files",
                                                    "calls that read files", "threads", "locks" };
    long long count[FAULT_COUNT] = { 0 }, all = 0;
    int kind, n;
    write_faults();
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%d %d", &kind, &n) == 2)
        count[kind] += n, all += n;
    if (file)
        fclose(file);
    for (kind = 0; all && kind < FAULT_COUNT; kind++)
        printf("%s%lld %s", kind ? ", " : "", count[kind], kinds[kind]);
    if (all)
        printf(" were made to fail\n");
}

static int lines_of(const char *path)
{
    int lines = 0;
    FILE *file = fopen(path, "r");
    for (int c; file && (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc == 1;
}

/* Tests make and free many contexts. Memory that goes back to the system each time comes again page
 * by page, and that takes a third of some tests. */
static void keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 16 << 20);
#endif
}

/* AddressSanitizer remembers 8 callers of each block instead of 30, and 32 MB of freed blocks instead
 * of 256: the tests of all operators take half the time, and a block that is used right after it was
 * freed is found as before. ASAN_OPTIONS goes first. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "malloc_context_size=8:quarantine_size_mb=32";
}

int main(int argc, char **argv)
{
    keep_memory();
    char skips[] = "/tmp/cotangent-skips-XXXXXX", faults[] = "/tmp/cotangent-faults-XXXXXX";
    make_file("TEST_SKIPS", skips);
    make_file("TEST_FAULTS", faults);
    SRunner *runner = NULL;
    for (int i = 0; i < COUNT; i++) {
        if (!wanted(suites[i].name, argc, argv))
            continue;
        if (!runner)
            runner = srunner_create(suites[i].make());
        else
            srunner_add_suite(runner, suites[i].make());
    }
    if (!runner)
        return fprintf(stderr, "no such suite\n"), 2;
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner), skipped = lines_of(skips);
    int passed = srunner_ntests_run(runner) - failed - skipped;
    srunner_free(runner);
    print_faults(faults);
    unlink(skips);
    unlink(faults);
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed ? 1 : 0;
}
