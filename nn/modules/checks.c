/* Small helps. */
#include <stdarg.h>
#include <stdio.h>

#include "module.h"

bool ct__zeroed(const uint64_t *reserved, int n)
{
    while (n > 0 && reserved[n - 1] == 0)
        n--;
    return n == 0;
}

void ct__put(ct__page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t left = page->used < page->room ? page->room - page->used : 0;
    int n = vsnprintf(left ? page->out + page->used : NULL, left, format, arguments);
    page->used += n > 0 ? (size_t)n : 0;
    va_end(arguments);
}
