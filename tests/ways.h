/* The ways in which a context may share work out. Way 0: one thread; then more; the last way: a
 * pool of the host's, with threads of its own, which take the last indices first. */
#ifndef WAYS_H
#define WAYS_H
#include "support.h"

/* ThreadSanitizer is slow, and looks for races, which need no second look */
#if defined(__SANITIZE_THREAD__)
enum { SLOW = 1, WAYS = 3 };
#else
enum { SLOW = 0, WAYS = 6 };
#endif

ct_context *context_of_way(int way);
int threads_of_way(int way);     /* 0: the host's */
int jobs_of_host(void);          /* what its pool was asked for so far */
uint64_t hash_of(ct_tensor *x);  /* of its bits */
#endif
