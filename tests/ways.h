/* The ways in which a context may share work out. Way 0: one thread; then more; the last way: a
 * pool of the host's, with threads of its own, which take the last indices first. */
#ifndef WAYS_H
#define WAYS_H
#include "support.h"

/* Sanitizers, valgrind (for which ./run defines UNDER_VALGRIND) and qemu (UNDER_QEMU, tests/cross)
 * make a program slow. They look for faults that do not hide in repetition, so what is repeated many
 * times in other builds is repeated a few times under them. */
#if defined(UNDER_VALGRIND) || defined(UNDER_QEMU)
#define SLOW 1
#elif defined(__has_feature)
#define SLOW (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOW 1
#else
#define SLOW 0
#endif
/* ./run slow clang defines it for one of its builds, in which nothing is left out to save time */
#ifndef EXHAUSTIVE
#define EXHAUSTIVE 0
#endif
enum { WAYS = SLOW ? 3 : 5 };
/* A test that takes long may be run in shares: with TEST_SHARE=K/N in the environment it does what
 * has the numbers K, K + N, K + 2 N, ... Without, it does all. */
bool in_share(int64_t number);

ct_context *context_of_way(int way);
int threads_of_way(int way);     /* 0: the host's */
int jobs_of_host(void);          /* what its pool was asked for so far */
uint64_t hash_of(ct_tensor *x);  /* of its bits */

/* fork, while `c` has started its three threads, which stay with the parent; the child has started three
 * others. Where a child can start none, under ThreadSanitizer and qemu-user, it ends at once, with status
 * 0: only the parent is tested there. */
pid_t fork_with_threads(ct_context *c);
#endif
