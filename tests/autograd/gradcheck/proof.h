/* The checker's proof: rules that are wrong, each in its own way, and functions that are right and
 * hard to check. The tests run them at a few seeds, and the program `proof` (./run slow checker)
 * at many; it also prints the tables of docs/gradcheck.md. */
#ifndef PROOF_H
#define PROOF_H
#include <cotangent.h>

enum { PROOF_INPUTS = 3, PROOF_CASES = 300 };

typedef struct proof_case {
    const char *kind, *name;
    const ct_op *op;                  /* checked by ct_gradcheck_op; NULL: f is a function */
    ct_function f;
    void *user;
    /* fills x, drawn from the context's stream; returns how many */
    int (*inputs)(ct_context *cx, ct_tensor **x, const void *user);
    int order;
    bool quick;
    double rtol;                      /* 0: the default */
    /* of a broken one */
    ct_verdict want;                  /* FAIL, or INVALID where it is impure, writes, ... */
    const char *fragment;             /* the diagnosis holds it */
    int64_t entry;                    /* row-major, of the input at fault; -1: any that is wrong */
    const char *culprit;              /* f's graph is checked, and this operator is to blame */
} proof_case;

/* each fills `out` with room for PROOF_CASES, and returns how many there are */
int proof_broken(proof_case *out);
int proof_right(proof_case *out);
/* parts of the broken ones */
int proof_broken_operators(proof_case *out);
int proof_broken_functions(proof_case *out);

/* one check, in a context of its own */
ct_verdict proof_check(ct_context *cx, const proof_case *p, uint64_t seed,
                       ct_gradcheck_report *report);
/* is the report on a broken case what it must be? why: says what is not */
bool proof_is_right(const proof_case *p, const ct_gradcheck_report *report, const char **why);
#endif
