/* Files that hold one array.
 *
 * What the header claims is compared with what the file holds before memory is taken for it. A gzip
 * file does not say reliably how much it holds, so it is inflated twice: once to count (and to
 * check its CRC), once to keep. */
#include "array.h"
#include "checks.h"

/* a file while it is read */
typedef struct reader {
    ct__gzip content;
    const ct__array_call *call;
} reader;

ct_status ct__array_bytes(const ct__source *s, void *out, int64_t bytes, const char *why)
{
    int64_t n = s->read(s->from, out, bytes);
    if (n < 0)
        return ct_error(s->file->cx);
    return n == bytes ? CT_OK : ct__file_fail(s->file, CT_ERROR_FORMAT, "truncated: %s", why);
}

static int64_t read_gzip(void *z, void *out, int64_t bytes)
{
    return ct__gzip_read(z, out, bytes);
}

static ct__source source_of(reader *r)
{
    return (ct__source){ &r->content.file, read_gzip, &r->content };
}

/* -- The header */
ct_status ct__array_measure(const ct__file *f, ct__array *a)
{
    int64_t places = 1, most = CT_MAX_BYTES / a->element.bytes;
    a->count = 1;
    for (int i = 0; i < a->ndim; i++) {
        if (a->shape[i] > most / places)
            return ct__file_fail(f, CT_ERROR_FORMAT, "its dimensions overflow");
        places *= a->shape[i] > 0 ? a->shape[i] : 1;
        a->count *= a->shape[i];
    }
    a->bytes = a->header + a->count * a->element.bytes;
    return CT_OK;
}

static ct_status read_header(reader *r, ct__array *a)
{
    const ct__source s = source_of(r);
    ct_status status = r->call->read_header(&s, a);
    return status == CT_OK ? ct__array_measure(s.file, a) : status;
}

/* the bytes of the content, or, if they are more than `claimed`, any number above that; -1: an
   error. `so_far` of them have been read */
static int64_t held_bytes(reader *r, int64_t so_far, int64_t claimed)
{
    unsigned char chunk[CT__CHUNK];
    if (!r->content.is_gzip)
        return r->content.file.bytes;
    for (int64_t n = CT__CHUNK; n == CT__CHUNK && so_far <= claimed; so_far += n) {
        n = ct__gzip_read(&r->content, chunk, CT__CHUNK);
        if (n < 0)
            return -1;
    }
    return so_far;
}

static ct_status check_bytes(reader *r, const ct__array *a)
{
    const ct__file *f = &r->content.file;
    int64_t held = held_bytes(r, a->header, a->bytes);
    if (held < 0)
        return ct_error(f->cx);
    if (held < a->bytes)
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "truncated: %lld bytes, where the header asks for %lld",
                             (long long)held, (long long)a->bytes);
    if (held > a->bytes)
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "too long: more than the %lld bytes that the header asks for",
                             (long long)a->bytes);
    return CT_OK;
}

/* -- The elements */
static ct_dtype dtype_of(ct_dtype wanted, const ct__array *a)
{
    return wanted ? wanted : ct__element_dtype(a->element);
}

/* x is the array with its axes reversed; returns it as it should be */
static ct_tensor *turned(ct_tensor *x)
{
    int64_t axes[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    for (int i = 0; i < ndim; i++)
        axes[i] = ndim - 1 - i;
    return ct_contiguous(ct_permute(x, axes, ndim));
}

ct_tensor *ct__array_elements(const ct__source *s, const ct__array *a, ct_dtype dtype)
{
    int64_t shape[CT_MAX_DIMS];
    for (int i = 0; i < a->ndim; i++)
        shape[i] = a->shape[a->columns_first ? a->ndim - 1 - i : i];
    ct_tensor *x = ct_empty(s->file->cx, dtype_of(dtype, a), shape, a->ndim);
    const ct__target target = { dtype_of(dtype, a), x ? ct_data_mutable(x) : NULL };
    if (!target.out || ct__elements_read(s, a->element, a->count, &target) != CT_OK)
        return NULL;
    return a->columns_first ? turned(x) : x;
}

/* -- Twice over the file: once to check it, once to keep what it holds */
static ct_status check(reader *r, int64_t max_bytes)
{
    ct__array a = { .count = 0 };
    ct_status status = ct__gzip_start(&r->content);
    if (status != CT_OK)
        return status;
    status = read_header(r, &a);
    if (status == CT_OK)
        status = check_bytes(r, &a);
    ct__gzip_stop(&r->content);
    const int64_t each = (int64_t)ct_dtype_size(dtype_of(r->call->dtype, &a));
    if (status == CT_OK && a.count > max_bytes / each)
        status = ct__file_fail(&r->content.file, CT_ERROR_MEMORY,
                               "%lld elements take more than max_bytes, %lld", (long long)a.count,
                               (long long)max_bytes);
    return status;
}

static ct_tensor *keep(reader *r)
{
    ct__array a = { .count = 0 };
    if (ct__gzip_start(&r->content) != CT_OK)
        return NULL;
    const ct__source s = source_of(r);
    ct_tensor *x = read_header(r, &a) == CT_OK ? ct__array_elements(&s, &a, r->call->dtype) : NULL;
    ct__gzip_stop(&r->content);
    return x;
}

int64_t ct__read_limit(ct_context *cx, const char *who, const char *path,
                       const ct_read_options *options)
{
    const int64_t standard = (int64_t)4 << 30;
    if (!path)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the path is NULL", who), -1;
    if (!options)
        return standard;
    if (!ct__options_zeroed(cx, who, options->reserved))
        return -1;
    if (options->max_bytes < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: max_bytes is negative", who), -1;
    return options->max_bytes ? options->max_bytes : standard;
}

ct_tensor *ct__array_read(const ct__array_call *call, const ct_read_options *options)
{
    ct_context *cx = call->cx;
    int64_t limit = ct__read_limit(cx, call->who, call->path, options);
    reader *r = limit >= 0 ? ct_object_new(cx, sizeof *r, NULL) : NULL;
    ct_scope scope = r ? ct_scope_begin(cx) : 0;
    ct_tensor *x = NULL;
    if (scope) {
        ct__file *f = &r->content.file;
        r->call = call;
        *f = (ct__file){ .cx = cx, .who = call->who, .path = call->path };
        if (ct__file_open(f) == CT_OK) {
            if (check(r, limit) == CT_OK)
                x = keep(r);
            ct__file_close(f);
        }
        x = ct_scope_return(cx, scope, x);
    }
    ct_object_free(r);
    return x;
}
