/* Programs: a function that is run many times is recorded once and replayed.
 *
 *   static ct_tensor *step(ct_context *cx, ct_tensor *const *x, int n, void *user)
 *   {
 *       model *m = user;
 *       ct_tensor *loss = ct_cross_entropy(ct_module_forward(m->net, x[0]), x[1]);
 *       ct_backward(loss);
 *       ct_optimizer_step(m->optimizer);
 *       return loss;
 *   }
 *   ct_program *p = ct_program_new(cx, step, &m, NULL);
 *   while (...)
 *       loss = ct_program_run(p, CT_TENSORS(images, labels));
 *
 * The first run for each set of shapes is an ordinary one, and it is noted. Later ones call the
 * same kernels with the same arguments in the same order, so that they give the same bits. They do
 * nothing else: no check, no graph, no walk, no allocation but of what is returned. docs/replay.md
 * says how. */
#ifndef COTANGENT_PROGRAM_H
#define COTANGENT_PROGRAM_H
#include <cotangent/op.h>
CT_API_BEGIN

/* A function with several results: it sets y[0], y[1], ..., as many as the program has. */
typedef ct_status (*ct_functions)(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y,
                                  void *user);

/* A function and the plans of its runs. It belongs to a context, and to the thread that uses it. */
typedef struct ct_program ct_program;
typedef struct ct_program_options {
    int plans;                 /* kept at most, one for each set of shapes; 0: 8 */
    int verify;                /* every n-th run is an ordinary one, noted once more. A step that
                                  differs from the plan's is CT_ERROR_VALUE, which names it. So are
                                  other bits of a replay, if f has no effects. 0: none */
    bool strict;               /* a run that stays eager is CT_ERROR_UNSUPPORTED, which says why */
    uint64_t reserved[4];
} ct_program_options;

/* f, to be run many times. NULL and an error: no f, or options that were not zeroed. The context
   owns the program; `user` must live as long as it does.
   Tensors that f reaches without its arguments, as parameters, are allowed: they are read and
   written where they lie, in each run. So are ct_grad, ct_backward and ct_optimizer_step in f.
   f is called in first runs alone: what it does in C, and numbers of C that it reads and passes to
   operators, such as ct_scale(x, factor), stay as they were then. What changes must be a tensor;
   the rate of an optimizer may change, too. */
ct_program *ct_program_new(ct_context *cx, ct_function f, void *user,
                           const ct_program_options *options);
/* the same for a function with `results` results; 1 at least */
ct_program *ct_program_new_all(ct_context *cx, ct_functions f, int results, void *user,
                               const ct_program_options *options);
/* f(x), without its graph: a walk that comes to it is CT_ERROR_GRAPH if it may have had one. In f
   the x[i] are constants over the caller's data, but for variables of the caller's, which are given
   as they are. NULL and an error: f failed, or a kernel did, in which case what comes after it is
   not done.
   A run is noted anew for other dtypes, shapes or strides, under ct_no_grad or ct_inference, and if
   a tensor that f reaches by itself was released, got a hook, or is a variable no more.
   It is eager, and stays so, if f does what a replay cannot do rightly; ct_program_text names it.
   That is: to read a value (ct_item, ct_data, ct_to_doubles, ct_text, ct_clip_gradients, the shape
   of ct_nonzero ...), to write through C (ct_set, ct_data_mutable), to use the caller's memory
   (ct_from_doubles, ct_borrow) or draw for it (ct_random_u64, ct_seed), to retain or release what
   lives longer than the run (ct_keep), ct_share, ct_constant, hooks, an optimizer's rate,
   ct_batches_next, ct_fixed_point, ct_root, ct_ctc, second derivatives of max pools and of
   attention with dropout, derivatives of factorizations, determinants and ct_solve_triangular,
   attributes that are not plain (ct_update), a graph of before the run whose operators run a
   function again, a call that fails, and ct_call_once. In place of ct_clip_gradients,
   ct_clip_gradient_norm can be replayed.
   It is eager for the moment while ct_find_nonfinite is on, while another program notes, and in
   gradient checks. */
ct_tensor *ct_program_run(ct_program *p, ct_tensor *const *x, int n);
/* The same for all results, which it puts into y; ct_program_run gives the first one alone. On
   failure all y[i] are NULL. */
ct_status ct_program_run_all(ct_program *p, ct_tensor *const *x, int n, ct_tensor **y);
/* ct_program_run as a ct_function, whose user is the program. Where an x requires grad it is f
   itself. */
