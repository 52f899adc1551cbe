/* Archives from the inside: a list of tensors, and where in a file their bytes are. Each format
 * fills in the list when it is opened. */
#ifndef COTANGENT_ARCHIVE_FILE_H
#define COTANGENT_ARCHIVE_FILE_H
#include <cotangent/archive.h>

#include "array.h"
#include "words.h"

/* one tensor of an archive */
typedef struct ct__piece {
    const char *name, *dtype; /* dtype as the format calls it; both are the archive's texts */
    ct__element element;      /* bytes 0: such elements cannot be read */
    bool columns_first;       /* as in ct__array */
    int ndim;                 /* if it is more than CT_MAX_DIMS, the tensor cannot be read */
    int64_t shape[CT_MAX_DIMS];
    int64_t begin, end;       /* its bytes in the file; in npz, begin is the entry's number */
    int file;                 /* in which file they are, of an archive of several */
} ct__piece;

/* a text of the archive, in the list of all of them */
typedef struct ct__kept {
    struct ct__kept *next;
    char text[];
} ct__kept;

struct ct_archive {
    ct_context *cx;
    ct__file file;            /* the file that is open, for messages too */
    const char *path;         /* the archive's */
    int64_t limit;            /* max_bytes */
    ct__piece *pieces;        /* `count` of them; an object of the context, as what follows */
    int64_t count, room;
    ct__words names;          /* of the pieces, by number */
    ct_pair *pairs;           /* texts with keys */
    int64_t texts, text_room;
    ct__words keys;
    ct__kept *kept;
    /* reads the bytes of a piece; NULL: they lie in the file as they are */
    ct_tensor *(*read)(ct_archive *a, const ct__piece *p, ct_dtype dtype);
    void *state;              /* the format's own, an object of the context */
    const char **files;       /* of an archive of several: their paths, and their sizes */
    int64_t *sizes;
    int current;              /* the number of the one that is open */
};

/* opens an archive in the name of `who` */
ct_archive *ct__archive_open(ct_context *cx, const char *who, const char *path, int64_t limit);
void ct__archive_close(ct_archive *a); /* NULL does nothing */
/* true if the archive is open; its messages are `who`'s from now on. NULL is false without an error
   */
bool ct__archive_alive(const ct_archive *a, const char *who);

/* -- For formats, while they fill in the list. Each is an error for lack of memory */
/* n bytes as a text of the archive; NULL and an error */
const char *ct__archive_keep(ct_archive *a, const char *text, size_t n);
/* appends a piece, whose texts are the archive's; an error if the name is there */
ct_status ct__archive_add(ct_archive *a, const ct__piece *p);
/* appends copies of a key and its text; nothing, if the key is there */
ct_status ct__archive_add_text(ct_archive *a, const char *key, const char *text);
/* for messages about the archive, whichever of its files is open */
ct__file ct__archive_file(const ct_archive *a);
/* "PATH: 'NAME' WHY", CT_ERROR_FORMAT; the path is that of the open file */
ct_status ct__archive_bad(const ct_archive *a, const char *name, const char *why);

/* -- The formats. Each lists what the open file holds */
ct_status ct__safetensors_list(ct_archive *a);
ct_status ct__shards_list(ct_archive *a); /* of the files that an index names */
ct_status ct__gguf_list(ct_archive *a);
ct_status ct__npz_list(ct_archive *a);

/* -- Reading */
/* the piece of that name; NULL without an error */
const ct__piece *ct__archive_find(const ct_archive *a, const char *name);
/* how many numbers it has; it can be read */
int64_t ct__piece_count(const ct__piece *p);
/* CT_OK, or an error that says why such a piece cannot be read */
ct_status ct__piece_readable(const ct_archive *a, const ct__piece *p);
/* the tensor of a piece, in the innermost scope; dtype 0: its own */
ct_tensor *ct__piece_read(ct_archive *a, const ct__piece *p, ct_dtype dtype);
#endif
