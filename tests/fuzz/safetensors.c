/* Parameters of a module. The first byte is the flags; the second says what happens to the header's
 * length, which is made right, since hardly any change would have the right one. */
#include <string.h>

#include "fuzz.h"

static unsigned flags;

static void load(ct_context *cx, const char *path)
{
    ct_module *m = ct_module_new(cx, "fuzz", NULL, NULL);
    ct_tensor *w = ct_module_add_parameter(m, "w", ct_full(cx, CT_F32, CT_SHAPE(2, 3), 7));
    ct_tensor *b = ct_module_add_buffer(m, "b", ct_full(cx, CT_BOOL, CT_SHAPE(3), 1));
    ct_tensor *n = ct_module_add_buffer(m, "n", ct_full(cx, CT_I64, NULL, 0, 7));
    ct_tensor *d = ct_module_add_parameter(m, "d", ct_full(cx, CT_F64, CT_SHAPE(0, 2), 7));
    MUST(w && b && n && d);
    if (ct_module_load(m, path, flags) != CT_OK) { /* nothing has changed */
        ct_error_clear(cx);
        MUST(ct_max_difference(w, ct_full(cx, CT_F32, CT_SHAPE(2, 3), 7)) == 0);
        MUST(ct_at(b, CT_INDEX(0)) == 1 && ct_item_int(n) == 7);
    }
    for (int64_t i = 0; i < 3; i++)
        MUST(((const unsigned char *)ct_data(b))[i] <= 1);
    ct_module_free(m);
}

void fuzz_safetensors(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 16, LENGTH = 8 };
    static uint8_t file[MOST];
    if (size < 2 || size - 2 > MOST)
        return;
    flags = data[0] & 3;
    bool right = data[1] < 128;
    data += 2, size -= 2;
    memcpy(file, data, size);
    const uint8_t *end = memchr(data, '\n', size); /* a line break ends the header */
    if (right && end && end - data >= LENGTH) {
        uint64_t length = (uint64_t)(end - data) - LENGTH + 1;
        for (int k = 0; k < LENGTH; k++)
            file[k] = (uint8_t)(length >> (8 * k));
    }
    fuzz_file(file, size, 64 * (int64_t)size + (256 << 10), load);
}
