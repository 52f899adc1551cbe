/* Files, for all rooms above, those of nn/ too. Every failure is an error that names the caller,
 * the path and the reason. */
#ifndef COTANGENT_FILE_H
#define COTANGENT_FILE_H
#include <sys/stat.h>

#include <cotangent/context.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define CT__BIG_ENDIAN 1
#else
#define CT__BIG_ENDIAN 0
#endif

typedef struct ct__file {
    ct_context *cx;
    const char *who, *path; /* the public function without ct_, and its argument */
    int descriptor;
    int64_t bytes;          /* the size of a file that is read */
} ct__file;

/* opens a regular file to read it. The caller sets cx, who and path */
ct_status ct__file_open(ct__file *f);
void ct__file_close(ct__file *f);
/* CT_OK for a regular file; for any other an error that it "cannot VERB" */
ct_status ct__file_regular(const ct__file *f, const struct stat *about, const char *verb);
/* reads at most `bytes`; fewer only at the end of the file, and -1 is an error */
int64_t ct__file_read(ct__file *f, void *out, int64_t bytes);
ct_status ct__file_rewind(ct__file *f);
ct_status ct__file_seek(ct__file *f, int64_t at); /* goes on there, from the beginning */
ct_status ct__file_write(const ct__file *f, const void *data, int64_t bytes);
/* "read_idx: PATH: ...", what the format says; returns code */
ct_status ct__file_fail(const ct__file *f, ct_status code, const char *format, ...)
    CT_PRINTF(3, 4);
/* "read_idx: PATH: cannot VERB: ...", what errno says */
ct_status ct__file_errno(const ct__file *f, const char *verb);
#endif
