/* Everything that reads a file, one function for each kind: for tests with damaged files, and for
 * fuzzing. A fuzzer that has bytes writes them to a file (memfd_create and "/proc/self/fd/N" is
 * the quickest way), and calls `read` with a context of its own. Whatever the file is, the call
 * returns; what is wrong is an error of the context, and nothing else is changed. */
#ifndef READERS_H
#define READERS_H
#include <cotangent.h>

typedef struct reader {
    const char *name;
    void (*read)(ct_context *cx, const char *path);
} reader;

extern const reader readers[]; /* up to one without a name */
/* reads the file by the reader of that name */
void read_as(const char *name, ct_context *cx, const char *path);
#endif
