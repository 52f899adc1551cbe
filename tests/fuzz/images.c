/* Images: PNG, PGM and PPM. */
#include <string.h>

#include "fuzz.h"

static void image(ct_context *cx, const char *path)
{
    for (int channels = 0; channels <= 4; channels += 3) {
        ct_tensor *x = ct_read_image(cx, path, CT_F32, &(ct_image_options){
            .channels = channels, .unit = channels == 0, .max_bytes = 1 << 20 });
        if (!x)
            continue;
        MUST(ct_ndim(x) == 3 && (channels == 0 || ct_size(x, 0) == channels));
        MUST(4 * ct_count(x) <= 1 << 20);
    }
}

void fuzz_pnm(const uint8_t *data, size_t size)
{
    fuzz_file(data, size, (int64_t)8 << 20, image);
}

/* -- PNG. A chunk is its length, its name, data, and a checksum, which is made right here: else
 * hardly any change would get past it */
static uint32_t number(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t checksum(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
    }
    return ~c;
}

void fuzz_png(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 16, SIGNATURE = 8, FRAME = 12 };
    static uint8_t file[MOST];
    if (size > MOST)
        return;
    memcpy(file, data, size);
    for (size_t at = SIGNATURE, length; at + FRAME <= size; at += FRAME + length) {
        length = number(file + at);
        if (length > size - at - FRAME)
            break;
        uint32_t sum = checksum(file + at + 4, length + 4);
        for (int k = 0; k < 4; k++)
            file[at + 8 + length + (size_t)k] = (uint8_t)(sum >> (24 - 8 * k));
    }
    fuzz_file(file, size, (int64_t)8 << 20, image);
}
