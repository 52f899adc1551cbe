/* A thread of its own that runs one job at a time. Where there is no thread (none could be made, or
 * this process is a child of the one that made it) the caller runs the job when it waits for it. */
#ifndef COTANGENT_RUNNER_H
#define COTANGENT_RUNNER_H
#include <cotangent/context.h>

typedef struct ct__runner ct__runner;

/* An object; NULL and an error for lack of memory. Freeing it waits for the job, and ends the
   thread. What the body uses must have been made before the runner: objects that are forgotten go
   in the opposite order */
ct__runner *ct__runner_new(ct_context *cx, void (*body)(void *arg), void *arg);
/* the body may run from now on; then it must be waited for, once */
void ct__runner_begin(ct__runner *r);
void ct__runner_wait(ct__runner *r);
#endif
