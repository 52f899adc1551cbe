/* Archives of tensors: npz and GGUF; and tensors of DLPack. */
#include "fuzz.h"

enum { ROOM = 512 << 10, LIMIT = 1 << 20 };

/* all that an archive can be asked */
static void ask(ct_context *cx, const char *path)
{
    const ct_read_options options = { .max_bytes = LIMIT };
    int64_t shape[CT_MAX_DIMS];
    ct_archive *a = ct_archive_open(cx, path, &options);
    MUST(!a == (ct_error(cx) != CT_OK));
    for (int i = 0; a && i < ct_archive_count(a); i++) {
        const char *name = ct_archive_name(a, i);
        MUST(name && ct_archive_dtype(a, name));
        int ndim = ct_archive_shape(a, name, shape);
        ct_scope scope = ct_scope_begin(cx);
        const ct_tensor *x = ct_archive_read(a, name, (ct_dtype)(i % 5));
        MUST(!x || (ct_ndim(x) == ndim && (i % 5 == 0 || (int)ct_dtype_of(x) == i % 5)));
        for (int d = 0; x && d < ndim; d++)
            MUST(ct_size(x, d) == shape[d]);
        ct_scope_end(cx, scope);
        ct_error_clear(cx);
    }
    for (int i = 0; a && i < ct_archive_texts(a); i++)
        MUST(ct_archive_text(a, ct_archive_key(a, i)));
    ct_archive_close(a);
}

/* an element of 2 bits becomes a number of 64 */
static int64_t most_for(size_t size)
{
    return 64 * (int64_t)size + ROOM;
}

void fuzz_gguf(const uint8_t *data, size_t size)
{
    fuzz_file(data, size, most_for(size), ask);
}

void fuzz_npz(const uint8_t *data, size_t size)
{
    fuzz_file(data, size, most_for(size) + 4 * LIMIT, ask);
}

/* -- DLPack: a struct made of the bytes, over memory that holds all that may be read of it */
static int given_back;

static void give_back(ct_dl_managed_versioned *m)
{
    (void)m;
    given_back++;
}

/* most often 0 to 3 */
static int64_t odd(fuzz_bytes *b, const int64_t all[4])
{
    int n = fuzz_take(b, 64);
    return n < 4 ? all[n] : n % 4;
}

/* sizes and strides that are refused, or within reach of the memory: 3 + 3 + ... steps of 3 */
static void make_sizes(fuzz_bytes *b, int64_t *shape, int64_t *strides, int n)
{
    static const int64_t sizes[4] = { -1, INT64_MIN, INT64_MAX, INT64_MAX / 2 + 1 },
                         steps[4] = { INT64_MIN, INT64_MAX, INT64_MIN + 1, -3 };
    for (int d = 0; d < n; d++) {
        shape[d] = odd(b, sizes);
        strides[d] = odd(b, steps);
    }
}

static void use(ct_context *cx, ct_dl_managed_versioned *m)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_from_dlpack(cx, m);
    MUST(!x == (ct_error(cx) != CT_OK) && given_back == 0);
    if (x) {
        ct_text(x);
        ct_dl_managed_versioned *again = ct_to_dlpack(x);
        MUST(again && again->tensor.ndim == m->tensor.ndim);
        MUST((again->flags & CT_DL_READ_ONLY) >= (m->flags & CT_DL_READ_ONLY));
        again->deleter(again);
    }
    ct_scope_end(cx, scope);
    MUST(given_back == (x != NULL));
    ct_error_clear(cx);
}

void fuzz_dlpack(const uint8_t *data, size_t size)
{
    enum { SIZES = 12, ROOM_EACH_WAY = 200 };
    static double memory[2 * ROOM_EACH_WAY];
    static ct_context *cx;
    fuzz_bytes b = fuzz_begin(data, size);
    int64_t shape[SIZES], strides[SIZES];
    if (!cx)
        cx = ct_context_new(NULL);
    MUST(cx);
    given_back = 0;
    make_sizes(&b, shape, strides, SIZES);
    ct_dl_managed_versioned m = {
        .version = { (uint32_t)(fuzz_take(&b, 8) ? 1 : 2), 0 }, .deleter = give_back,
        .flags = (uint64_t)fuzz_take(&b, 4),
        .tensor = { .data = fuzz_take(&b, 16) ? memory + ROOM_EACH_WAY : NULL,
                    .device = { fuzz_take(&b, 16) ? CT_DL_CPU : fuzz_take(&b, 20), 0 },
                    .ndim = fuzz_take(&b, 8) ? fuzz_take(&b, 5) : fuzz_take(&b, 12) - 2,
                    .dtype = { (uint8_t)(fuzz_take(&b, 4) ? CT_DL_FLOAT : fuzz_take(&b, 8)),
                               (uint8_t)(8 << fuzz_take(&b, 4)),
                               (uint16_t)(fuzz_take(&b, 16) ? 1 : 2) },
                    .shape = fuzz_take(&b, 32) ? shape : NULL,
                    .strides = fuzz_take(&b, 4) ? strides : NULL,
                    .byte_offset = (uint64_t)fuzz_take(&b, 17) } };
    int64_t count = 1; /* without strides it is what is read */
    for (int d = 0; d < m.tensor.ndim && d < SIZES && count > 0 && count < ROOM_EACH_WAY; d++)
        count = shape[d] > 0 && shape[d] <= 3 ? count * shape[d] : 0;
    if (count < ROOM_EACH_WAY / 2)
        use(cx, &m);
}
