/* Our files for libzip: all that it reads and writes goes through ct__file, so that a path is
 * opened by us alone, and a failure of the system is our error. libzip's own memory is from malloc.
 */
#ifndef COTANGENT_ZIP_SOURCE_H
#define COTANGENT_ZIP_SOURCE_H
#include "file.h"

#if CT_HAVE_ZIP
#include <zip.h>

typedef struct ct__zip_source {
    ct__file *file;
    bool writes;      /* a new archive is written to it; else it is one that is read */
    int64_t at;       /* the place of the next byte */
    zip_error_t error;
} ct__zip_source;

/* opens an archive in the file; NULL and an error. `s` must live as long as the archive */
zip_t *ct__zip_open(ct__zip_source *s);
/* "PATH: WHY: what libzip says"; returns code */
ct_status ct__zip_fail(const ct__file *f, ct_status code, const char *why, zip_error_t *error);
#endif
#endif
