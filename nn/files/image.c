/* Images as tensors (channels,height,width). What a file begins with tells its format; what is
 * written has the format that its name ends with. */
#include <math.h>
#include <string.h>

#include "checks.h"
#include "image.h"
#include "replace.h"

static ct_status check_options(ct_context *cx, const char *who, const char *path,
                               const ct_image_options *o)
{
    if (!path)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the path is NULL", who);
    if (!ct__options_zeroed(cx, who, o->reserved))
        return CT_ERROR_VALUE;
    if (o->channels < 0 || o->channels > 4 || o->max_bytes < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: there must be 1 to 4 channels, or 0 for those of "
                       "the file, and max_bytes must not be negative", who);
    return CT_OK;
}

/* -- Reading */
/* a pixel of n channels as one of m, which has as many or others. The weights are those of
   luminance in ITU-R BT.601, as Pillow has them */
static void convert(const unsigned *in, int n, unsigned full, int m, unsigned *out)
{
    const bool color = n >= 3;
    const unsigned alpha = n % 2 == 0 ? in[n - 1] : full;
    for (int k = 0; k < m; k++)
        out[k] = color ? in[k < 3 ? k : 0] : in[0];
    if (color && m <= 2)
        out[0] = (unsigned)(((uint64_t)in[0] * 19595 + (uint64_t)in[1] * 38470 +
                             (uint64_t)in[2] * 7471 + 32768) >> 16);
    if (m % 2 == 0)
        out[m - 1] = alpha;
}

static unsigned sample(const ct__image *image, int64_t i)
{
    return image->bytes == 1 ? image->pixels[i] : ((const uint16_t *)(void *)image->pixels)[i];
}

static void store(const ct_tensor *x, void *out, int64_t i, unsigned value, double full)
{
    if (ct_dtype_of(x) == CT_F32)
        ((float *)out)[i] = (float)(value / full);
    else if (ct_dtype_of(x) == CT_F64)
        ((double *)out)[i] = value / full;
    else
        ((int64_t *)out)[i] = value;
}

static ct_tensor *tensor_of(ct_context *cx, const ct__image *image, ct_dtype dtype,
                            const ct_image_options *o)
{
    const int m = o->channels ? o->channels : image->channels;
    const int64_t pixels = image->width * image->height;
    const unsigned full = image->bytes == 1 ? 255 : 65535;
    ct_tensor *x = ct_empty(cx, dtype, CT_SHAPE(m, image->height, image->width));
    void *out = x ? ct_data_mutable(x) : NULL;
    for (int64_t i = 0; out && i < pixels; i++) {
        unsigned in[4] = { 0 }, to[4] = { 0 };
        for (int k = 0; k < image->channels; k++)
            in[k] = sample(image, i * image->channels + k);
        convert(in, image->channels, full, m, to);
        for (int k = 0; k < m; k++)
            store(x, out, k * pixels + i, to[k], o->unit ? full : 1);
    }
    return out ? x : NULL;
}

static ct_status read_any(const ct__image_source *s, ct__image *image)
{
    static const unsigned char png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    if (s->bytes >= 8 && memcmp(s->data, png, 8) == 0)
        return ct__png_read(s, image);
    if (s->bytes >= 2 && s->data[0] == 'P' && strchr("2356", s->data[1]) && s->data[1])
        return ct__pnm_read(s, image);
    return ct__file_fail(s->file, CT_ERROR_FORMAT, "it must be PNG, PGM or PPM: it begins like "
                         "none of these");
}

