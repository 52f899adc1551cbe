/* Files with one array: IDX, .npy, gzip, and bytes. */
#include <string.h>

#include "fuzz.h"

/* Elements of one byte become 8, and are read in blocks; so much memory is wanted at most. */
enum { ROOM = 256 << 10, LIMIT = 1 << 20 };
static const ct_read_options options = { .max_bytes = LIMIT };

static int64_t most_for(const uint8_t *data, size_t size)
{
    bool is_gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    return is_gzip ? 2 * LIMIT + ROOM : 16 * (int64_t)size + ROOM;
}

/* a dtype, by the bytes; 0 too, if it may be */
static ct_dtype wanted;

static void choose(const uint8_t *data, size_t size, bool none)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = 31 * sum + data[i];
    wanted = (ct_dtype)(none ? sum % 5 : 1 + sum % 4);
}

/* what was read has the dtype that was asked for, and can be used */
static void look(const ct_tensor *x, ct_dtype dtype)
{
    if (!x)
        return;
    MUST(!dtype || ct_dtype_of(x) == dtype);
    MUST(ct_count(x) * (int64_t)ct_dtype_size(ct_dtype_of(x)) <= LIMIT);
    ct_text(x);
}

static void idx(ct_context *cx, const char *path)
{
    look(ct_read_idx(cx, path, wanted, &options), wanted);
}

void fuzz_idx(const uint8_t *data, size_t size)
{
    choose(data, size, false);
    fuzz_file(data, size, most_for(data, size), idx);
}

static void npy(ct_context *cx, const char *path)
{
    look(ct_read_npy(cx, path, wanted, &options), wanted);
}

void fuzz_npy(const uint8_t *data, size_t size)
{
    choose(data, size, true);
    fuzz_file(data, size, most_for(data, size), npy);
}

static void gzip(ct_context *cx, const char *path)
{
    look(ct_read_bytes(cx, path, &options), CT_I64);
    ct_error_clear(cx);
    const char *text = ct_read_text(cx, path, &options);
    MUST(!text == (ct_error(cx) != CT_OK));
    if (text && *text && strlen(text) < 1 << 12) { /* more of the same takes long and shows nothing */
        ct_vocabulary *v = ct_vocabulary_new(cx, text, NULL);
        ct_tensor *indices = ct_vocabulary_encode(v, text);
        const char *again = ct_vocabulary_decode(v, indices);
        MUST(again && strcmp(again, text) == 0);
        ct_vocabulary_free(v);
    }
}

void fuzz_gzip(const uint8_t *data, size_t size)
{
    fuzz_file(data, size, (int64_t)64 << 20, gzip);
}
