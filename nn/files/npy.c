/* The format of NumPy's save (numpy.org/devdocs/reference/generated/numpy.lib.format.html): six
 * bytes "\x93NUMPY", two of the version, the length of the header in 2 bytes (version 1) or 4, and
 * the header, a dictionary of Python:
 *
 *   {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 *
 * with spaces and a line feed up to a multiple of 64 bytes. The elements follow. */
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "replace.h"

enum { LONGEST = 10000, /* as NumPy has it: a longer header is no longer safe to parse */
       TYPE = 64 };

/* -- The header as text. Each function goes on at *at, and past what it took */
typedef struct header {
    const char *at;
    char type[TYPE];
    ct__array *array;
    unsigned seen;         /* the keys so far, a bit for each */
} header;

static bool take(header *h, const char *word)
{
    while (*h->at == ' ')
        h->at++;
    size_t n = strlen(word);
    if (strncmp(h->at, word, n) != 0)
        return false;
    h->at += n;
    return true;
}

/* a text in quotes of either kind, without escapes */
static bool take_text(header *h, char *out, size_t room)
{
    char quote = take(h, "'") ? '\'' : take(h, "\"") ? '"' : '\0';
    const char *end = quote ? strchr(h->at, quote) : NULL;
    size_t n = end ? (size_t)(end - h->at) : 0;
    if (!end || n >= room)
        return false;
    memcpy(out, h->at, n);
    out[n] = '\0';
    h->at = end + 1;
    return true;
}

static bool take_size(header *h, int64_t *size)
{
    take(h, "");
    *size = 0;
    if (*h->at < '0' || *h->at > '9')
        return false;
    for (; *h->at >= '0' && *h->at <= '9'; h->at++) {
        int digit = *h->at - '0';
        if (*size > (INT64_MAX - digit) / 10)
            return false;
        *size = 10 * *size + digit;
    }
    take(h, "L"); /* which Python 2 wrote */
    return true;
}

/* "(3, 4)", "(3,)", "()" */
static bool take_shape(header *h)
{
    ct__array *a = h->array;
    if (!take(h, "("))
        return false;
    for (a->ndim = 0; !take(h, ")"); a->ndim++) {
        if (a->ndim == CT_MAX_DIMS || !take_size(h, &a->shape[a->ndim]))
            return false;
        if (!take(h, ",") && *h->at != ')')
            return false;
    }
    return true;
}

static bool take_entry(header *h)
{
    static const char *const keys[] = { "descr", "fortran_order", "shape" };
    char key[TYPE];
    int k = 0;
    if (!take_text(h, key, sizeof key) || !take(h, ":"))
        return false;
    while (k < 3 && strcmp(key, keys[k]) != 0)
        k++;
    if (k == 3 || (h->seen & 1u << k)) /* another key, or one that was there before */
        return false;
    h->seen |= 1u << k;
    if (k == 0)
        return take_text(h, h->type, sizeof h->type);
    if (k == 2)
        return take_shape(h);
    h->array->columns_first = take(h, "True");
    return h->array->columns_first || take(h, "False");
}

static bool take_all(header *h, const char *end)
{
    if (!take(h, "{"))
        return false;
    while (!take(h, "}"))
        if (!take_entry(h) || (!take(h, ",") && *h->at != '}'))
            return false;
    while (*h->at == ' ' || *h->at == '\n')
        h->at++;
    return h->at == end && h->seen == 7;
}

/* -- The type of an element: byte order, kind, bytes */
static ct__element element_of(const char *type)
{
    static const char *const known[] = { "f2", "f4", "f8", "i1", "i2", "i4", "i8",
                                         "u1", "u2", "u4", "u8", "b1" };
    ct__element e = { .bytes = 0 };
    if (!*type || !strchr("<>|=", *type))
        return e;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(type + 1, known[i]) == 0)
            e = (ct__element){ type[1], type[2] - '0',
                               *type == '>' || (*type == '=' && CT__BIG_ENDIAN) };
    return e;
}

static ct_status parse(const ct__file *f, const char *text, int64_t length, ct__array *a)
{
    header h = { .at = text, .array = a };
    if (!take_all(&h, text + length))
        return ct__file_fail(f, CT_ERROR_FORMAT, "its header must hold 'descr', 'fortran_order' "
                             "and 'shape', of at most %d sizes, and plain elements: %.100s",
                             CT_MAX_DIMS, text);
    a->element = element_of(h.type);
    if (a->element.bytes > 0)
        return CT_OK;
    return ct__file_fail(f, CT_ERROR_DTYPE, "its elements must be numbers f2 f4 f8 i1 i2 i4 i8 u1 "
                         "u2 u4 u8 or b1, and are '%s'", h.type);
}

