/* Errors: the context keeps the first one until it is cleared. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

#define STATUSES(X)                                                                            \
    X(CT_OK, "ok")                                                                             \
    X(CT_ERROR_MEMORY, "memory")                                                               \
    X(CT_ERROR_NULL, "null")                                                                   \
    X(CT_ERROR_SHAPE, "shape")                                                                 \
    X(CT_ERROR_DTYPE, "dtype")                                                                 \
    X(CT_ERROR_RANGE, "range")                                                                 \
    X(CT_ERROR_VALUE, "value")                                                                 \
    X(CT_ERROR_CONTEXT, "context")                                                             \
    X(CT_ERROR_GRAPH, "graph")                                                                 \
    X(CT_ERROR_STALE, "stale")                                                                 \
    X(CT_ERROR_FILE, "file")                                                                   \
    X(CT_ERROR_FORMAT, "format")                                                               \
    X(CT_ERROR_CALLBACK, "callback")                                                           \
    X(CT_ERROR_UNSUPPORTED, "unsupported")

const char *ct_status_text(ct_status code)
{
    switch (code) {
#define TEXT(code, text)                                                                       \
    case code:                                                                                 \
        return text;
        STATUSES(TEXT)
#undef TEXT
    }
    return "unknown";
}

ct_status ct_error(const ct_context *cx)
{
    return cx ? cx->error : CT_ERROR_NULL;
}

const char *ct_error_text(const ct_context *cx)
{
    if (!cx)
        return "the context is NULL";
    if (cx->error == CT_OK)
        return "no error is pending; if a call failed all the same, a NULL was passed in";
    return cx->error_text;
}

void ct_error_clear(ct_context *cx)
{
    if (cx && !cx->reporting)
        cx->error = CT_OK;
}

/* on_error cannot clear the error, which callers have yet to see */
static void report(ct_context *cx)
{
    ct__scope scope;
    ct__scope_push(cx, &scope);
    cx->reporting = true;
    cx->options.on_error(cx->error, cx->error_text, cx->options.user);
    cx->reporting = false;
    ct__scope_pop(cx, &scope);
}

void ct__drop_nan_signs(char *text)
{
    char *to = text;
    for (const char *from = text; *from; *to++ = *from++) {
        bool number = from == text || !(isalnum((unsigned char)from[-1]) || from[-1] == '_');
        if (number && strncmp(from, "-nan", 4) == 0 && !isalnum((unsigned char)from[4]))
            from++;
    }
    *to = '\0';
}

ct_status ct_fail(ct_context *cx, ct_status code, const char *format, ...)
{
    if (!cx || cx->error != CT_OK || code == CT_OK)
        return code;
    va_list arguments;
    va_start(arguments, format);
    if (!format || vsnprintf(cx->error_text, sizeof cx->error_text, format, arguments) < 0)
        cx->error_text[0] = '\0';
    va_end(arguments);
    ct__drop_nan_signs(cx->error_text);
    cx->error = code;
    ct__tell(cx, "a call that failed"); /* which may succeed another time */
    if (cx->options.on_error)
        report(cx);
    return code;
}

void *ct__take_slowly(ct_context *cx, size_t bytes)
{
    void *p = ct__take_quietly(cx, bytes);
    if (!p)
        ct_fail(cx, CT_ERROR_MEMORY, "out of memory: %zu bytes more, with %lld live", bytes,
                (long long)cx->memory.live_bytes);
    return p;
}
