/* Replacing a file in one step: the new content is written under another name in the same folder,
 * and at the end takes the file's place. So a reader finds the old content or the new one, never a
 * part. */
#ifndef COTANGENT_REPLACE_H
#define COTANGENT_REPLACE_H
#include "file.h"

enum { CT__NAME = 256 }; /* bytes of a name in a folder */

typedef struct ct__replacement {
    ct__file file;       /* the new file. The caller sets cx, who and path */
    int folder;          /* the folder of both names, open */
    char name[CT__NAME]; /* the file to be replaced, with every symbolic link followed */
    char part[CT__NAME]; /* the new file, until it is complete */
} ct__replacement;

/* opens the new file, with the mode of the old one, and its owner where the system allows it */
ct_status ct__replace_begin(ct__replacement *r);
/* gives another new file, which is open, the mode and the owner of this one */
void ct__replace_like(const ct__replacement *r, int descriptor);
/* CT_OK: the new file takes the old one's place. Else the new file is removed. Returns `status`, or
   why that failed */
ct_status ct__replace_end(ct__replacement *r, ct_status status);
#endif
