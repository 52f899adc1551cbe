/* Files for libzip. */
#include "zip_source.h"

#if CT_HAVE_ZIP
ct_status ct__zip_fail(const ct__file *f, ct_status code, const char *why, zip_error_t *error)
{
    if (zip_error_code_zip(error) == ZIP_ER_MEMORY)
        code = CT_ERROR_MEMORY;
    return ct__file_fail(f, code, "%s: %s", why, zip_error_strerror(error));
}

static zip_int64_t fails(ct__zip_source *s, int code)
{
    zip_error_set(&s->error, code, 0);
    return -1;
}

static zip_int64_t tell_about(ct__zip_source *s, zip_stat_t *about)
{
    zip_stat_init(about);
    about->size = s->writes ? 0 : (zip_uint64_t)s->file->bytes;
    about->valid = ZIP_STAT_SIZE;
    return (zip_int64_t)sizeof *about;
}

/* of a file that is written nobody knows the end, and nobody seeks from there */
static zip_int64_t seek(ct__zip_source *s, void *data, zip_uint64_t n)
{
    zip_uint64_t end = s->writes ? INT64_MAX : (zip_uint64_t)s->file->bytes;
    zip_int64_t at = zip_source_seek_compute_offset((zip_uint64_t)s->at, end, data, n, &s->error);
    if (at < 0)
        return -1;
    if (ct__file_seek(s->file, at) != CT_OK)
        return fails(s, ZIP_ER_SEEK);
    s->at = at;
    return 0;
}

static zip_int64_t transfer(ct__zip_source *s, void *data, zip_uint64_t n)
{
    zip_int64_t bytes = (zip_int64_t)n;
    if (!s->writes)
        bytes = ct__file_read(s->file, data, bytes);
    else if (ct__file_write(s->file, data, bytes) != CT_OK)
        bytes = -1;
    s->at += bytes > 0 ? bytes : 0;
    return bytes < 0 ? fails(s, s->writes ? ZIP_ER_WRITE : ZIP_ER_READ) : bytes;
}

static zip_int64_t call(void *user, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    ct__zip_source *s = user;
    switch (command) {
    case ZIP_SOURCE_OPEN:
    case ZIP_SOURCE_BEGIN_WRITE:
        s->at = 0;
        return ct__file_rewind(s->file) == CT_OK ? 0 : fails(s, ZIP_ER_SEEK);
    case ZIP_SOURCE_READ:
    case ZIP_SOURCE_WRITE:
        return transfer(s, data, n);
    case ZIP_SOURCE_SEEK:
    case ZIP_SOURCE_SEEK_WRITE:
        return seek(s, data, n);
    case ZIP_SOURCE_TELL:
    case ZIP_SOURCE_TELL_WRITE:
        return s->at;
    case ZIP_SOURCE_STAT:
        return tell_about(s, data);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&s->error, data, n);
    case ZIP_SOURCE_SUPPORTS:
        return s->writes ? ZIP_SOURCE_SUPPORTS_WRITABLE : ZIP_SOURCE_SUPPORTS_SEEKABLE;
    case ZIP_SOURCE_CLOSE: /* the file is not ours to close, or to take back */
    case ZIP_SOURCE_FREE:
    case ZIP_SOURCE_COMMIT_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
        return 0;
    default:
        return fails(s, ZIP_ER_OPNOTSUPP);
    }
}

zip_t *ct__zip_open(ct__zip_source *s)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_error_init(&s->error);
    zip_source_t *source = zip_source_function_create(call, s, &error);
    int how = s->writes ? ZIP_CREATE | ZIP_TRUNCATE : ZIP_RDONLY | ZIP_CHECKCONS;
    zip_t *zip = source ? zip_open_from_source(source, how, &error) : NULL;
    if (!zip) {
        zip_source_free(source);
        ct__zip_fail(s->file, CT_ERROR_FORMAT, "damaged or no zip", &error);
    }
    zip_error_fini(&error);
    return zip;
}
#else
typedef int ct__no_zip; /* C wants something in a file */
#endif
