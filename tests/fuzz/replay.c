/* replay TARGET FILE ...: calls the target with each file's bytes, with those bytes cut off at some
 * places, and with no bytes. That needs no fuzzer: it is how the tests run what was found once. The
 * last line is "N passed, 0 failed, 0 skipped". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static const struct {
    const char *name;
    void (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define TARGET(name) { #name, fuzz_##name },
#include "targets.def"
#undef TARGET
};

/* the bytes lie in a block of their size, so that a sanitizer sees who reads behind them */
static int run(void (*target)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));
    MUST(copy);
    if (size > 0)
        memcpy(copy, data, size);
    target(copy, size);
    free(copy);
    return 1;
}

static int run_file(void (*target)(const uint8_t *data, size_t size), const char *path)
{
    enum { MOST = 1 << 20, CUTS = 8 };
    static uint8_t data[MOST];
    int ran = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        fprintf(stderr, "there is no %s\n", path);
    MUST(file);
    size_t size = fread(data, 1, MOST, file);
    fclose(file);
    for (size_t k = 1; k <= CUTS; k++)
        ran += run(target, data, size * k / CUTS);
    return ran;
}

int main(int argc, char **argv)
{
    int ran = 0;
    for (size_t t = 0; argc > 1 && t < sizeof targets / sizeof *targets; t++)
        if (strcmp(argv[1], targets[t].name) == 0) {
            ran += run(targets[t].run, NULL, 0);
            for (int i = 2; i < argc; i++)
                ran += run_file(targets[t].run, argv[i]);
        }
    printf("%d passed, %d failed, 0 skipped\n", ran, ran == 0);
    return ran == 0;
}
