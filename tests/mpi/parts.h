/* What the tests on several ranks share. A check that fails prints the rank and ends the job. */
#ifndef PARTS_H
#define PARTS_H
#include <cotangent.h>
#include <cotangent/mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) CHECK_MSG(condition, "%s", #condition)
#define CHECK_MSG(condition, ...)                                                               \
    do                                                                                          \
        if (!(condition))                                                                       \
            check_failed(__FILE__, __LINE__, __VA_ARGS__);                                      \
    while (0)
void check_failed(const char *file, int line, const char *format, ...);

extern int rank, ranks;
extern ct_context *cx;

/* each begins with a new cx, whose blocks are counted */
typedef struct test {
    const char *name;
    void (*run)(void);
    int ranks;                  /* it takes so many or more */
} test;
enum { ALONE = 1000 };          /* as `ranks`: it runs by its name only */
extern const test rank_tests[], training_tests[], fault_tests[];

/* -- What is trained: a tanh network 3-5-2 and a scale that only some losses use */
enum { IN = 3, OUT = 2, SCALE = 0 }; /* SCALE: its number, a module's own come first */
typedef struct net {
    ct_module *module;
    ct_tensor *const *w;
    int n;
} net;
net make_net(ct_dtype dtype, uint64_t seed);
/* `n` examples, from number `first` on: the same on all ranks */
ct_tensor *examples_x(ct_dtype dtype, int64_t first, int64_t n);
ct_tensor *examples_y(ct_dtype dtype, int64_t first, int64_t n);
ct_tensor *loss_of(net *a, int64_t first, int64_t n);
/* the part of `all` examples that this rank has */
int64_t part_of(int64_t all, int r);
/* all ranks have the same bits in these tensors */
bool same_everywhere(ct_tensor *const *x, int n);
/* an error is pending, of that code, with that text in it; it is cleared */
void expect(ct_status code, const char *text);

/* -- MPI's profiling interface: call number fail_at of that function fails, MPI_ not written */
extern const char *fail_name;
extern long fail_at, fail_seen;
/* the sum number spoil_at of Iallreduce that adds in place has one more added on rank 0: in what all
   get, or in what rank 0 gets alone */
extern long spoil_at;
extern bool spoil_alone;
#endif
