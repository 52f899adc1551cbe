/* Words that tell the compiler where time matters. */
#ifndef COTANGENT_COMPILER_H
#define COTANGENT_COMPILER_H

#if defined(__GNUC__)
#define CT__COLD   __attribute__((cold))             /* called only where something failed */
#define CT__APART  __attribute__((noinline))         /* rarely called: callers stay small */
#define CT__INLINE inline __attribute__((always_inline)) /* part of every operator's call */
#else
#define CT__COLD
#define CT__APART
#define CT__INLINE inline
#endif

/* before a loop: no element is read after another one was written in its place */
#if defined(__clang__)
#define CT__NO_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define CT__NO_OVERLAP _Pragma("GCC ivdep")
#else
#define CT__NO_OVERLAP
#endif
#endif
