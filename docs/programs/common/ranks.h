#ifndef PROGRAM_RANKS_H
#define PROGRAM_RANKS_H
#include "program.h"

/* sets p->rank, and makes all ranks but 0 silent; false: why not */
bool ranks_begin(program *p, const char **why);
/* before the context is freed */
void ranks_end(program *p);

#endif