ct_tensor *ct_program_call(ct_context *cx, ct_tensor *const *x, int n, void *program);
/* p for another context, and so for another thread: replays of p and of its clones go on at the
   same time. The clone has plans and arenas of its own, and reads the leaves that p reads: nobody
   may write to these, or release them, while it runs. Its draws are its own context's.
   It does not call f. From now on, the first run of p for each set of shapes, in the same modes, is
   noted for p and for all clones, and a run that is not noted is CT_ERROR_UNSUPPORTED. So is one
   that writes to anything but its arguments and results, as to a gradient; and one whose result is
   a leaf. While this call, a first run of p, or a call that frees p, the clone or one of their
   contexts is under way, no other of these programs and contexts may be used.
   Where p is freed first, a run of the clone is an error. */
ct_program *ct_program_clone(ct_program *p, ct_context *cx);
/* For each plan: what it is for, how many steps it has, how many times it ran, the bytes of its
   intermediate results, and those that it would take if none shared memory; or why it stays eager.
   For each group of elementwise kernels, which is run piece by piece: how many there are, how often
   tensors are read or written in memory, and how often if each kernel were called by itself. Then
   the operators that are in no group, and why. The scope owns the text. */
const char *ct_program_text(const ct_program *p);
/* Frees the program and its plans; the tensors that it returned stay. NULL is fine. A program that
   runs is not freed: CT_ERROR_VALUE. */
void ct_program_free(ct_program *p);

/* Writes the program as C: a file NAME.c that says what each run does, call by call. NAME is that
   of the path, an identifier of C. The file includes cotangent.c, the library in one file;
   embed/cut.py makes one file of both that has no more of the library than the program uses,
   unchanged. It defines
       typedef struct NAME NAME;
       NAME *NAME_new(int simd, int threads);
       int NAME_run(NAME *s, const float *x0, ..., float *y0, ...);
       const char *NAME_error(const NAME *s);
       void NAME_free(NAME *s);
   NAME_new makes a state, or NULL for lack of memory; simd and threads are those of
   ct_context_options. NAME_run does what ct_program_run does, bit for bit if the simd is the same
   and the library computes products itself (-Dblas=none, as cotangent.c does). x and y are the
   caller's memory, row-major, of float, double, int64_t or bool; NAME.c tells how many numbers each
   has. An argument that is a variable is no parameter. NAME_run returns 0, or a ct_status, whose
   text NAME_error has. NAME_free frees the state. States are independent of each other; each serves
   one thread at a time. The file is for machines with the byte order and the size of addresses of
   this one.
   The file has the numbers that leaves hold now: parameters, states of optimizers, the place of the
   random stream. What runs write stays in the state, so a program that trains goes on learning; the
   file itself never changes. Rates of optimizers stay what they are now.
   The file is replaced in one step. Errors: CT_ERROR_VALUE: p was not run, or for several sets of
   shapes or modes; a leaf was released or changed since; p runs; an argument is not contiguous; the
   path has no such NAME; a variable has a gradient. CT_ERROR_UNSUPPORTED, with the reason: p stays
   eager, or is a clone; an operator that is not of the library; a step that fills a tensor, as
   ct_assign, ct_fill and ct_randn do, and ct_average_update; an optimizer whose parameters have
   rates or decays of their own; a gradient that the run adds to or leaves behind. CT_ERROR_FILE,
   CT_ERROR_MEMORY.
   What p calls in each run (ct_call_again) is called, to be asked what it does: operators then
   write nothing. If it fails, this fails too. An optimizer's tensors count as written. */
ct_status ct_program_emit(ct_program *p, const char *path);

/* -- For libraries on top */
/* ct_program_emit, of which `find` knows the operators by their names: that of op is ct__NAME_op in
   C if find(op->name) is op. */
ct_status ct_program_emit_with(ct_program *p, const char *path,
                               const ct_op *(*find)(const char *name));
/* again(object), now and, if a program notes this run, at this place in each replay. What it
   reaches must be tensors that live from run to run, and their gradients, and never a result made
   in the run. It may retain a gradient, and must not keep a view of one: in a replay the gradient
   may lie in memory of the program. The object is one of ct_object_new; when it is freed, such a
   run is noted anew. */
ct_status ct_call_again(ct_context *cx, ct_status (*again)(void *object), void *object);

CT_API_END
#endif
