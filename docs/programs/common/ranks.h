#ifndef PROGRAM_RANKS_H
#define PROGRAM_RANKS_H
#include "program.h"

/* What program.c calls by a pointer: so that programs without --ranks are not linked with MPI. */
struct ranks {
    /* sets p->rank, and makes all ranks but 0 silent; false: why not */
    bool (*begin)(program *p, const char **why);
    /* before the context is freed */
    void (*end)(program *p);
    /* program_step, on several processes */
    double (*step)(program *p, ct_module *net, ct_optimizer *o, ct_module_loss loss,
                   ct_tensor *const *x);
};

#endif
