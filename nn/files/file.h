/* Files to read: opened, their size known, every failure an error that names caller, path and
 * reason. */
#ifndef COTANGENT_FILE_H
#define COTANGENT_FILE_H
#include <cotangent/nn.h>

typedef struct ct__file {
    ct_context *cx;
    const char *who, *path;
    int descriptor;
    int64_t bytes;
} ct__file;

/* a regular file; who, cx and path are set by the caller */
ct_status ct__file_open(ct__file *f);
void ct__file_close(ct__file *f);
/* at most `bytes`: fewer only at the end of the file; -1: an error */
int64_t ct__file_read(ct__file *f, void *out, int64_t bytes);
ct_status ct__file_rewind(ct__file *f);
ct_status ct__file_skip(ct__file *f, int64_t bytes);
/* "read_idx: PATH: ..."; returns code */
ct_status ct__file_fail(const ct__file *f, ct_status code, const char *format, ...)
    CT_PRINTF(3, 4);
/* "read_idx: PATH: cannot VERB: what errno says" */
ct_status ct__file_errno(const ct__file *f, const char *verb);
#endif
