/* CSV: fields are found in csv.c, and become columns in columns.c; table.c has the public calls. */
#ifndef COTANGENT_CSV_H
#define COTANGENT_CSV_H
#include "whole.h"
#include "words.h"

typedef struct ct__csv {
    ct__file file;         /* for messages */
    char separator;
    char *text;            /* the content, an object. After ct__csv_split: its fields, one after the
                              other, each with a zero byte at its end */
    int64_t bytes;         /* of the content */
    int64_t records;       /* with the header */
    int width;             /* fields of each record */
} ct__csv;

/* finds the fields and checks that all records have as many; sets records and width */
ct_status ct__csv_split(ct__csv *c);
/* the field after this one */
const char *ct__csv_after(const char *field);
/* the line of the file in which that field begins */
int64_t ct__csv_line(const ct__csv *c, const char *field);

typedef struct ct__column {
    const char *name;
    ct_column_kind kind;
    bool any, missing, bools, ints, floats; /* what its fields are, as long as kind is ANY */
    ct_tensor *values;     /* retained, once they are known */
    void *out;             /* their data */
    ct__words words;       /* the categories */
} ct__column;

typedef struct ct__columns {
    int n, width;
    int *of;               /* of each field of a record: its column, or -1 */
    ct__column all[];
} ct__columns;

/* the columns that the options name, or all, without values; an object; NULL and an error */
ct__columns *ct__columns_new(const ct__csv *c, const ct_csv_options *o, const char *const *names);
/* reads the values of all columns from the records, the first of which is at `field` */
ct_status ct__columns_read(ct__columns *columns, const ct__csv *c, const ct_csv_options *o,
                           const char *field, int64_t rows);
void ct__columns_free(ct__columns *columns);

/* a field as a number, with spaces around it; false: it is none */
bool ct__parse_float(const char *field, double *out);
bool ct__parse_int(const char *field, int64_t *out);
bool ct__parse_bool(const char *field, bool *out);
#endif
