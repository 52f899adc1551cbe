/* What the files of this room use of each other. */
#ifndef COTANGENT_STATE_H
#define COTANGENT_STATE_H
#include <cotangent/nn/train.h>

#include "module.h"

/* -- state.c: nothing of the run is stale, and it has a module */
ct_status ct__training_check(const ct_training *t, const char *who);

/* -- progress.c: what was shown last, and when the call began */
typedef struct ct__progress {
    FILE *file;
    bool terminal, shown;   /* a bar is on the line where the cursor is */
    double begun, last;     /* seconds */
    int64_t batches, examples; /* since the call began */
} ct__progress;
void ct__progress_begin(ct__progress *p, FILE *file);
/* sets the speed and the time left of the report, and shows it */
void ct__progress_show(ct__progress *p, ct_fit_report *report);
/* ends the line of a bar */
void ct__progress_end(ct__progress *p);
#endif
