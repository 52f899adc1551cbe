/* Reading the list of GGUF (github.com/ggml-org/ggml, docs/gguf.md), versions 2 and 3, all
 * little-endian: "GGUF", the version in 4 bytes, the numbers of tensors and of keys in 8 bytes
 * each; the keys with their values; for each tensor its name, its sizes, the fastest first, its
 * type and its place; and, from the next multiple of general.alignment on, the data. A text is its
 * length in 8 bytes and its bytes.
 *
 * Nothing that a number in the file promises is believed: a text is compared with the bytes that
 * are left before memory is taken for it, and a list is passed over element by element. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "archive.h"
#include "utf8.h"

enum { BUFFER = 16384, MOST = 1 << 30 /* bytes of a text, which fit any memory's addresses */ };

/* the header while it is read */
typedef struct header {
    ct_archive *a;
    int64_t at;                   /* the place in the file of the next byte */
    int64_t held, used;           /* bytes of the buffer that were read, and taken */
    uint64_t alignment;
    ct_status status;             /* CT_OK, or why the rest is zeros */
    unsigned char buffer[BUFFER];
} header;

/* -- Bytes. After a failure all that is taken is zero */
static bool fails(header *h, ct_status status)
{
    if (h->status == CT_OK)
        h->status = status;
    return false;
}

static bool bad(header *h, const char *why)
{
    if (h->status == CT_OK)
        fails(h, ct__file_fail(&h->a->file, CT_ERROR_FORMAT, "%s", why));
    return false;
}

static int64_t left(const header *h)
{
    return h->a->file.bytes - h->at;
}

/* takes n bytes; out NULL: passes over them */
static bool take(header *h, void *out, uint64_t n)
{
    char *to = out;
    if (h->status != CT_OK || n > (uint64_t)left(h))
        return bad(h, "truncated: its header breaks off");
    for (int64_t todo = (int64_t)n; todo > 0;) {
        if (h->used == h->held) {
            h->held = ct__file_read(&h->a->file, h->buffer, BUFFER);
            h->used = 0;
            if (h->held <= 0)
                return h->held < 0 ? fails(h, ct_error(h->a->cx))
                                   : bad(h, "truncated while it was read");
        }
        int64_t part = h->held - h->used < todo ? h->held - h->used : todo;
        if (to) {
            memcpy(to, h->buffer + h->used, (size_t)part);
            to += part;
        }
        h->used += part;
        h->at += part;
        todo -= part;
    }
    return true;
}

static uint64_t number(header *h, int bytes)
{
    unsigned char b[8] = { 0 };
    uint64_t value = 0;
    if (!take(h, b, (uint64_t)bytes))
        return 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | b[i];
    return value;
}

/* a text without zero bytes; NULL and an error */
static const char *text(header *h)
{
    uint64_t n = number(h, 8);
    uint32_t code;
    if (n > (uint64_t)left(h))
        return bad(h, "truncated: a text breaks off"), NULL;
    if (n > MOST)
        return bad(h, "a text is too long"), NULL;
    char *copy = h->status == CT_OK ? ct_object_new(h->a->cx, (size_t)n + 1, NULL) : NULL;
    if (!copy)
        return fails(h, ct_error(h->a->cx)), NULL;
    const char *kept = NULL;
    if (take(h, copy, n)) {
        bool right = strlen(copy) == n;
        for (const char *c = copy; right && *c; c += ct__utf8(c, &code))
            right = ct__utf8(c, &code) > 0;
        kept = right ? ct__archive_keep(h->a, copy, (size_t)n) : NULL;
        if (!right)
            bad(h, "a text is not UTF-8, or has zero bytes");
        else if (!kept)
            fails(h, ct_error(h->a->cx));
    }
    ct_object_free(copy);
    return kept;
}

/* -- Keys and their values */
enum { U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, LIST, U64, I64, F64, TYPES };
static const int bytes_of[TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

static void print_float(char *out, size_t room, double value, int digits)
{
    snprintf(out, room, "%.*g", digits, value);
    for (char *c = out; *c; c++) /* the point is a point, whatever the locale writes */
        if (*c == ',')
            *c = '.';
}

/* a number as a text */
static void print(char *out, size_t room, uint64_t type, uint64_t value)
{
    const uint32_t low = (uint32_t)value;
    const int unused = 64 - 8 * bytes_of[type];
    float single;
    double twice;
    memcpy(&single, &low, sizeof single);
    memcpy(&twice, &value, sizeof twice);
    if (type == F32)
        print_float(out, room, (double)single, FLT_DECIMAL_DIG);
    else if (type == F64)
        print_float(out, room, twice, DBL_DECIMAL_DIG);
    else if (type == BOOL)
        snprintf(out, room, "%s", value ? "true" : "false");
    else if (type == I8 || type == I16 || type == I32 || type == I64)
        snprintf(out, room, "%lld", (long long)((int64_t)(value << unused) >> unused));
    else
        snprintf(out, room, "%llu", (unsigned long long)value);
}

/* passes over a list. Every element takes a byte or more, so a false length ends with the file */
static bool pass_list(header *h)
{
    uint64_t type = number(h, 4), n = number(h, 8);
    if (h->status != CT_OK)
        return false;
    if (type >= TYPES || type == LIST)
        return bad(h, "a list has elements of a type that is not known");
    if (type != TEXT)
        return n > (uint64_t)left(h) / (uint64_t)bytes_of[type]
                   ? bad(h, "truncated: a list breaks off")
                   : take(h, NULL, n * (uint64_t)bytes_of[type]);
    for (; n > 0 && h->status == CT_OK; n--)
        take(h, NULL, number(h, 8));
    return h->status == CT_OK;
}

static bool take_pair(header *h)
{
    const char *key = text(h), *value;
    char room[64];
    uint64_t type = number(h, 4);
    if (h->status != CT_OK)
        return false;
    if (type >= TYPES)
        return bad(h, "a key has a value of a type that is not known");
    if (type == LIST)
        return pass_list(h);
    if (type == TEXT) {
        value = text(h);
    } else {
        uint64_t bits = number(h, bytes_of[type]);
        if (type == U32 && key && strcmp(key, "general.alignment") == 0)
            h->alignment = bits;
        print(room, sizeof room, type, bits);
        value = room;
    }
    if (h->status == CT_OK && value)
        fails(h, ct__archive_add_text(h->a, key, value));
    return h->status == CT_OK;
}

/* -- Tensors */
/* how elements of that type are read, and what they are called */
static const char *element_of(uint64_t type, ct__element *e, char room[32])
{
    static const struct { unsigned type; const char *name; ct__element element; } all[] = {
        { 0, "F32", { 'f', 4, false } },  { 1, "F16", { 'f', 2, false } },
        { 8, "Q8_0", { 'q', CT__BLOCK_BYTES, false } }, { 24, "I8", { 'i', 1, false } },
        { 25, "I16", { 'i', 2, false } }, { 26, "I32", { 'i', 4, false } },
        { 27, "I64", { 'i', 8, false } }, { 28, "F64", { 'f', 8, false } },
        { 30, "BF16", { 'h', 2, false } },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].type == type)
            return *e = all[i].element, all[i].name;
    *e = (ct__element){ .bytes = 0 };
    snprintf(room, 32, "type %llu", (unsigned long long)type);
    return room;
}

