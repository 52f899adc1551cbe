/* What a file of ct_program_emit has beside its steps: tables, and a state made of them. The
 * functions here belong to such files only; embed/cut.py takes them along. */
#ifndef COTANGENT_EMITTED_H
#define COTANGENT_EMITTED_H
#include "programs.h"

/* Memory that steps use. Its content is read where it is, or copied at first if it is written. */
typedef struct ct__emitted_place {
    const void *content; /* or NULL */
    int64_t bytes;       /* -1: no memory, or that which the caller gives */
    bool written;
} ct__emitted_place;

/* a tensor over a place; -1 as a place: it has a shape, and the offset is one in a group's room */
typedef struct ct__emitted_header {
    int place;
    int64_t offset, count;
    uint8_t dtype, ndim;
    uint16_t flags;
    uint32_t mark;
    int64_t dims[2 * CT_MAX_DIMS + 1]; /* the shape, and then the strides */
} ct__emitted_header;

typedef struct ct__emitted_tables {
    const char *who; /* the name of the file's function, for messages */
    const ct__emitted_place *places;
    const ct__emitted_header *headers;
    int place_count, header_count, streams;
    uint64_t seed, draws; /* of the random stream, when the file was written */
} ct__emitted_tables;

typedef struct ct__emitted {
    ct_context *cx;
    const ct__emitted_tables *tables;
    char **at;          /* where the places are */
    ct_tensor **h;      /* the headers */
    uint64_t *stream;   /* draws to which a run comes back */
    ct__buffer buffer;  /* of all headers */
    ct_tensor *vertex;  /* of all backward calls */
} ct__emitted;

/* NULL: no memory. simd and threads are those of ct_context_options */
ct__emitted *ct__emitted_new(const ct__emitted_tables *tables, int simd, int threads);
void ct__emitted_free(ct__emitted *e); /* NULL does nothing */
void ct__emitted_begin(ct__emitted *e); /* the places are set: headers lead to them from now on */
typedef ct__step ct__emitted_step; /* a name that is the same in the one file of the library */
static inline void ct__emitted_kernel(ct__emitted_step *s)
{
    s->kernel(s->n, s->data[0], s->data + 1, s->arg);
}

/* a step that calls an operator: `backward` where there is a gx. false: it failed */
bool ct__emitted_call(ct__emitted *e, const ct_call *call, ct_tensor *const *gy,
                      ct_tensor *const *gx);
void ct__emitted_result(const ct__emitted *e, int header, void *y); /* in row-major order */
#endif
