/* Archives: files that hold several tensors with names. Three formats are read, and told apart by
 * what is in the file, not by its name:
 *
 *   safetensors   of Hugging Face; and NAME.safetensors.index.json, whose tensors are in several
 *                 such files beside it
 *   npz           of NumPy's savez and savez_compressed: a zip of .npy
 *   GGUF          of llama.cpp, versions 2 and 3
 *
 *   ct_archive *a = ct_archive_open(cx, "model.safetensors", NULL);
 *   ct_tensor *w = ct_archive_read(a, "encoder.weight", CT_F32);
 *   ct_archive_close(a);
 *
 * No such file is trusted. What it says of itself is compared with the bytes that are there before
 * memory is taken for it, nothing in it is ever executed (no pickle), and no other file is opened
 * than those in the folder of an index that it names. Errors are those of io.h. */
#ifndef COTANGENT_ARCHIVE_H
#define COTANGENT_ARCHIVE_H
#include <cotangent/io.h>
CT_API_BEGIN

/* an open file with its list of tensors; it reads each of them when it is asked to */
typedef struct ct_archive ct_archive;

/* opens an archive and reads what it lists, but no tensor. Every tensor of the list lies in the
   file, is of the size that its dtype and shape say, and has a name of its own. In safetensors
   there are no overlaps and no holes. max_bytes limits each tensor.

   Safetensors need a build with jansson, npz one with libzip: CT_ERROR_UNSUPPORTED */
ct_archive *ct_archive_open(ct_context *cx, const char *path, const ct_read_options *options);
/* closes the file. What is not closed goes with the context. A closed one is CT_ERROR_STALE, as for
   modules; NULL does nothing */
void ct_archive_close(ct_archive *a);
int ct_archive_count(const ct_archive *a);     /* how many tensors there are; -1 on failure */
/* the name of tensor i, in the order of the file. The archive owns it, as all texts here. NULL,
   without an error, if there are no more */
const char *ct_archive_name(const ct_archive *a, int i);
/* the type of its elements, as the format calls it: "BF16", "<f8", "Q8_0" */
const char *ct_archive_dtype(const ct_archive *a, const char *name);
/* its sizes, row-major, are written to shape; returns how many they are, or -1 on failure */
int ct_archive_shape(const ct_archive *a, const char *name, int64_t shape[CT_MAX_DIMS]);
/* the tensor of that name. With dtype 0 it has the dtype that holds all values: f32 for F16, BF16,
   F32 and Q8_0; f64; i64 for integers; bool. Else values are converted as by ct_read_idx. Types of
   fewer bits and of complex numbers are CT_ERROR_DTYPE */
ct_tensor *ct_archive_read(ct_archive *a, const char *name, ct_dtype dtype);

/* Texts in an archive that belong to no tensor: __metadata__ of safetensors, and the numbers and
   texts of GGUF's header, all as texts; its lists are passed over, as is what an index says */
int ct_archive_texts(const ct_archive *a);     /* how many there are; -1 on failure */
/* the key of text i; NULL, without an error, if there are no more */
const char *ct_archive_key(const ct_archive *a, int i);
/* the text of that key; NULL, without an error, if there is none */
const char *ct_archive_text(const ct_archive *a, const char *key);

/* -- Writing. The file is replaced as by ct_module_save */
/* a text with its key, both of UTF-8 */
typedef struct ct_pair {
    const char *key, *text;
} ct_pair;
typedef struct ct_archive_options {
    const ct_pair *texts;      /* n of them, each key once; of safetensors only */
    int n;
    bool compress;             /* of npz only: as savez_compressed does */
    int64_t shard_bytes;       /* of safetensors only: with more than 0 there are several files, and
                                  no file has more bytes of tensors than that, unless it holds one
                                  tensor that is larger */
    uint64_t reserved[4];
} ct_archive_options;
/* writes n tensors as safetensors, by their names, which are of UTF-8 and distinct.

   With shard_bytes the path is that of an index, NAME.safetensors.index.json, and the tensors, of
   which there must be one at least, go in their order into NAME-00001-of-00003.safetensors and so
   on beside it; each file has the texts. The index is replaced when all of them are written. Until
   then the files of the old index stay as they are: if NAME-... are in use, the new files are
   called NAME.ct-1-00001-of-00003.safetensors, or with the next number that is free. At last all
   files of both forms that the new index does not name are removed, or after a failure the new
   ones. A save that was killed leaves some, and the next save removes them. Two saves to one index
   must not run at the same time. CT_ERROR_VALUE: another path, a NAME that is not UTF-8 or has a
   backslash, no tensors, or more than 99999 files */
ct_status ct_write_safetensors(ct_context *cx, const char *path, const char *const *names,
                               ct_tensor *const *tensors, int n,
                               const ct_archive_options *options);
/* the same as npz, for numpy.load: NAME is in it as NAME.npy. Entries of more than 4 GiB are as
   ZIP64 has them. Needs a build with libzip, otherwise it is CT_ERROR_UNSUPPORTED */
ct_status ct_write_npz(ct_context *cx, const char *path, const char *const *names,
                       ct_tensor *const *tensors, int n, const ct_archive_options *options);
/* ct_module_save, with texts beside the tensors */
ct_status ct_module_save_with(const ct_module *m, const char *path,
                              const ct_archive_options *options);

/* -- Modules from elsewhere: the names in the archive need not be those of the module.
 *
 *   const ct_rename names[] = { { "encoder.*", "net.*" }, { "*", NULL } };
 *   ct_load_report report;
 *   ct_module_load_from(m, a, &(ct_load_options){ .renames = names, .n = 2 }, &report);
 *
 * loads encoder.0.weight into net.0.weight, and nothing else; it fails if a tensor of m gets no
 * value */
/* names that match `from` become `to`; in both, one * may stand for any text. With NULL as `to`
   they are passed over */
typedef struct ct_rename {
    const char *from, *to;
} ct_rename;
typedef struct ct_load_options {
    unsigned flags;            /* CT_ALLOW_MISSING, CT_ALLOW_EXTRA; else either is an error */
    const ct_rename *renames;  /* n of them: the first that matches a name counts; a name that none
                                  matches stays as it is */
    int n;
    uint64_t reserved[4];
} ct_load_options;
/* what a load did, filled in on failure too */
typedef struct ct_load_report {
    int loaded;                /* tensors of the archive that have their place in the module */
    int missing, extra;        /* tensors that only the module has, and that only the archive has;
                                  those that a rename passes over are not counted */
    const char *missing_names, *extra_names; /* these, one in a line; texts of the scope */
    uint64_t reserved[4];
} ct_load_report;
/* as ct_module_load, from any archive: all values or none are taken. `options` and `report` may be
   NULL. A tensor must have the module's shape and, as ct_archive_read reads it with dtype 0, its
   dtype; F16, BF16 and Q8_0 are also read into f64. Two names of the archive that become one are an
   error */
ct_status ct_module_load_from(ct_module *m, ct_archive *a, const ct_load_options *options,
                              ct_load_report *report);

CT_API_END
#endif
