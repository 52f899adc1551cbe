/* PGM and PPM (netpbm.sourceforge.net/doc/ppm.html): "P5", width, height and the largest value as
 * text, one white space, then the samples as bytes, or as two bytes each if the largest value is
 * above 255. P2 and P3 have the samples as text. P2 and P5 are gray, P3 and P6 RGB. */
#include <stdio.h>

#include "image.h"

typedef struct place {
    const ct__image_source *s;
    int64_t at;
} place;

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* white space, and comments from # to the end of the line */
static void skip(place *p)
{
    bool comment = false;
    for (; p->at < p->s->bytes; p->at++) {
        unsigned char c = p->s->data[p->at];
        comment = (comment || c == '#') && c != '\n';
        if (!comment && !is_space(c))
            return;
    }
}

/* a number of 0 to 2^31 - 1; -1: there is none */
static int64_t take_number(place *p)
{
    int64_t value = 0, begin;
    skip(p);
    for (begin = p->at; p->at < p->s->bytes; p->at++) {
        unsigned digit = p->s->data[p->at] - (unsigned)'0';
        if (digit > 9)
            break;
        value = 10 * value + digit;
        if (value > INT32_MAX)
            return -1;
    }
    return p->at > begin ? value : -1;
}

/* samples up to `most` become samples up to 255, or up to 65535 */
static void store(ct__image *image, int64_t i, int64_t value, int64_t most)
{
    const int64_t full = image->bytes == 1 ? 255 : 65535;
    const int64_t scaled = most == full ? value : (value * full + most / 2) / most;
    if (image->bytes == 1)
        image->pixels[i] = (unsigned char)scaled;
    else
        ((uint16_t *)(void *)image->pixels)[i] = (uint16_t)scaled;
}

static ct_status read_samples(place *p, ct__image *image, bool text, int64_t most)
{
    const int64_t count = image->width * image->height * image->channels;
    for (int64_t i = 0; i < count; i++) {
        const unsigned char *raw = p->s->data + p->at + i * image->bytes;
        int64_t value = text ? take_number(p) : image->bytes == 1 ? raw[0] : raw[0] << 8 | raw[1];
        if (value < 0 || value > most)
            return ct__file_fail(p->s->file, CT_ERROR_FORMAT, "sample %lld must be a number from 0 "
                                 "to %lld", (long long)i, (long long)most);
        store(image, i, value, most);
    }
    return CT_OK;
}

/* the samples must fill the file; of text each takes two bytes or more, but for the last */
static ct_status check_bytes(const place *p, const ct__image *image, bool text)
{
    int64_t held = p->s->bytes - p->at, each = text ? 2 : image->bytes;
    int64_t pixels = image->width * image->height; /* below 2^62 */
    if (pixels > (held + 1) / each / image->channels)
        return ct__file_fail(p->s->file, CT_ERROR_FORMAT, "truncated: %lld bytes are too few for "
                             "%lld x %lld pixels", (long long)held, (long long)image->width,
                             (long long)image->height);
    int64_t wanted = pixels * image->channels * each;
    if (!text && held != wanted)
        return ct__file_fail(p->s->file, CT_ERROR_FORMAT, "%s: the samples take %lld bytes, and "
                             "there are %lld", held < wanted ? "truncated" : "too long",
                             (long long)wanted, (long long)held);
    return CT_OK;
}

ct_status ct__pnm_read(const ct__image_source *s, ct__image *image)
{
    place p = { s, 2 };
    const int kind = s->data[1];
    const bool text = kind < '5';
    image->width = take_number(&p);
    image->height = take_number(&p);
    const int64_t most = take_number(&p);
    if (image->width < 1 || image->height < 1 || most < 1 || most > 65535 || p.at == s->bytes ||
        !is_space(s->data[p.at]))
        return ct__file_fail(s->file, CT_ERROR_FORMAT, "its header must hold a width, a height, "
                             "and a largest value of at most 65535");
    p.at++;
    image->channels = kind == '2' || kind == '5' ? 1 : 3;
    image->bytes = most > 255 ? 2 : 1;
    ct_status status = check_bytes(&p, image, text);
    if (status == CT_OK)
        status = ct__image_room(s, image);
    return status == CT_OK ? read_samples(&p, image, text, most) : status;
}

ct_status ct__pnm_write(ct__picture *p)
{
    char header[64];
    int n = snprintf(header, sizeof header, "P%c\n%lld %lld\n255\n", p->channels == 1 ? '5' : '6',
                     (long long)p->width, (long long)p->height);
    ct_status status = ct__file_write(p->file, header, n);
    for (int64_t y = 0; y < p->height && status == CT_OK; y++) {
        status = p->fill(p, y);
        if (status == CT_OK)
            status = ct__file_write(p->file, p->row, p->width * p->channels);
    }
    return status;
}
