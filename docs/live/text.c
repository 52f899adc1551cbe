/* The text that the functions of live.h return. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"

static char *text;
static size_t used, room;
static bool failed;

void live_begin(void)
{
    used = 0;
    failed = false;
}

static bool grow(size_t n)
{
    if (failed || used + n < room)
        return !failed;
    size_t want = 2 * (used + n) + 1000;
    char *larger = realloc(text, want);
    failed = !larger;
    if (!failed) {
        text = larger;
        room = want;
    }
    return !failed;
}

void live_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0 || !grow((size_t)n + 1))
        return;
    va_start(arguments, format);
    vsnprintf(text + used, (size_t)n + 1, format, arguments);
    va_end(arguments);
    used += (size_t)n;
}

void live_quote(const char *c)
{
    live_print("\"");
    for (; c && *c; c++)
        if ((unsigned char)*c < 0x20 || strchr("\"\\<>&", *c))
            live_print("\\u%04x", (unsigned)(unsigned char)*c);
        else
            live_print("%c", *c);
    live_print("\"");
}

void live_number(double value)
{
    if (isfinite(value))
        live_print("%.17g", value);
    else
        live_print(isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"");
}

void live_numbers(const double *value, int64_t n)
{
    live_print("[");
    for (int64_t i = 0; i < n; i++) {
        live_print(i ? "," : "");
        live_number(value[i]);
    }
    live_print("]");
}

void live_tensor(const ct_tensor *x)
{
    int64_t n = x ? ct_count(x) : 0;
    double *value = x ? malloc((size_t)(n + 1) * sizeof *value) : NULL;
    if (value && ct_to_doubles(x, value, n) == CT_OK)
        live_numbers(value, n);
    else
        live_print("null");
    free(value);
}

const char *live_finish(void)
{
    return failed ? "{\"error\": \"out of memory\"}" : text;
}

const char *live_fail(const char *why)
{
    live_begin();
    live_print("{\"error\": ");
    live_quote(why);
    live_print("}");
    return live_finish();
}

void live_forget_text(void)
{
    free(text);
    text = NULL;
    used = room = 0;
}
