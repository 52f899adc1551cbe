/* Writing a program as C: the pieces of the file, and the memory that its steps use. */
#ifndef COTANGENT_EMISSION_H
#define COTANGENT_EMISSION_H
#include "emitted.h"

/* A text that grows: an object of the context, or NULL. */
typedef struct ct__sheet {
    char *text;
    size_t used, room;
} ct__sheet;

/* The pieces in the order in which they are in the file. */
enum { CT__TOP, CT__DATA, CT__PLACES, CT__HEADERS, CT__STEPS, CT__SHEETS };

/* Memory that steps use: the arena, which is number 0, a leaf, a constant, or what is elsewhere in
 * each run: an argument, a result. Of the last two, `begin` is a block that is there while the
 * program is written, so that each address tells whose it is. */
typedef struct ct__region {
    const char *begin;
    int64_t bytes;
    const ct__buffer *leaf;
    int argument;         /* its number, or -1 */
    bool written, filled; /* filled: the file has its numbers */
    bool used, block;
} ct__region;

typedef struct ct__emission {
    ct_context *cx;
    ct__plan *plan;
    const ct_op *(*find)(const char *name);
    const char *who, *path;
    char name[64];
    bool failed; /* and the context has the error */
    bool asking; /* tensors are the context's, and not the plan's */
    ct__sheet sheets[CT__SHEETS];
    ct__region *regions; /* an object of the context, with room for 2^k */
    ct_tensor **known;   /* likewise: the plan's headers that have a number, which is `pending` */
    int region_count, known_count, header_count, stream_count, array_count;
} ct__emission;

/* -- text.c */
/* marks e as failed, unless it is; returns false */
bool ct__emit_fail(ct__emission *e, ct_status code, const char *format, ...) CT_PRINTF(3, 4);
void ct__emit(ct__emission *e, int sheet, const char *format, ...) CT_PRINTF(3, 4);
/* the list, with room for one more behind n elements unless e failed */
void *ct__emit_room(ct__emission *e, void *list, int n, size_t size);
/* an array emitted_aN of the same bytes; returns N */
int ct__emit_array(ct__emission *e, const void *from, size_t bytes);
ct_status ct__emit_file(ct__emission *e); /* writes the sheets */

/* -- regions.c: numbers of things. -1: e failed */
void ct__emit_regions(ct__emission *e); /* those of the plan; its headers lead to them now */
void ct__emit_forget(ct__emission *e);
int ct__emit_place(ct__emission *e, const void *data, int64_t *offset);
int ct__emit_header(ct__emission *e, ct_tensor *t);
void ct__emit_places(ct__emission *e); /* the table, when all are known */

/* -- calls.c */
enum { CT__OP_NAME = 96 };
/* the name of an operator; false: it has none, and e failed */
bool ct__emit_name(ct__emission *e, const ct_op *op, char name[CT__OP_NAME]);
void ct__emit_call_value(ct__emission *e, const ct_call *call); /* { .op = ... } */
/* the statement that runs it; gx is NULL: forward */
void ct__emit_call(ct__emission *e, const ct_call *call, ct_tensor *const *gy,
                   ct_tensor *const *gx);

/* -- steps.c */
void ct__emit_steps(ct__emission *e);

/* -- again.c: asks what the program calls in each run what that would do, and writes that */
void ct__emit_again(ct__emission *e, const ct__step *s);
#endif
