/* A text that grows, and what makes strings and numbers fit for JSON. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pictures.h"

/* Room for n bytes more and a final zero. */
static bool grow(ct__out *o, size_t n)
{
    size_t room = o->text ? o->text->bytes : 0, want = o->used + n + 1;
    if (o->failed || want <= room)
        return !o->failed;
    size_t bytes = 2 * room > want ? 2 * room : want + 1000;
    ct__text *text = ct__take(o->cx, sizeof *text + bytes);
    o->failed = !text;
    if (!text)
        return false;
    text->bytes = bytes;
    if (o->used)
        memcpy(text->text, o->text->text, o->used);
    ct__out_free(o);
    o->text = text;
    return true;
}

void ct__print_bytes(ct__out *o, const char *bytes, size_t n)
{
    if (!grow(o, n))
        return;
    memcpy(o->text->text + o->used, bytes, n);
    o->used += n;
    o->text->text[o->used] = '\0';
}

void ct__print(ct__out *o, const char *format, ...)
{
    char few[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(few, sizeof few, format, arguments);
    va_end(arguments);
    if (n > 0 && (size_t)n < sizeof few) {
        ct__print_bytes(o, few, (size_t)n);
        return;
    }
    if (n <= 0 || !grow(o, (size_t)n))
        return;
    va_start(arguments, format);
    vsnprintf(o->text->text + o->used, (size_t)n + 1, format, arguments);
    va_end(arguments);
    o->used += (size_t)n;
}

/* How many bytes the character of UTF-8 at c has; 0: it is none (RFC 3629, section 4). */
static int utf8_bytes(const unsigned char *c)
{
    static const struct { unsigned char low, high, second_low, second_high, bytes; } kinds[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 }
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (*c < kinds[k].low || *c > kinds[k].high)
            continue;
        if (kinds[k].bytes > 1 && (c[1] < kinds[k].second_low || c[1] > kinds[k].second_high))
            return 0;
        for (int i = 2; i < kinds[k].bytes; i++)
            if (c[i] < 0x80 || c[i] > 0xbf)
                return 0;
        return kinds[k].bytes;
    }
    return 0;
}

void ct__print_json(ct__out *o, const char *text)
{
    if (!text) {
        ct__print(o, "null");
        return;
    }
    ct__print_bytes(o, "\"", 1);
    for (const char *c = text; *c;) {
        int n = utf8_bytes((const unsigned char *)c);
        if (n == 0)
            ct__print(o, "\\ufffd");
        else if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("\"\\<>&", *c))
            ct__print(o, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            ct__print_bytes(o, c, (size_t)n);
        c += n ? n : 1;
    }
    ct__print_bytes(o, "\"", 1);
}

void ct__print_number(ct__out *o, double value, ct_dtype dtype)
{
    char text[40];
    int least = dtype == CT_F32 ? 6 : 15;
    if (!isfinite(value)) {
        ct__print(o, isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"");
        return;
    }
    for (int digits = least; digits <= least + 3; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (back == value || (dtype == CT_F32 && (float)back == (float)value))
            break;
    }
    for (char *c = text; *c; c++) /* the point is a point, whatever the locale writes */
        if (!strchr("0123456789+-e.", *c))
            *c = '.';
    ct__print(o, "%s", text);
}

const char *ct__out_to_scope(ct__out *o)
{
    if (o->failed || !o->text) {
        ct__out_free(o);
        return NULL;
    }
    ct__text *text = o->text;
    o->text = NULL;
    text->next = o->cx->scope->texts;
    o->cx->scope->texts = text;
    return text->text;
}

void ct__out_free(ct__out *o)
{
    if (o->text)
        ct__give_back(o->cx, o->text, sizeof *o->text + o->text->bytes);
    o->text = NULL;
}
