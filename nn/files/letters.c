/* Text: as bytes, and as characters that are numbered by a vocabulary. */
#include <string.h>

#include "checks.h"
#include "utf8.h"
#include "whole.h"

/* -- Files */
/* a text of that many bytes and a zero byte, which goes with the scope */
static char *text_of(ct_context *cx, int64_t bytes)
{
    ct_tensor *t = ct_empty(cx, CT_BOOL, CT_SHAPE(bytes + 1));
    return t ? ct_data_mutable(t) : NULL;
}

ct_tensor *ct_read_bytes(ct_context *cx, const char *path, const ct_read_options *options)
{
    ct__file f = { .cx = cx, .who = "read_bytes", .path = path };
    int64_t n, limit = ct__read_limit(cx, f.who, path, options);
    char *text = limit >= 0 ? ct__read_whole(&f, limit / 8, &n) : NULL;
    ct_tensor *x = text ? ct_empty(cx, CT_I64, CT_SHAPE(n)) : NULL;
    int64_t *out = x ? ct_data_mutable(x) : NULL;
    for (int64_t i = 0; out && i < n; i++)
        out[i] = (unsigned char)text[i];
    ct_object_free(text);
    return out ? x : NULL;
}

/* the characters of a text; -1 and an error that begins with `who` and names the place */
static int64_t count_characters(ct_context *cx, const char *who, const char *text)
{
    int64_t n = 0;
    uint32_t code;
    for (const char *at = text; *at; n++) {
        int bytes = ct__utf8(at, &code);
        if (bytes == 0)
            return ct_fail(cx, CT_ERROR_FORMAT, "%s: byte %lld is not UTF-8: 0x%02x", who,
                           (long long)(at - text), (unsigned char)*at), -1;
        at += bytes;
    }
    return n;
}

const char *ct_read_text(ct_context *cx, const char *path, const ct_read_options *options)
{
    ct__file f = { .cx = cx, .who = "read_text", .path = path };
    int64_t n, limit = ct__read_limit(cx, f.who, path, options);
    char *text = limit >= 0 ? ct__read_whole(&f, limit, &n) : NULL, *out = NULL, who[320];
    if (text && (int64_t)strlen(text) != n)
        ct__file_fail(&f, CT_ERROR_FORMAT, "byte %lld is zero, which ends a text",
                      (long long)strlen(text));
    else if (text) {
        snprintf(who, sizeof who, "read_text: %.300s", path);
        out = count_characters(cx, who, text) >= 0 ? text_of(cx, n) : NULL;
    }
    if (out)
        memcpy(out, text, (size_t)n + 1);
    ct_object_free(text);
    return out;
}

/* -- Vocabularies */
struct ct_vocabulary {
    ct_context *cx;
    bool unknown;      /* index 0 is every other character */
    int64_t n;
    uint32_t codes[];  /* ascending; codes[0] is that of U+FFFD where `unknown` */
};
static const uint32_t REPLACEMENT = 0xfffd;

static void finish(void *vocabulary)
{
    (void)vocabulary;
}

void ct_vocabulary_free(ct_vocabulary *v)
{
    if (ct_object_alive(v, finish, "vocabulary_free"))
        ct_object_free(v);
}

/* one more than the largest character of a text */
static uint32_t end_of_codes(const char *text)
{
    uint32_t code, end = 0;
    for (const char *at = text; *at;) {
        at += ct__utf8(at, &code);
        end = code < end ? end : code + 1;
    }
    return end;
}

/* marks[c] where the text has character c; returns how many there are */
static int64_t mark(unsigned char *marks, const char *text)
{
    int64_t n = 0;
    uint32_t code;
    for (const char *at = text; *at;) {
        at += ct__utf8(at, &code);
        n += !marks[code];
        marks[code] = 1;
    }
    return n;
}

