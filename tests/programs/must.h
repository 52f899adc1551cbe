/* A test program counts what holds, and prints what does not. */
#ifndef MUST_H
#define MUST_H
#include <stdbool.h>
#include <stdio.h>

static int passed, failed;

static void must(const char *what, bool holds)
{
    if (holds)
        passed++;
    else
        failed++, printf("FAILED: %s\n", what);
}

#endif
