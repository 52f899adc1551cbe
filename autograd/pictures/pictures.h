/* The recorded graph as text: one traversal, and the printers of its kinds. */
#ifndef COTANGENT_PICTURES_H
#define COTANGENT_PICTURES_H
#include <cotangent/graph.h>

#include "graph.h"
#include "walk.h"

/* -- out.c: a text that grows. It is put together in the context's memory, in no scope, so that it
 * may grow during a walk. Once memory is lacking, nothing more is added */
typedef struct ct__out {
    ct_context *cx;
    ct__text *text; /* NULL: nothing yet */
    size_t used;
    bool failed;
} ct__out;

void ct__print_bytes(ct__out *o, const char *bytes, size_t n);
void ct__print(ct__out *o, const char *format, ...) CT_PRINTF(2, 3);
/* in quotes and escaped. What is no UTF-8 becomes U+FFFD; "<" is escaped, too, so that the text may
 * stand in a page; NULL becomes null */
void ct__print_json(ct__out *o, const char *text);
/* with as few digits as it takes to read it back, for an element of that dtype */
void ct__print_number(ct__out *o, double value, ct_dtype dtype);
const char *ct__out_to_scope(ct__out *o); /* the whole text; NULL: memory was lacking */
void ct__out_free(ct__out *o);            /* where it does not go to a scope */

/* -- collect.c: the vertices behind y. Nothing is written into the tensors, so it may run while a
 * walk is under way. Its memory is the innermost scope's */
typedef struct ct__graph {
    ct_context *cx;
    const ct_tensor **node; /* node[0] is y, and then breadth first; sorted: y is the last */
    int64_t count;
    int64_t *first;         /* inputs of node i: from first[i] to before first[i + 1] */
    int64_t *input;         /* the number of such an input's node; -1: it is not collected */
    int64_t left_out;       /* how many of these there are */
    uint32_t *slots;        /* the hash table: numbers of nodes, plus 1 */
    int64_t slot_count;
} ct__graph;

enum ct__which { CT__OPERATORS_ONLY, CT__ALL_VERTICES };
/* at most `most` vertices; false: no memory */
bool ct__collect(ct__graph *g, const ct_tensor *y, int64_t most, enum ct__which which);
/* Numbers the vertices anew: each after its inputs, as ct_gradcheck_graph does. */
bool ct__graph_sort(ct__graph *g);
int64_t ct__node_of(const ct__graph *g, const ct_tensor *t); /* -1: it is not collected */
/* what most of a graph's callers begin with: the options, checked and with their defaults */
bool ct__graph_options(const ct_tensor *y, const char *who, const ct_graph_options *given,
                       ct_graph_options *options);

/* -- summary.c */
/* the most elements of one tensor that are shown */
enum { CT__CELLS = 1024, CT__BINS = 16 };
void ct__print_summary(ct__out *o, const ct_tensor *t, int64_t share);

/* -- reverse.c: the summaries of all cotangents, made in a walk */
typedef struct ct__slice {
    size_t start, length; /* length 0: no cotangent */
} ct__slice;

typedef struct ct__cotangents {
    ct__watch watch;
    const ct__graph *graph;
    int64_t share;
    ct__out text;
    ct__slice *of_node, *of_input; /* as graph->node and graph->input */
} ct__cotangents;
/* room for them in the innermost scope, and the walk. The caller frees c->text, on failure too */
ct_status ct__reverse_watched(ct__cotangents *c, ct_tensor *y, ct_tensor *gy, const char *who);

/* -- json.c: `who` is the call that the user made. The caller frees *o, on failure too */
ct_status ct__graph_json(ct__out *o, ct_tensor *y, const ct_graph_options *given, const char *who);
#endif
