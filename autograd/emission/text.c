/* The text of the file, and how the writing of it ends. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "emission.h"
#include "replace.h"

bool ct__emit_fail(ct__emission *e, ct_status code, const char *format, ...)
{
    char why[256];
    va_list values;
    if (e->failed)
        return false;
    va_start(values, format);
    vsnprintf(why, sizeof why, format, values);
    va_end(values);
    e->failed = true;
    ct_fail(e->cx, code, "%s: %s", e->who, why);
    return false;
}

static void *more_of(ct__emission *e, void *old, size_t used, size_t room)
{
    void *more = ct_object_new(e->cx, room, NULL);
    e->failed = e->failed || !more;
    if (!more)
        return old;
    if (used > 0)
        memcpy(more, old, used);
    ct_object_free(old);
    return more;
}

void *ct__emit_room(ct__emission *e, void *list, int n, size_t size)
{
    if (n & (n - 1) || e->failed) /* there is room up to the next power of 2 */
        return list;
    return more_of(e, list, (size_t)n * size, (size_t)(n > 0 ? 2 * n : 1) * size);
}

void ct__emit(ct__emission *e, int sheet, const char *format, ...)
{
    enum { LINE = 1024 }; /* no piece is longer */
    ct__sheet *s = &e->sheets[sheet];
    va_list values;
    if (!e->failed && s->room - s->used < LINE) {
        s->text = more_of(e, s->text, s->used, 2 * s->room + 2 * LINE);
        s->room += e->failed ? 0 : s->room + 2 * LINE;
    }
    if (e->failed)
        return;
    va_start(values, format);
    s->used += (size_t)vsnprintf(s->text + s->used, LINE, format, values);
    va_end(values);
}

/* Words of the machine, so that a double is one. */
int ct__emit_array(ct__emission *e, const void *from, size_t bytes)
{
    static const char *const types[] = { [1] = "uint8_t", [4] = "uint32_t", [8] = "uint64_t" };
    size_t size = bytes % 8 == 0 ? 8 : bytes % 4 == 0 ? 4 : 1;
    ct__emit(e, CT__DATA, "static const _Alignas(64) %s emitted_a%d[] = {", types[size],
             e->array_count);
    for (size_t at = 0; at < bytes && !e->failed; at += size) {
        uint64_t word = 0;
        uint32_t half = 0;
        memcpy(size == 8 ? (void *)&word : &half, (const char *)from + at, size > 1 ? size : 0);
        word = size == 8 ? word : size == 4 ? half : ((const unsigned char *)from)[at];
        ct__emit(e, CT__DATA, "%s0x%llx,", at / size % 8 == 0 ? "\n    " : " ",
                 (unsigned long long)word);
    }
    ct__emit(e, CT__DATA, bytes > 0 ? "\n};\n" : "0 };\n");
    return e->array_count++;
}

ct_status ct__emit_file(ct__emission *e)
{
    ct__replacement r = { .file = { .cx = e->cx, .who = e->who, .path = e->path } };
    ct_status status = e->failed ? ct_error(e->cx) : ct__replace_begin(&r);
    if (status != CT_OK)
        return status;
    for (int i = 0; i < CT__SHEETS && status == CT_OK; i++)
        if (e->sheets[i].used > 0)
            status = ct__file_write(&r.file, e->sheets[i].text, (int64_t)e->sheets[i].used);
    return ct__replace_end(&r, status);
}