ct_tensor *ct_read_image(ct_context *cx, const char *path, ct_dtype dtype,
                         const ct_image_options *options)
{
    const ct_image_options o = options ? *options : (ct_image_options){ 0 };
    const ct_read_options sizes = { .max_bytes = o.max_bytes };
    ct__file f = { .cx = cx, .who = "read_image", .path = path };
    if (check_options(cx, f.who, path, &o) != CT_OK)
        return NULL;
    if (dtype != CT_F32 && dtype != CT_F64 && (dtype != CT_I64 || o.unit))
        return ct_fail(cx, CT_ERROR_DTYPE, "read_image: the dtype must be f32, f64, or, without "
                       "`unit`, i64"), NULL;
    ct__image image = { .channels = 1 };
    ct__image_source s = { .file = &f, .limit = ct__read_limit(cx, f.who, path, &sizes) };
    char *text = ct__read_whole(&f, s.limit, &s.bytes);
    s.limit /= (int64_t)ct_dtype_size(dtype) * (o.channels ? 4 : 1);
    s.data = (const unsigned char *)text;
    ct_tensor *x = NULL;
    if (text && read_any(&s, &image) == CT_OK)
        x = tensor_of(cx, &image, dtype, &o);
    ct_object_free(image.pixels);
    ct_object_free(text);
    return x;
}

/* -- Writing */
typedef struct painting {
    const double *values;
    double scale;
} painting;

static ct_status fill_row(ct__picture *p, int64_t y)
{
    const painting *from = p->user;
    for (int64_t x = 0; x < p->width; x++)
        for (int k = 0; k < p->channels; k++) {
            double value = from->scale * from->values[(k * p->height + y) * p->width + x];
            if (value != value)
                return ct__file_fail(p->file, CT_ERROR_VALUE, "pixel (%d,%lld,%lld) must be a "
                                     "number, and is NaN", k, (long long)y, (long long)x);
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            p->row[x * p->channels + k] = (unsigned char)floor(value + 0.5);
        }
    return CT_OK;
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

/* how an image of that many channels is written to that path; NULL and an error */
static ct_status (*writer(const ct__file *f, int64_t channels))(ct__picture *p)
{
    bool gray = ends_with(f->path, ".pgm"), color = ends_with(f->path, ".ppm");
    if (ends_with(f->path, ".png") && channels >= 1 && channels <= 4)
        return ct__png_write;
    if ((gray && channels == 1) || (color && channels == 3))
        return ct__pnm_write;
    ct__file_fail(f, CT_ERROR_VALUE, "the name must end in .png for 1 to 4 channels, in .pgm for "
                  "1, or in .ppm for 3; there are %lld", (long long)channels);
    return NULL;
}

static ct_status paint(ct_tensor *x, const ct__file *file, double scale)
{
    const int axes = ct_ndim(x);
    const int64_t channels = axes == 3 ? ct_size(x, 0) : 1;
    ct_status (*write)(ct__picture *p) = writer(file, channels);
    ct_tensor *plain = write ? ct_contiguous(ct_cast(x, CT_F64)) : NULL;
    painting from = { plain ? ct_data_f64(plain) : NULL, scale };
    if (!from.values)
        return ct_error(file->cx);
    ct__replacement r = { .file = *file };
    ct__picture p = { .file = &r.file, .channels = (int)channels, .height = ct_size(x, axes - 2),
                      .width = ct_size(x, axes - 1), .fill = fill_row, .user = &from };
    p.row = ct_object_new(file->cx, (size_t)p.width * (size_t)channels, NULL);
    ct_status status = p.row ? ct__replace_begin(&r) : CT_ERROR_MEMORY;
    if (status == CT_OK)
        status = ct__replace_end(&r, write(&p));
    ct_object_free(p.row);
    return status;
}

ct_status ct_write_image(ct_tensor *x, const char *path, const ct_image_options *options)
{
    const ct_image_options o = options ? *options : (ct_image_options){ 0 };
    if (!ct_usable(x, "write_image"))
        return x ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = ct_context_of(x);
    ct__file f = { .cx = cx, .who = "write_image", .path = path };
    ct_status status = check_options(cx, f.who, path, &o);
    if (status != CT_OK)
        return status;
    const int axes = ct_ndim(x);
    if ((axes != 2 && axes != 3) || ct_count(x) == 0) {
        char room[CT_SHAPE_TEXT];
        return ct_fail(cx, CT_ERROR_SHAPE, "write_image: x must be (height,width) or "
                       "(channels,height,width), with pixels, got %s", ct_shape_text(x, room));
    }
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    status = paint(x, &f, o.unit || ct_dtype_of(x) == CT_BOOL ? 255 : 1);
    ct_scope_end(cx, scope);
    return status;
}
