/* Files. Everything read is checked against what the file really holds before memory is taken for
 * it. Errors name the path and the reason: CT_ERROR_FILE for what the system refuses (no such file,
 * a folder, a full disk), CT_ERROR_FORMAT for what the content should not be. */
#ifndef COTANGENT_IO_H
#define COTANGENT_IO_H
#include <cotangent/nn.h>
CT_API_BEGIN

typedef struct ct_read_options {
    int64_t max_bytes; /* a larger result is CT_ERROR_MEMORY; default 4 GiB */
    uint64_t reserved[4];
} ct_read_options;

/* IDX, the format of MNIST, with any of its element types: integers of 8, 16 and 32 bits, f32 and
   f64. The file may be plain or gzip, with several members and zero bytes after them, whatever it
   is called. Values are converted to `dtype`, never scaled: pixels are 0..255. For i64 fractions
   are cut off; for bool every value but 0 is true. Gzip needs a build with zlib, otherwise it is
   CT_ERROR_UNSUPPORTED */
ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options);

/* writes IDX: f32 and f64 as they are, bool as bytes 0 and 1, and i64 as the type of fewest bits
   that holds all values: bytes without a sign, or integers of 8, 16 and 32 bits. If none does, it
   is an error. The file is replaced as by ct_module_save */
ct_status ct_write_idx(ct_tensor *x, const char *path);

/* The format of NumPy's save and load: .npy, versions 1 to 3, row-major or not, of floats f2 f4 f8,
   integers i1 i2 i4 i8 u1 u2 u4 u8, and bool, in either byte order; plain or gzip. With dtype 0 the
   result has the dtype that holds all values: f32 for f2 and f4, f64, i64 for integers, bool. Else
   values are converted as by ct_read_idx. A u8 that an i64 cannot hold is an error. The result is
   row-major */
ct_tensor *ct_read_npy(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options);
/* writes version 1, as f4, f8, i8 or bool. The file is replaced as by ct_module_save */
ct_status ct_write_npy(ct_tensor *x, const char *path);

/* -- CSV (RFC 4180): a table of columns, each with a type. Fields may be in quotes, with
 * separators, line breaks and doubled quotes inside. Every record has as many fields as the first
 * one, which is a header, unless `no_header`. Empty lines at the end count only where records have
 * one field. A mark of UTF-8 at the beginning is passed over. The file may be gzip. Errors name
 * line and column.
 *
 *   ct_table *t = ct_read_csv(cx, "houses.csv", NULL);
 *   ct_tensor *x = ct_table_matrix(t, CT_F32, CT_NAMES("rooms", "area"));
 *   ct_tensor *y = ct_table_column(t, "price");
 *
 * These texts are missing values: nothing, NA N/A n/a NaN nan NULL null None. Numbers have a
 * decimal point, whatever the locale, and may be inf or infinity; spaces round them are passed
 * over */
typedef struct ct_table ct_table;              /* a table that was read */
/* the types of columns, and what is in their tensors */
typedef enum ct_column_kind {
    CT_COLUMN_ANY = 0,         /* the first of the others that fits all fields */
    CT_COLUMN_BOOL,            /* bool: true True TRUE, false False FALSE; if asked for, 1 and 0 */
    CT_COLUMN_INT,             /* i64 */
    CT_COLUMN_FLOAT,           /* f64; a missing value is NaN */
    CT_COLUMN_CATEGORY         /* i64: texts are 0, 1, ... as they come; a missing one is -1 */
} ct_column_kind;
/* a column that ct_read_csv is asked for */
typedef struct ct_column {
    const char *name;
    ct_column_kind kind;
} ct_column;
typedef struct ct_csv_options {
    char separator;            /* default: a comma */
    bool no_header;            /* columns are called "0", "1", ... */
    const ct_column *columns;  /* only these n, in this order; NULL: all, of any kind */
    int n;
    const char *missing;       /* one more text for a missing value: "?" */
    bool missing_fails;        /* a missing value is an error; in bool and i64 it always is */
    int64_t max_bytes;         /* as in ct_read_options, of file and result */
    uint64_t reserved[4];
} ct_csv_options;
/* reads a table; NULL on failure */
ct_table *ct_read_csv(ct_context *cx, const char *path, const ct_csv_options *options);
int64_t ct_table_rows(const ct_table *t);      /* how many records; -1 on failure */
int ct_table_width(const ct_table *t);         /* how many columns; -1 on failure */
/* the name of a column; the table owns it, as all that these functions return */
const char *ct_table_name(const ct_table *t, int column);
/* a column: (rows), of the dtype of its kind. Retain it if it is to outlive the table */
ct_tensor *ct_table_column(const ct_table *t, const char *name);
/* (rows,n): these columns, converted; with NULL all but the categories. The scope's */
ct_tensor *ct_table_matrix(const ct_table *t, ct_dtype dtype, const char *const *names, int n);
/* a list of names, written as both arguments: CT_NAMES("rooms", "area") */
#define CT_NAMES(...) CT_LIST(const char *, __VA_ARGS__)
/* the text of category i; NULL, without an error, if there are no more */
const char *ct_table_category(const ct_table *t, const char *name, int64_t i);
/* frees the table. What is not freed goes with the context. A freed one is CT_ERROR_STALE, as for
   modules */