ct_status ct__npy_header(const ct__source *s, ct__array *a)
{
    static const char magic[] = "\x93NUMPY", breaks[] = "the header breaks off";
    const ct__file *f = s->file;
    unsigned char begin[12];
    char text[LONGEST + 1];
    ct_status status = ct__array_bytes(s, begin, 10, "it is too short for a header");
    if (status != CT_OK)
        return status;
    if (memcmp(begin, magic, 6) != 0)
        return ct__file_fail(f, CT_ERROR_FORMAT, "it is not npy: it does not begin with "
                             "\\x93NUMPY");
    if (begin[6] < 1 || begin[6] > 3)
        return ct__file_fail(f, CT_ERROR_FORMAT, "its version must be 1, 2 or 3, and is %d.%d",
                             begin[6], begin[7]);
    int64_t length = begin[8] | begin[9] << 8, before = begin[6] == 1 ? 10 : 12;
    if (before == 12) {
        status = ct__array_bytes(s, begin + 10, 2, breaks);
        length |= status == CT_OK ? (int64_t)begin[10] << 16 | (int64_t)begin[11] << 24 : 0;
    }
    if (status == CT_OK && length > LONGEST)
        return ct__file_fail(f, CT_ERROR_FORMAT, "its header must have %d bytes or fewer, and has "
                             "%lld", LONGEST, (long long)length);
    if (status == CT_OK)
        status = ct__array_bytes(s, text, length, breaks);
    if (status != CT_OK)
        return status;
    text[length] = '\0';
    a->header = before + length;
    return parse(f, text, length, a);
}

ct_tensor *ct_read_npy(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options)
{
    if (dtype && ct_dtype_size(dtype) == 0)
        return ct_fail(cx, CT_ERROR_DTYPE, "read_npy: no such dtype: %d", (int)dtype), NULL;
    const ct__array_call call = { cx, "read_npy", path, dtype, ct__npy_header };
    return ct__array_read(&call, options);
}

/* -- Writing: version 1, row-major, in the machine's byte order */
size_t ct__npy_text(const ct_tensor *x, char text[CT__NPY_TEXT])
{
    static const char *const types[] = { "", "f4", "f8", "i8", "b1" };
    const ct_dtype dtype = ct_dtype_of(x);
    const size_t room = CT__NPY_TEXT;
    size_t n = 10;
    memcpy(text, "\x93NUMPY\x01\x00__", n);
    n += (size_t)snprintf(text + n, room - n,
                          "{'descr': '%s%s', 'fortran_order': False, 'shape': (",
                          dtype == CT_BOOL ? "|" : CT__BIG_ENDIAN ? ">" : "<", types[dtype]);
    for (int i = 0; i < ct_ndim(x); i++)
        n += (size_t)snprintf(text + n, room - n, "%s%lld", i > 0 ? ", " : "",
                              (long long)ct_size(x, i));
    n += (size_t)snprintf(text + n, room - n, "%s), }", ct_ndim(x) == 1 ? "," : "");
    while ((n + 1) % 64 != 0)
        text[n++] = ' ';
    text[n++] = '\n';
    text[8] = (char)(unsigned char)((n - 10) & 255);
    text[9] = (char)(unsigned char)((n - 10) >> 8);
    return n;
}

ct_status ct_write_npy(ct_tensor *x, const char *path)
{
    if (!ct_usable(x, "write_npy"))
        return x ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = ct_context_of(x);
    if (!path)
        return ct_fail(cx, CT_ERROR_NULL, "write_npy: the path is NULL");
    ct__replacement r = { .file = { .cx = cx, .who = "write_npy", .path = path } };
    ct_status status = ct__replace_begin(&r);
    if (status != CT_OK)
        return status;
    char text[CT__NPY_TEXT];
    status = ct__file_write(&r.file, text, (int64_t)ct__npy_text(x, text));
    if (status == CT_OK)
        status = ct__file_write_tensor(&r.file, x, CT__BIG_ENDIAN);
    return ct__replace_end(&r, status);
}
