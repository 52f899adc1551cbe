/* One pass over the elements of many tensors: an update of all parameters. The elements of all
 * tuples of contiguous tensors are counted through, and the whole is cut into ranges for the
 * threads: many small tensors are one range, a large one is several. */
#ifndef CT_OPS_PASS_H
#define CT_OPS_PASS_H
#include <cotangent/op.h>

enum {
    CT__PASS_OPERANDS = 5,  /* tensors in a tuple, at most */
    CT__PASS_GRAIN = 32768  /* elements in a range: 10 us of work at least */
};

typedef struct ct__piece {
    int64_t start, count; /* its elements' numbers among all elements */
    size_t size;          /* of one, in bytes */
    void *data[CT__PASS_OPERANDS];
    ct_loop_body body;
    const void *arg;
} ct__piece;

typedef struct ct__span {
    uintptr_t begin, end;
} ct__span;

typedef struct ct__pass {
    ct_context *cx;
    ct__piece *pieces;
    ct__span *spans; /* room for all there are */
    void *arguments;
    int64_t total;
    int operands, n;
} ct__pass;

/* the context of the first tensor that there is (NULL: there is none), for the call `who`; an error
   if that tensor is stale */
ct_status ct__context_of_list(ct_tensor *const *list, int n, const char *who, ct_context **cx);

/* Takes room for n tuples from the call's scratch, and behind it room for n arguments of that size:
 * p->arguments. */
ct_status ct__pass_begin(ct__pass *p, const ct_call *call, int n, int operands, size_t argument);
/* Adds a tuple, whose tensors have one shape and one float dtype. If one of them is not contiguous,
 * body runs over the tuple at once. */
void ct__pass_add(ct__pass *p, ct_tensor *const *x, ct_loop_body body, const void *arg);
/* Runs every piece's body over all of it, by ranges; in order where two operands overlap. */
void ct__pass_run(ct__pass *p);
/* Calls visit(piece, n, data, arg) for each part of a piece in begin ... end - 1, in order. */
typedef void ct__visit(const ct__piece *piece, int64_t n, void *const *data, void *arg);
void ct__pass_visit(const ct__pass *p, int64_t begin, int64_t end, ct__visit *visit, void *arg);
#endif