/* sets p->end, from the place of the data on: as many bytes as the sizes ask for. Elements that
   cannot be read have bytes that nobody knows, so only their begin is checked */
static bool measure(header *h, ct__piece *p)
{
    int64_t places = 1, each = p->element.kind == 'q' ? CT__BLOCK : 1;
    for (int i = 0; i < p->ndim; i++) {
        if (p->shape[i] > CT_MAX_BYTES / 8 / places) /* of the largest element */
            return bad(h, "the sizes of a tensor overflow");
        places *= p->shape[i] > 0 ? p->shape[i] : 1;
    }
    if ((p->ndim > 0 ? p->shape[p->ndim - 1] : 1) % each != 0)
        return bad(h, "rows of Q8_0 must be of whole blocks");
    int64_t bytes = ct__piece_count(p) / each * p->element.bytes;
    if (p->begin > INT64_MAX - bytes)
        return bad(h, "the place of a tensor overflows");
    p->end = p->begin + bytes;
    return true;
}

static bool take_tensor(header *h)
{
    ct__piece p = { .name = text(h) };
    char room[32];
    uint64_t sizes[CT_MAX_DIMS], ndim = number(h, 4);
    if (ndim > CT_MAX_DIMS)
        return bad(h, "a tensor has more dimensions than are possible, 8");
    for (uint64_t i = 0; i < ndim; i++)
        sizes[i] = number(h, 8);
    const char *name = element_of(number(h, 4), &p.element, room);
    uint64_t begin = number(h, 8);
    if (h->status != CT_OK)
        return false;
    p.ndim = (int)ndim;
    for (uint64_t i = 0; i < ndim; i++) {
        if (sizes[i] > CT_MAX_BYTES)
            return bad(h, "the sizes of a tensor overflow");
        p.shape[ndim - 1 - i] = (int64_t)sizes[i];
    }
    if (begin > INT64_MAX || begin % h->alignment != 0)
        return bad(h, "the place of a tensor is no multiple of the alignment");
    p.begin = (int64_t)begin;
    p.dtype = ct__archive_keep(h->a, name, strlen(name));
    if (!p.dtype)
        return fails(h, ct_error(h->a->cx));
    if (!measure(h, &p))
        return false;
    fails(h, ct__archive_add(h->a, &p));
    return h->status == CT_OK;
}

/* moves the pieces to where the data begin, and looks whether they are there */
static bool place(header *h)
{
    ct_archive *a = h->a;
    int64_t over = h->at % (int64_t)h->alignment;
    int64_t data = h->at + (over > 0 ? (int64_t)h->alignment - over : 0);
    for (int64_t i = 0; i < a->count; i++) {
        ct__piece *p = &a->pieces[i];
        if (data > a->file.bytes || p->end > a->file.bytes - data)
            return fails(h, ct__archive_bad(a, p->name, "lies outside of the file: truncated?"));
        p->begin += data;
        p->end += data;
    }
    return true;
}

static void take_all(header *h)
{
    char magic[4];
    take(h, magic, 4);
    uint64_t version = number(h, 4), tensors = number(h, 8), pairs = number(h, 8);
    if (h->status == CT_OK && version != 2 && version != 3)
        bad(h, version > 0xffff ? "this GGUF is big-endian, which is not read"
                                : "its version of GGUF must be 2 or 3");
    for (; pairs > 0 && h->status == CT_OK; pairs--)
        take_pair(h);
    if (h->alignment == 0 || (h->alignment & (h->alignment - 1)) != 0)
        bad(h, "general.alignment must be a power of two");
    for (; tensors > 0 && h->status == CT_OK; tensors--)
        take_tensor(h);
    if (h->status == CT_OK)
        place(h);
}

ct_status ct__gguf_list(ct_archive *a)
{
    header *h = ct_object_new(a->cx, sizeof *h, NULL);
    if (!h)
        return ct_error(a->cx);
    h->a = a;
    h->alignment = 32;
    take_all(h);
    ct_status status = h->status;
    ct_object_free(h);
    return status;
}
