/* Steps that can be replayed: with COTANGENT_TESTS=replay in the environment, all are. */
#ifndef STEP_H
#define STEP_H
#include <cotangent.h>

/* f(x). If steps are replayed, a program of cx's runs it (program.h), one for each f and user. A
 * step that stays eager is an error then. */
ct_tensor *step_run(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n);
/* Frees the programs of cx: before a `user` that is elsewhere, or is something else. */
void step_forget(ct_context *cx);
/* what a program should be like if steps are replayed, or NULL: for ct_fit_options.replay */
const ct_program_options *step_options(void);
#endif
