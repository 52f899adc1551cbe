/* Tensors with names, and pairs of texts, as a file of safetensors keeps them. The format
 * (github.com/huggingface/safetensors), all little-endian: the length of the header, 8 bytes; the
 * header as JSON, {"__metadata__":{"KEY":"VALUE",...},"NAME":{"dtype":"F32","shape":[2,3],
 * "data_offsets":[BEGIN,END]},...}, padded with spaces; the data, row-major, without holes. */
#ifndef COTANGENT_TENSORS_FILE_H
#define COTANGENT_TENSORS_FILE_H
#include "archive.h"
#include "module.h"
#include "text.h"

enum { CT__TENSOR_NAME = CT__PATH + 16, CT__PAIR_VALUE = 32 };

typedef struct ct__named {
    const char *name;       /* in `room`, or the caller's */
    char room[CT__TENSOR_NAME];
    ct_tensor *x;
    ct_tensor *fresh;       /* what was read for x; it goes with the scope of the load */
} ct__named;

typedef struct ct__pair {
    const char *key;
    char value[CT__PAIR_VALUE];
} ct__pair;

typedef struct ct__tensors {
    ct_context *cx;
    const char *who, *path; /* the public function without ct_, and its argument */
    unsigned flags;         /* of reading: CT_ALLOW_MISSING ... */
    ct__named *all;         /* n of them, an object of the context */
    int n, room;
    ct__pair *pairs;        /* `count` of them; the reader fills in the values */
    int count;
    const ct_pair *texts;   /* of writing: `text_count` more */
    int text_count;
    int64_t shard_bytes;    /* of writing: 0, or as in ct_archive_options */
    const ct_rename *renames; /* of reading: `rename_count` of them */
    int rename_count;
    ct_load_report *report; /* of reading; or NULL */
} ct__tensors;

/* room for n tensors; an error for lack of memory. ct__tensors_free gives it back */
ct_status ct__tensors_room(ct__tensors *t, int n);
void ct__tensors_free(ct__tensors *t);
/* appends x, whose name is the two texts together */
void ct__tensors_add(ct__tensors *t, const char *before, const char *name, ct_tensor *x);
/* how many parameters and buffers are below m; and appends them, by their paths from m */
int ct__tensors_below(const ct_module *m);
ct_status ct__tensors_add_module(ct__tensors *t, const char *before, const ct_module *m);

/* checks what a caller wants to write, and lists it: tensors of cx that are usable, names and texts
   of UTF-8, each name and key once. On success ct__tensors_free is to be called */
ct_status ct__tensors_list(ct__tensors *t, const char *const *names, ct_tensor *const *tensors,
                           int n, const ct_archive_options *options);
/* checks what a caller wants beside the tensors, and adds it to t; the options may be NULL */
ct_status ct__tensors_add_options(ct__tensors *t, const ct_archive_options *options);

/* writes all; the file, or the index of several, is replaced in one step */
ct_status ct__tensors_write(const ct__tensors *t);
/* writes all into an open file */
ct_status ct__tensors_write_to(const ct__file *f, const ct__tensors *t);
/* writes all into several files and their index: shards.c */
ct_status ct__shards_write(const ct__tensors *t);
/* puts a text of UTF-8 on the page, as JSON has it */
void ct__put_json(ct__page *page, const char *text);
bool ct__is_utf8(const char *text);
/* fills in the values of the pairs; an error if one is not there */
ct_status ct__tensors_read_pairs(ct__tensors *t, const ct_archive *a);
/* reads all from the archive, and gives it to the tensors: all or nothing */
ct_status ct__tensors_load(ct__tensors *t, ct_archive *a);
/* gives what was read to the tensors themselves, after checking that all may be written */
ct_status ct__tensors_take(const ct__tensors *t);

static inline const char *ct__dtype_name(ct_dtype dtype)
{
    return dtype == CT_F32 ? "F32" : dtype == CT_F64 ? "F64" : dtype == CT_I64 ? "I64" : "BOOL";
}

static inline int64_t ct__tensor_bytes(const ct_tensor *x)
{
    return ct_count(x) * (int64_t)ct_dtype_size(ct_dtype_of(x));
}
#endif