void ct_table_free(ct_table *t);

/* -- Images: (channels,height,width), channels 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
 * Values are 0..255, or 0..65535 from files with 16 bits; fewer bits are scaled to 255 */
typedef struct ct_image_options {
    int channels;              /* convert to that many; default: those of the file */
    bool unit;                 /* values are 0 to 1 in the tensor */
    int64_t max_bytes;         /* as in ct_read_options */
    uint64_t reserved[4];
} ct_image_options;
/* PNG, PGM and PPM, whatever it is called; dtype f32, f64, or without `unit` i64. Color becomes
   gray as 0.299 red + 0.587 green + 0.114 blue, rounded; alpha is dropped, or added as opaque. PNG
   needs a build with libpng, otherwise it is CT_ERROR_UNSUPPORTED; also in writing */
ct_tensor *ct_read_image(ct_context *cx, const char *path, ct_dtype dtype,
                         const ct_image_options *options);
/* writes x, (height,width) or (channels,height,width), with 8 bits; the name ends in .png, .pgm or
   .ppm. Values are rounded, and those outside of 0..255 (with `unit` of 0..1) brought in; NaN is an
   error. bool is black and white. `channels` is not used. The file is replaced as by
   ct_module_save */
ct_status ct_write_image(ct_tensor *x, const char *path, const ct_image_options *options);

/* -- Text */
/* i64 (n): the bytes of the file, each 0..255; plain or gzip */
ct_tensor *ct_read_bytes(ct_context *cx, const char *path, const ct_read_options *options);
/* the file as a text, which must be UTF-8 without zero bytes; plain or gzip. The text is the
   scope's */
const char *ct_read_text(ct_context *cx, const char *path, const ct_read_options *options);
/* Numbers for characters: those that a text has, in the order of Unicode. Texts are UTF-8. The text
   of all indices makes the same vocabulary again: to be kept with a model that needs it */
typedef struct ct_vocabulary ct_vocabulary;
typedef struct ct_vocabulary_options {
    bool unknown;              /* index 0 is for every other character; its text is U+FFFD */
    uint64_t reserved[4];
} ct_vocabulary_options;
/* the vocabulary of all characters that the text has */
ct_vocabulary *ct_vocabulary_new(ct_context *cx, const char *text,
                                 const ct_vocabulary_options *options);
int64_t ct_vocabulary_size(const ct_vocabulary *v);            /* of characters; -1 on failure */
/* i64 (n): the index of each character. Without `unknown`, one that v lacks is an error */
ct_tensor *ct_vocabulary_encode(const ct_vocabulary *v, const char *text);
/* the characters of the indices, in row-major order; the scope's */
const char *ct_vocabulary_decode(const ct_vocabulary *v, ct_tensor *indices);
/* frees the vocabulary. What is not freed goes with the context. A freed one is CT_ERROR_STALE, as
   for modules */
void ct_vocabulary_free(ct_vocabulary *v);

/* -- Modules */
/* writes parameters and buffers as safetensors, by their paths from m: "0.weight". A file of that
   name is replaced in one step when all is written, and stays as it is on failure. A symbolic link
   stays a link: the file that it points to is replaced. The new file has the old one's mode, and
   its owner where the system allows that. What is no regular file is refused.

   While it is written, the new file is beside the old one, as "NAME.ct-0.part" or with another
   number; if a save was killed, the next one to that name removes what it left */
ct_status ct_module_save(const ct_module *m, const char *path);
/* Flags of ct_module_load and ct_module_load_from */
enum {
    CT_ALLOW_MISSING = 1,      /* a tensor that the file lacks stays as it is */
    CT_ALLOW_EXTRA = 2         /* a tensor that the module lacks is passed over */
};
/* reads all values into the tensors that m has, which must have the same dtypes and shapes, so that
   optimizers go on working; on failure nothing changes. Names that only one side has are errors
   unless `flags` allow them.

   The file is any archive of archive.h, also of other dtypes with which ct_module_load_from agrees.
   Safetensors are taken strictly: duplicate names, overlaps, holes, data outside of the file,
   dtypes that the format does not have, and data of another size than dtype and shape say are
   errors, in tensors that are passed over too. Of bool, every byte but 0 is true. They need a build
   with jansson, otherwise it is CT_ERROR_UNSUPPORTED */
ct_status ct_module_load(ct_module *m, const char *path, unsigned flags);

CT_API_END
#endif
