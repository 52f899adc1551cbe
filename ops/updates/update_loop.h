/* One pass over the elements of many tensors: what an update does to all parameters. Tuples of
 * tensors that are contiguous lie, so to say, one behind another, and the whole is cut into ranges
 * for the threads: many small ones are one range, a large one is several. */
#ifndef CT_OPS_PASS_H
#define CT_OPS_PASS_H
#include <cotangent/op.h>

enum { CT__PASS_OPERANDS = 4, CT__PASS_GRAIN = 32768 }; /* elements of a range: 10 us at least */

typedef struct ct__piece {
    int64_t start, count; /* among all elements */
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
    int64_t total;
    int operands, n;
} ct__pass;

/* the context of the first tensor that there is (NULL: there is none), for the call `who`; an error
   if that tensor is stale */
ct_status ct__context_of_list(ct_tensor *const *list, int n, const char *who, ct_context **cx);

/* room for n tuples, in the call's scratch */
ct_status ct__pass_begin(ct__pass *p, const ct_call *call, int n, int operands);
/* one tuple, all of one shape and float dtype. One that is not contiguous is looped over at once */
void ct__pass_add(ct__pass *p, ct_tensor *const *x, ct_loop_body body, const void *arg);
/* every piece's body over all of it, by ranges; where two operands overlap, in order */
void ct__pass_run(ct__pass *p);
/* visit(piece, n, data, arg) for each part of a piece in begin..end, in order */
typedef void ct__visit(const ct__piece *piece, int64_t n, void *const *data, void *arg);
void ct__pass_visit(const ct__pass *p, int64_t begin, int64_t end, ct__visit *visit, void *arg);
#endif