ct_vocabulary *ct_vocabulary_new(ct_context *cx, const char *text,
                                 const ct_vocabulary_options *options)
{
    const char *who = "vocabulary_new";
    const ct_vocabulary_options o = options ? *options : (ct_vocabulary_options){ 0 };
    if (!text)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the text is NULL", who), NULL;
    if (!ct__options_zeroed(cx, who, o.reserved) || count_characters(cx, who, text) < 0)
        return NULL;
    const uint32_t end = end_of_codes(text);
    unsigned char *marks = ct_object_new(cx, (size_t)end + 1, NULL);
    int64_t n = marks ? mark(marks, text) : 0;
    ct_vocabulary *v = NULL;
    if (marks)
        v = ct_object_new(cx, sizeof *v + ((size_t)n + 1) * sizeof v->codes[0], finish);
    if (v) {
        v->cx = cx;
        v->unknown = o.unknown;
        if (o.unknown)
            v->codes[v->n++] = REPLACEMENT;
        for (uint32_t c = 0; c < end; c++)
            if (marks[c])
                v->codes[v->n++] = c;
    }
    ct_object_free(marks);
    return v;
}

int64_t ct_vocabulary_size(const ct_vocabulary *v)
{
    return ct_object_alive(v, finish, "vocabulary_size") ? v->n : -1;
}

/* -1: it is not there */
static int64_t index_of(const ct_vocabulary *v, uint32_t code)
{
    int64_t first = v->unknown, end = v->n;
    while (first < end) {
        int64_t middle = first + (end - first) / 2;
        if (v->codes[middle] < code)
            first = middle + 1;
        else
            end = middle;
    }
    if (first < v->n && v->codes[first] == code)
        return first;
    return v->unknown ? 0 : -1;
}

ct_tensor *ct_vocabulary_encode(const ct_vocabulary *v, const char *text)
{
    const char *who = "vocabulary_encode";
    if (!ct_object_alive(v, finish, who))
        return NULL;
    if (!text)
        return ct_fail(v->cx, CT_ERROR_NULL, "%s: the text is NULL", who), NULL;
    int64_t n = count_characters(v->cx, who, text);
    ct_tensor *x = n >= 0 ? ct_empty(v->cx, CT_I64, CT_SHAPE(n)) : NULL;
    int64_t *out = x ? ct_data_mutable(x) : NULL;
    const char *at = text;
    for (int64_t i = 0; out && i < n; i++) {
        uint32_t code;
        int bytes = ct__utf8(at, &code);
        out[i] = index_of(v, code);
        if (out[i] < 0)
            return ct_fail(v->cx, CT_ERROR_VALUE, "%s: the vocabulary must hold all characters, "
                           "and lacks '%.*s' (U+%04X), at byte %lld", who, bytes, at,
                           (unsigned)code, (long long)(at - text)), NULL;
        at += bytes;
    }
    return out ? x : NULL;
}

const char *ct_vocabulary_decode(const ct_vocabulary *v, ct_tensor *indices)
{
    const char *who = "vocabulary_decode";
    if (!ct_object_alive(v, finish, who) || !ct_usable(indices, who))
        return NULL;
    if (ct_dtype_of(indices) != CT_I64)
        return ct_fail(v->cx, CT_ERROR_DTYPE, "%s: the indices must be i64", who), NULL;
    ct_tensor *plain = ct_contiguous(indices);
    const int64_t *index = plain ? ct_data_i64(plain) : NULL, n = ct_count(indices);
    char *out = index ? text_of(v->cx, 4 * n) : NULL, *at = out;
    for (int64_t i = 0; out && i < n; i++) {
        if (index[i] < 0 || index[i] >= v->n)
            return ct_fail(v->cx, CT_ERROR_RANGE, "%s: an index must be in 0 ... %lld, and element "
                           "%lld is %lld", who, (long long)v->n - 1, (long long)i,
                           (long long)index[i]), NULL;
        at += ct__utf8_put(at, v->codes[index[i]]);
    }
    if (at)
        *at = '\0';
    return out;
}
