/* PNG through libpng, which takes its memory from the context, and leaves by longjmp when something
 * is wrong. Without libpng such files are refused. */
#include "image.h"

#if CT_HAVE_PNG
#include <png.h>
#include <string.h>

typedef struct work {
    const ct__file *file;
    const ct__image_source *source; /* of reading */
    int64_t at;
    ct__image *image;
    ct__picture *picture;           /* of writing */
    png_structp png;
    png_infop info;
    ct_status status;
} work;

static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    return ct_object_new(png_get_mem_ptr(png), bytes, NULL);
}

static void give_back(png_structp png, png_voidp block)
{
    (void)png;
    ct_object_free(block);
}

/* does not return. libpng's own reason is the error, unless there was one already */
static void stop(png_structp png, png_const_charp reason)
{
    work *w = png_get_error_ptr(png);
    if (w->status == CT_OK)
        w->status = ct__file_fail(w->file, CT_ERROR_FORMAT, "libpng says: %.150s", reason);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp warning)
{
    (void)png, (void)warning;
}

/* -- Reading */
static void read_bytes(png_structp png, png_bytep out, size_t n)
{
    work *w = png_get_io_ptr(png);
    if ((uint64_t)(w->source->bytes - w->at) < n)
        png_error(png, "the file is truncated");
    memcpy(out, w->source->data + w->at, n);
    w->at += (int64_t)n;
}

/* deflate makes at most 1,032 bytes of one, so a small file cannot hold a large image */
static bool is_plausible(const work *w)
{
    int64_t row = (int64_t)png_get_rowbytes(w->png, w->info);
    return row <= INT64_MAX / (int64_t)png_get_image_height(w->png, w->info) &&
           row * (int64_t)png_get_image_height(w->png, w->info) / 1032 <= w->source->bytes;
}

static void read_header(work *w)
{
    png_read_info(w->png, w->info);
    if (!is_plausible(w))
        png_error(w->png, "the file is truncated");
    png_set_expand(w->png); /* palettes, fewer than 8 bits, transparent colors */
    if (png_get_bit_depth(w->png, w->info) == 16 && !CT__BIG_ENDIAN)
        png_set_swap(w->png);
}

static void read_image(work *w)
{
    png_set_read_fn(w->png, w, read_bytes);
    png_set_chunk_malloc_max(w->png, (png_alloc_size_t)1 << 26); /* of texts, profiles, ... */
    read_header(w);
    const int passes = png_set_interlace_handling(w->png);
    png_read_update_info(w->png, w->info);
    ct__image *image = w->image;
    image->width = png_get_image_width(w->png, w->info);
    image->height = png_get_image_height(w->png, w->info);
    image->channels = png_get_channels(w->png, w->info);
    image->bytes = png_get_bit_depth(w->png, w->info) / 8;
    w->status = ct__image_room(w->source, image);
    if (w->status != CT_OK)
        png_error(w->png, "no room");
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < image->height; y++)
            png_read_row(w->png, image->pixels + y * (int64_t)png_get_rowbytes(w->png, w->info),
                         NULL);
    png_read_end(w->png, NULL);
}

/* -- Writing */
static void write_bytes(png_structp png, png_bytep data, size_t n)
{
    work *w = png_get_io_ptr(png);
    w->status = ct__file_write(w->file, data, (int64_t)n);
    if (w->status != CT_OK)
        png_error(png, "cannot write");
}

static void flush(png_structp png)
{
    (void)png;
}

static void write_image(work *w)
{
    static const int colors[] = { 0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                  PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    ct__picture *p = w->picture;
    png_set_write_fn(w->png, w, write_bytes, flush);
    if (p->width > PNG_USER_WIDTH_MAX || p->height > PNG_USER_HEIGHT_MAX)
        png_error(w->png, "the image has more than 1,000,000 rows or columns");
    png_set_IHDR(w->png, w->info, (png_uint_32)p->width, (png_uint_32)p->height, 8,
                 colors[p->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int64_t y = 0; y < p->height; y++) {
        w->status = p->fill(p, y);
        if (w->status != CT_OK)
            png_error(w->png, "no row");
        png_write_row(w->png, p->row);
    }
    png_write_end(w->png, NULL);
}

/* -- Both: setjmp in a function that has no variables which it could spoil */
static bool attempt(work *w, void (*body)(work *w))
{
    if (setjmp(png_jmpbuf(w->png)) != 0)
        return false;
    w->info = png_create_info_struct(w->png);
    if (!w->info)
        png_error(w->png, "out of memory");
    body(w);
    return true;
}

static ct_status run(work *w, bool writes)
{
    const ct_status memory = CT_ERROR_MEMORY;
    w->png = (writes ? png_create_write_struct_2 : png_create_read_struct_2)(
        PNG_LIBPNG_VER_STRING, w, stop, ignore, w->file->cx, take, give_back);
    if (!w->png)
        return ct__file_fail(w->file, memory, "libpng cannot start: out of memory, or of another "
                             "version");
    bool whole = attempt(w, writes ? write_image : read_image);
    if (writes)
        png_destroy_write_struct(&w->png, &w->info);
    else
        png_destroy_read_struct(&w->png, &w->info, NULL);
    return whole ? CT_OK : w->status;
}

ct_status ct__png_read(const ct__image_source *s, ct__image *image)
{
    return run(&(work){ .file = s->file, .source = s, .image = image }, false);
}

ct_status ct__png_write(ct__picture *p)
{
    return run(&(work){ .file = p->file, .picture = p }, true);
}
#else
static ct_status refuse(const ct__file *f)
{
    return ct__file_fail(f, CT_ERROR_UNSUPPORTED, "is PNG, and this build has no libpng");
}

ct_status ct__png_read(const ct__image_source *s, ct__image *image)
{
    (void)image;
    return refuse(s->file);
}

ct_status ct__png_write(ct__picture *p)
{
    return refuse(p->file);
}
#endif
