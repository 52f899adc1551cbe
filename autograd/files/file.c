/* Files, by their descriptors: so no memory is taken but the context's. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

ct_status ct__file_fail(const ct__file *f, ct_status code, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return ct_fail(f->cx, code, "%s: %.300s: %s", f->who, f->path, reason);
}

ct_status ct__file_errno(const ct__file *f, const char *verb)
{
    char reason[128] = "unknown error";
    strerror_r(errno, reason, sizeof reason);
    return ct__file_fail(f, CT_ERROR_FILE, "cannot %s: %s", verb, reason);
}

ct_status ct__file_regular(const ct__file *f, const struct stat *about, const char *verb)
{
    if (S_ISREG(about->st_mode))
        return CT_OK;
    return ct__file_fail(f, CT_ERROR_FILE, "cannot %s: it is %s", verb,
                         S_ISDIR(about->st_mode) ? "a directory" : "not a regular file");
}

ct_status ct__file_open(ct__file *f)
{
    struct stat about;
    do
        f->descriptor = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (f->descriptor < 0 && errno == EINTR);
    if (f->descriptor < 0)
        return ct__file_errno(f, "open");
    ct_status status = fstat(f->descriptor, &about) == 0 ? ct__file_regular(f, &about, "open")
                                                         : ct__file_errno(f, "read");
    if (status == CT_OK)
        f->bytes = (int64_t)about.st_size;
    else
        ct__file_close(f);
    return status;
}

void ct__file_close(ct__file *f)
{
    close(f->descriptor);
}

int64_t ct__file_read(ct__file *f, void *out, int64_t bytes)
{
    const int64_t most = 1 << 30; /* one call of some systems takes no more */
    char *to = out;
    int64_t done = 0;
    while (done < bytes) {
        int64_t part = bytes - done < most ? bytes - done : most;
        ssize_t n = read(f->descriptor, to + done, (size_t)part);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return ct__file_errno(f, "read"), -1;
        done += n > 0 ? n : 0;
    }
    return done;
}

ct_status ct__file_rewind(ct__file *f)
{
    return ct__file_seek(f, 0);
}

ct_status ct__file_seek(ct__file *f, int64_t at)
{
    return lseek(f->descriptor, (off_t)at, SEEK_SET) >= 0 ? CT_OK : ct__file_errno(f, "read");
}

ct_status ct__file_write(const ct__file *f, const void *data, int64_t bytes)
{
    const int64_t most = 1 << 30;
    for (const char *from = data; bytes > 0;) {
        ssize_t n = write(f->descriptor, from, (size_t)(bytes < most ? bytes : most));
        if (n < 0 && errno != EINTR)
            return ct__file_errno(f, "write");
        from += n > 0 ? n : 0;
        bytes -= n > 0 ? n : 0;
    }
    return CT_OK;
}
